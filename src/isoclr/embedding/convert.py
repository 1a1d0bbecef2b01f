"""The verb: embeddings of another program in, a file as ``isoclr embed`` writes it out."""

from pathlib import Path

import numpy as np
import polars as pl

from isoclr._console import finish, info
from isoclr.embedding.embed import read_rnas
from isoclr.embedding.external import from_external, rows_of_a_table
from isoclr.embedding.io import check_output, write
from isoclr.errors import InputError

_TABLES = {".tsv", ".txt", ".csv", ".parquet"}
_FORMATS = (".npz", ".parquet", ".h5ad")


def convert(
    embeddings: Path,
    *,
    out: Path,
    model_name: str | None = None,
    rnas: Path | None = None,
    species: str = "",
    overwrite: bool = False,
) -> Path:
    """Embeddings made elsewhere (Orthrus, mRNABench, …) → a file as isoclr embed writes it.

    isoclr probe reads such embeddings as they are when they have ids. Converting them adds what a file may lack: the
    gene of every RNA, without which isoforms may be on both sides of a split, its species and its length.

    Args:
        embeddings: .npz, .parquet or .h5ad with a matrix (embedding, embeddings, emb, X, features, …) and ids
            (transcript_id, transcript, id, name, … and gene_id, gene, …); no pickled arrays.
        out: the embeddings, as Parquet (.parquet), AnnData (.h5ad) or NumPy (.npz) by the extension.
        model_name: what made them, such as orthrus; by default the file's name.
        rnas: a FASTA, a corpus, or a table (TSV, CSV, Parquet) with transcript_id, gene_id, species, length. Rows with
            ids are looked up in it; where the embeddings have no ids, as mRNABench's, its rows are theirs, in order.
        species: of RNAs whose species is not known.
        overwrite: replace an output that exists.

    Returns:
        The output's path.

    Raises:
        InputError: a file that cannot be used, no ids, or other RNAs.

    >>> import isoclr, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> np.savez(folder / "orthrus.npz", embeddings=np.eye(2), transcript=np.array(["t1", "t2"]))
    >>> out = convert(folder / "orthrus.npz", out=folder / "e.parquet")
    >>> isoclr.embedding.io.read_embeddings(out)
    Embeddings(2 RNAs × 2, orthrus)
    """
    embeddings, out = Path(embeddings), Path(out)
    check_output(out, overwrite=overwrite)
    _check_input(embeddings)
    known = _rows(Path(rnas), species) if rnas is not None else None
    adopted, unknown = from_external(embeddings, model_name=model_name, rnas=known, species=species)
    if rnas is not None and unknown == len(adopted):
        first = adopted.table["transcript_id"][0]
        raise InputError(f"{rnas}: has none of the {unknown:,} RNAs of {embeddings} ({first}, …)")
    if unknown:
        info(f"{unknown:,} of {len(adopted):,} RNAs are not in {rnas}")
    bad = ~np.isfinite(adopted.matrix).all(axis=1)
    if bad.any():
        name = adopted.table["transcript_id"][int(bad.argmax())]
        raise InputError(f"{embeddings}: the embedding of {name} is not finite")
    write(out, adopted)
    finish(f"{out}: {len(adopted):,} RNAs × {adopted.dim}, {adopted.meta['model']}")
    return out


def _check_input(path: Path) -> None:
    if not path.is_file():
        found = "is a directory" if path.is_dir() else "no such file"
        raise InputError(f"{path}: {found}, expected a file of {', '.join(_FORMATS)}")
    if path.suffix not in _FORMATS:
        raise InputError(f"{path}: unknown format, expected {', '.join(_FORMATS)}")


def _rows(path: Path, species: str) -> pl.DataFrame:
    """The RNAs of a table, a FASTA or a corpus."""
    if not path.exists():
        raise InputError(f"{path}: no such file; expected a FASTA, a corpus or a table of RNAs")
    if path.is_file() and _TABLES & set(path.suffixes):
        return rows_of_a_table(path)
    (found,) = read_rnas([path], species=species, genome=None, annotation=[], orf=True)
    return found.table
