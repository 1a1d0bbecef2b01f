"""The verb: files of RNAs in, a file of embeddings out."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from isoclr._version import __version__
from isoclr.console import conclude, say
from isoclr.embedding.bar import nucleotides_bar
from isoclr.embedding.opening import OpenModel, open_model
from isoclr.embedding.sharding import parse_shard, shard_rows
from isoclr.embedding.sources import Rnas, read_rnas
from isoclr.embedding.table import Embeddings
from isoclr.embedding.writing import ROWS, check_output, write
from isoclr.errors import InputError
from isoclr.files import as_paths
from isoclr.models.encoder import Precision
from isoclr.models.parallel import use_threads

SMALLEST_CHUNK = 1_024
"""nt; a tile of a long RNA is computed with its neighbours' bases, so that smaller ones mostly repeat work."""


def embed(
    inputs: tuple[Path, ...] = (),
    *,
    model: str = "isoclr-s",
    out: Path,
    revision: str | None = None,
    model_dir: Path | None = None,
    annotation: tuple[Path, ...] = (),
    genome: Path | None = None,
    species: str = "",
    orf: bool = True,
    precision: Precision = "float32",
    device: str | None = None,
    threads: int | None = None,
    chunk_nt: int | None = None,
    shard: str | None = None,
    overwrite: bool = False,
) -> Path:
    """A FASTA, a corpus, or a genome and its annotation → one vector an RNA.

    RNAs of any length, in the order of the inputs. Memory is bounded: a corpus is mapped, a FASTA takes a byte a
    nucleotide, and the embeddings wait on disk.

    Args:
        inputs: FASTA files of mature RNAs (plain or gz), or corpora that isoclr build wrote.
        model: directory of a trained model, name of one that ships with isoclr, user/name@revision of one on the hub,
            or a language model of other groups (`isoclr models` lists them).
        out: the embeddings, as Parquet (.parquet), AnnData (.h5ad) or NumPy (.npz) by the extension.
        revision: commit, tag or branch of a model of the hub; a language model has a commit by default.
        model_dir: folder with the files of a language model, instead of the hub; --model says which it is.
        annotation: GTF, GFF3, genePred, BED12 or structure table with the exons and coding sequences of the FASTA's
            RNAs, or of the genome.
        genome: FASTA of chromosomes; with --annotation instead of inputs, every annotated transcript is embedded.
        species: what the species column says of RNAs that do not come from a corpus.
        orf: mark the longest open reading frame of RNAs that may code and have no annotated coding sequence.
        precision: of the computation; bf16 is faster where the processor has it.
        device: cpu, cuda, cuda:1, …; by default the GPU when there is one.
        threads: of the CPU; by default as many as torch chooses.
        chunk_nt: nucleotides computed at a time (by each thread of a CPU), 1,024 or more; by default what suits the
            device.
        shard: i/n: embed only the i-th of n parts, of equally many nucleotides; the parts, put one after the other, are
            the whole, and isoclr probe reads a directory of them.
        overwrite: replace an output that exists.

    Returns:
        The output's path.

    Raises:
        InputError: a file that cannot be used, an empty or repeated record, a letter that no RNA has, no such model.

    >>> import isoclr, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> model = isoclr.create("isoclr-s", seed=0).save(folder / "model")
    >>> _ = (folder / "rnas.fa").write_text(">a\\nAUGGCUUGA\\n>b\\nGGGACGU\\n")
    >>> out = isoclr.embed((folder / "rnas.fa",), model=str(model), out=folder / "embeddings.parquet")
    >>> isoclr.embedding.read_embeddings(out)
    Embeddings(2 RNAs × 256, isoclr-s)
    """
    out = Path(out)
    check_output(out, overwrite=overwrite)
    if chunk_nt is not None and chunk_nt < SMALLEST_CHUNK:
        raise InputError(f"--chunk-nt {chunk_nt}: expected {SMALLEST_CHUNK:,} or more")
    part = parse_shard(shard) if shard is not None else (1, 1)
    use_threads(threads)
    encoder = open_model(
        str(model),
        revision=revision,
        model_dir=model_dir and Path(model_dir),
        precision=precision,
        device=_device(device),
        chunk_nt=chunk_nt,
    )
    found = read_rnas(
        as_paths(inputs),
        species=species,
        genome=genome and Path(genome),
        annotation=as_paths(annotation),
        orf=orf,
    )
    rnas = shard_rows(found, *part)
    _say_what_is_missing(rnas)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=out.parent) as scratch:
        matrix = _embed_all(rnas, encoder, scratch)
        table = pl.concat([part.table for part in rnas])
        write(out, Embeddings(table, matrix, _meta(encoder, precision)))
    conclude(f"{out}: {table.height:,} RNAs × {encoder.dim}, {encoder.name} {encoder.sha256[:12]}")
    return out


def _device(name: str | None) -> torch.device:
    """Where to compute."""
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(1, device=device).cpu()  # "meta" holds no numbers
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"--device {name}: cannot be used here ({reason})") from None
    return device


def _embed_all(rnas: Sequence[Rnas], encoder: OpenModel, scratch: Any) -> NDArray[np.float32]:
    """Embeddings of all inputs, one under the other, on disk: a file without a name, gone when closed."""
    n = sum(map(len, rnas))
    if n == 0:  # a shard of fewer RNAs than parts; nothing cannot be mapped
        return np.empty((0, encoder.dim), np.float32)
    matrix = np.memmap(scratch, np.float32, mode="w+", shape=(n, encoder.dim))
    row = 0
    with nucleotides_bar() as bar:
        task = bar.add_task("embedding", total=int(sum(part.lengths.sum() for part in rnas)))
        for part in rnas:
            for start in range(0, len(part), ROWS):
                stop = min(start + ROWS, len(part))
                codes = [part.codes_of(i) for i in range(start, stop)]
                matrix[row : row + len(codes)] = encoder.embed_codes(
                    codes, progress=lambda done: bar.advance(task, done)
                )
                row += len(codes)
    return matrix


def _meta(encoder: OpenModel, precision: Precision) -> dict[str, str]:
    return {
        "model": encoder.name,
        "sha256": encoder.sha256,
        "n_tracks": str(encoder.tracks),
        "pooling": encoder.pooling,
        "precision": precision,
        "isoclr": __version__,
    }


def _say_what_is_missing(rnas: Sequence[Rnas]) -> None:
    """Transcripts that an annotation names and the genome cannot give."""
    for part in rnas:
        for reason, count in sorted(part.dropped.items()):
            say(f"not embedded: {count:,} {reason}")
