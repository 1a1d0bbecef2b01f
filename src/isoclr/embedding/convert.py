"""The ``convert`` command: embeddings of another program → a file as ``isoclr embed`` writes it."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from isoclr._console import info
from isoclr.embedding.embeddings import FORMATS, check_output, refuse_infinite, write
from isoclr.embedding.external import complete, read_external, recognized_columns, without_empty
from isoclr.embedding.inputs import read_rnas
from isoclr.embedding.io import read_own
from isoclr.errors import InputError, counted

TABLES = {".tsv", ".txt", ".csv", ".parquet"}


def convert(
    embeddings: Path,
    *,
    out: Path,
    model_name: str | None = None,
    metadata: Path | None = None,
    species: str = "",
    overwrite: bool = False,
) -> Path:
    """Embeddings of other programs (Orthrus, mRNABench, …) → a file as isoclr embed writes it.

    isoclr probe reads such embeddings directly if they have ids. Converting adds what a file may lack: the gene of each
    RNA, without which isoforms may be on both sides of a split, its species and its length.

    Args:
        embeddings: .npz, .parquet or .h5ad file with a matrix (embedding, embeddings, emb, X or features) and ids
            (transcript_id, transcript, id, name, … and gene_id, gene, …); no pickled arrays. A file of isoclr embed
            keeps its model.
        out: Output file: Parquet (.parquet), AnnData (.h5ad) or NumPy (.npz).
        model_name: The model that made them, such as orthrus (default: the file's name).
        metadata: A FASTA, a corpus, or a table (TSV, CSV, Parquet) with transcript_id, gene_id, species, length. Rows
            with ids are looked up in it; for embeddings without ids, such as mRNABench's, its rows are theirs in order.
        species: Species of RNAs whose species is not known.
        overwrite: Replace an existing output.

    Returns:
        The output's path.

    Raises:
        InputError: a file that cannot be used, no ids, or other RNAs.

    >>> import isoclr, numpy as np, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> np.savez(folder / "orthrus.npz", embeddings=np.eye(2), transcript=np.array(["t1", "t2"]))
    >>> out = convert(folder / "orthrus.npz", out=folder / "e.parquet")
    >>> isoclr.embedding.io.read_embeddings(out)
    Embeddings(2 RNAs × 2, orthrus)
    """
    embeddings, out = Path(embeddings), Path(out)
    check_output(out, overwrite=overwrite)
    _check_input(embeddings)
    rnas = None if metadata is None else _read_metadata(Path(metadata), species)
    own = read_own(embeddings)
    matrix, columns = read_external(embeddings) if own is None else (own.matrix, without_empty(own.table))
    result, unknown = complete(embeddings, matrix, columns, model_name=model_name, rnas=rnas, species=species)
    if own is not None:
        result = replace(result, meta={**own.meta, **({"model": model_name} if model_name else {})})
    if metadata is not None and unknown == len(result):
        first = result.table["transcript_id"][0]
        raise InputError(f"{metadata}: has none of the {unknown:,} RNAs of {embeddings} ({first}, …)")
    if unknown:
        info(f"{unknown:,} of {len(result):,} RNAs are not in {metadata}")
    refuse_infinite(embeddings, result.table, result.matrix)
    write(out, result, overwrite=overwrite)
    info(f"{out}: {counted(len(result), 'RNA')} × {result.dim}, {result.meta['model']}")
    return out


def read_rna_table(path: Path) -> pl.DataFrame:
    """The recognized columns of a table of RNAs (TSV, CSV or Parquet, plain or gz)."""
    try:
        if ".parquet" in path.suffixes:
            frame = pl.read_parquet(path)
        else:
            separator = "," if ".csv" in path.suffixes else "\t"
            frame = pl.read_csv(path, separator=separator, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: not a table of RNAs ({reason})") from None
    columns = recognized_columns(path, frame.to_dict())
    if not {"transcript_id", "gene_id"} & set(columns.columns):
        raise InputError(f"{path}: has the columns {', '.join(frame.columns[:8])}; expected transcript_id or gene_id")
    return columns


def _check_input(path: Path) -> None:
    if not path.is_file():
        problem = "is a directory" if path.is_dir() else "no such file"
        raise InputError(f"{path}: {problem}, expected a file of {', '.join(FORMATS)}")
    if path.suffix not in FORMATS:
        raise InputError(f"{path}: unknown format, expected {', '.join(FORMATS)}")


def _read_metadata(path: Path, species: str) -> pl.DataFrame:
    """The RNAs of a table, a FASTA or a corpus."""
    if not path.exists():
        raise InputError(f"{path}: no such file; expected a FASTA, a corpus or a table of RNAs")
    if path.is_file() and TABLES & set(path.suffixes):
        return read_rna_table(path)
    (rnas,) = read_rnas([path], species=species, genome=None, annotation=[], orf=True)
    return rnas.table
