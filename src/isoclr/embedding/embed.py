"""The verb: files of RNAs in, a file of embeddings out."""

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from isoclr._console import finish, info, nt_progress, progress
from isoclr._io import as_paths
from isoclr._threads import use_threads
from isoclr._version import __version__
from isoclr.corpus.corpus import open_corpus
from isoclr.corpus.inputs import BuildConfig, Input
from isoclr.corpus.transcripts import read_input
from isoclr.embedding.embeddings import SCHEMA, Embeddings
from isoclr.embedding.io import ROWS, check_output, write
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes
from isoclr.genomics.fasta import name_of, pieces
from isoclr.models.encoder import Precision
from isoclr.models.load import load


@dataclass(frozen=True)
class OpenedEmbedder:
    """A model ready to embed.

    Attributes:
        name: of the model.
        sha256: of its weights.
        dim: size of an embedding.
        tracks: how many of the six tracks it reads.
        pooling: what an embedding is the mean of.
        embed_codes: ``embed_codes(codes, progress=…)`` gives ``(n, dim)`` float32, a row an RNA.
    """

    name: str
    sha256: str
    dim: int
    tracks: int
    pooling: str
    embed_codes: Callable[..., NDArray[np.float32]]


def open_embedder(
    model: str,
    *,
    revision: str | None,
    model_dir: Path | None,
    precision: Precision,
    device: torch.device,
    chunk_nt: int | None,
) -> OpenedEmbedder:
    """The model of this name on this device.

    Args:
        model: what :func:`isoclr.load` takes, or a name of ``isoclr models``.
        revision: of a model of the hub.
        model_dir: folder with the files of a language model.
        precision: of the computation.
        device: where to compute.
        chunk_nt: nucleotides computed at a time.

    Raises:
        InputError: no such model, or files that cannot be used.
        MissingExtraError: a language model needs an optional package.
    """
    if not _is_language_model(model, model_dir):
        return _encoder(model, revision, precision, device, chunk_nt)
    from isoclr.baselines.language_models.model import open_language_model

    opened = open_language_model(
        model, revision=revision, directory=model_dir, precision=precision, device=device
    )
    return OpenedEmbedder(
        opened.name,
        opened.sha256,
        opened.dim,
        opened.tracks,
        opened.pooling,
        partial(opened.embed_codes, chunk_nt=chunk_nt),
    )


def _is_language_model(model: str, model_dir: Path | None) -> bool:
    """Whether this names a model of other groups; a model of ours in a folder of that name comes first.

    Raises:
        InputError: their files are given for something else.
    """
    if model_dir is None and (model.startswith("isoclr-") or Path(model).exists()):
        return False
    from isoclr.baselines.language_models.catalog import is_language_model

    if model_dir is not None and not is_language_model(model):
        raise InputError(
            f"--model-dir {model_dir}: --model {model} is no language model of `isoclr models`; a folder with a model "
            "of isoclr is given as --model"
        )
    return is_language_model(model)


def _encoder(
    model: str,
    revision: str | None,
    precision: Precision,
    device: torch.device,
    chunk_nt: int | None,
) -> OpenedEmbedder:
    encoder = load(model, revision=revision)
    encoder.network.to(device)
    return OpenedEmbedder(
        encoder.name,
        encoder.sha256,
        encoder.dim,
        encoder.tracks,
        encoder.network.architecture.pooling,
        partial(encoder.embed_codes, precision=precision, chunk_nt=chunk_nt),
    )


NO_LIMIT = np.iinfo(np.int64).max
REFUSED = {
    "empty_sequence": "empty",
    "duplicate_record": "repeated",
    "duplicate_id": "repeated with another sequence",
}
"""What a corpus drops and counts, but an embedding cannot go without: every record of a FASTA gets its row."""


@dataclass(frozen=True)
class RnaTable:
    """RNAs of one input, in its order.

    Attributes:
        table: one row an RNA, see :data:`isoclr.embedding.embeddings.SCHEMA`.
        codes: codes of all of them; a memory map for a corpus.
        starts: ``(n,)`` where each begins in ``codes``.
        dropped: reason → how many the input names but cannot give.
    """

    table: pl.DataFrame
    codes: Codes
    starts: NDArray[np.int64]
    dropped: Counter[str]

    def __len__(self) -> int:
        return self.table.height

    def codes_of(self, i: int) -> Codes:
        """The codes of one RNA: a view."""
        start = int(self.starts[i])
        return self.codes[start : start + int(self.lengths[i])]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """``(n,)`` nt."""
        return self.table["length"].to_numpy()

    def rows(self, start: int, stop: int) -> "RnaTable":
        """The RNAs from ``start`` up to ``stop``."""
        return RnaTable(self.table[start:stop], self.codes, self.starts[start:stop], self.dropped)


def read_rnas(
    inputs: Sequence[Path],
    *,
    species: str,
    genome: Path | None,
    annotation: Sequence[Path],
    orf: bool,
) -> list[RnaTable]:
    """The RNAs of every input.

    Args:
        inputs: FASTA files of mature RNAs, and corpora (directories).
        species: written in the ``species`` column, except for a corpus, which knows it.
        genome: FASTA of chromosomes whose annotated transcripts are spliced, beside the inputs.
        annotation: where exons and coding sequences of FASTA records, or of the genome, stand.
        orf: call open reading frames as ``isoclr build`` does.

    Raises:
        InputError: nothing to embed, a file that cannot be read, an empty or repeated record, or RNAs that stand in
            several inputs.
    """
    if genome is not None and not annotation:
        raise InputError(
            f"{genome}: a genome needs --annotation, which says where its transcripts are"
        )
    if genome is None and not inputs:
        raise InputError("nothing to embed: give a FASTA, a corpus, or --genome and --annotation")
    if annotation and genome is None and all(path.is_dir() for path in inputs):
        raise InputError(
            f"{annotation[0]}: a corpus has exons and coding sequences of its own; expected "
            "--annotation beside a FASTA or --genome"
        )
    found = [
        _of_corpus(path) if path.is_dir() else _of_files(path, None, annotation, species, orf)
        for path in inputs
    ]
    if genome is not None:
        found.append(_of_files(None, genome, annotation, species, orf))
    _refuse_shared([*inputs, *([genome] if genome else [])], found)
    return found


def _of_corpus(path: Path) -> RnaTable:
    corpus = open_corpus(path)
    table = _columns(corpus.transcripts)
    return RnaTable(table, corpus.codes, corpus.index["offset"].astype(np.int64), Counter())


def _of_files(
    transcripts: Path | None,
    genome: Path | None,
    annotation: Sequence[Path],
    species: str,
    orf: bool,
) -> RnaTable:
    source = Input(species, transcripts, genome, tuple(annotation))
    config = BuildConfig(orf=orf, max_length=NO_LIMIT)
    with progress() as bar:
        path = transcripts or genome
        task = bar.add_task(f"reading {path.name if path else ''}", total=None)
        part = read_input(
            source, config, 1, lambda done, total: bar.update(task, advance=done, total=total)
        )
    if transcripts is not None:
        _refuse_unusable(transcripts, Counter(part.metadata["transcripts_dropped"]))
    return RnaTable(_columns(part.table), part.codes, part.table["start"].to_numpy(), part.dropped)


def _columns(table: pl.DataFrame) -> pl.DataFrame:
    coding = pl.col("cds_end") - pl.col("cds_start")
    table = table.with_columns(
        cds_length=pl.when(pl.col("cds_start") >= 0).then(coding).otherwise(0)
    )
    return table.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


def _refuse_unusable(path: Path, dropped: Counter[str]) -> None:
    """Name the first record that is empty or stands twice."""
    if not any(dropped[reason] for reason in REFUSED):
        return
    found = ", ".join(
        f"{dropped[reason]:,} {word}" for reason, word in REFUSED.items() if dropped[reason]
    )
    raise InputError(
        f"{path}: record {_first_unusable(path)!r}: {found} among the records; expected every id once, with a sequence"
    )


def _first_unusable(path: Path) -> str:
    """Name of the first record that repeats an id or has no sequence."""
    seen: set[str] = set()
    name, nt = "", 1
    for header, codes in pieces(path):
        if header is not None:
            if nt == 0:
                break
            name, nt = name_of(header, path), 0
            if name in seen:
                break
            seen.add(name)
        nt += len(codes)
    return name


def _refuse_shared(paths: Sequence[Path], found: Sequence[RnaTable]) -> None:
    """An RNA's row must be the only one of its species and id over all inputs.

    A corpus alone may hold two sequences under one id; it says so itself.
    """
    if len(found) == 1:
        return
    keys = [rnas.table.select("species", "transcript_id").unique() for rnas in found]
    for i, later in enumerate(keys):
        for j in range(i):
            both = later.join(keys[j], on=["species", "transcript_id"], how="semi")
            if both.height:
                name = both["transcript_id"].sort()[0]
                raise InputError(
                    f"{paths[i]}: {name} and {both.height - 1:,} more stand in {paths[j]} too, "
                    "expected every RNA once"
                )


def parse_shard(text: str) -> tuple[int, int]:
    """``i/n`` as numbers, i from 1 to n.

    Raises:
        InputError: anything else.

    >>> parse_shard("2/8")
    (2, 8)
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise InputError(f"--shard {text}: expected i/n with i from 1 to n, such as 1/4")
    return int(found[1]), int(found[2])


def shard_rows(rnas: Sequence[RnaTable], number: int, of: int) -> list[RnaTable]:
    """The rows of part ``number`` (from 1): a stretch of the inputs with about 1/of of all nucleotides.

    An RNA belongs to the part in which its middle lies.

    Args:
        rnas: the inputs, in order.
        number: which part, from 1.
        of: number of parts.
    """
    lengths = np.concatenate([part.lengths for part in rnas])
    middles = np.cumsum(lengths) - lengths / 2
    first, last = np.searchsorted(middles, lengths.sum() * np.array([number - 1, number]) / of)
    kept, row = [], 0
    for part in rnas:
        start, stop = (int(np.clip(edge - row, 0, len(part))) for edge in (first, last))
        kept.append(part.rows(start, stop))
        row += len(part)
    return kept


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
    >>> isoclr.embedding.io.read_embeddings(out)
    Embeddings(2 RNAs × 256, isoclr-s)
    """
    out = Path(out)
    check_output(out, overwrite=overwrite)
    if chunk_nt is not None and chunk_nt < SMALLEST_CHUNK:
        raise InputError(f"--chunk-nt {chunk_nt}: expected {SMALLEST_CHUNK:,} or more")
    part = parse_shard(shard) if shard is not None else (1, 1)
    use_threads(threads)
    encoder = open_embedder(
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
    finish(f"{out}: {table.height:,} RNAs × {encoder.dim}, {encoder.name} {encoder.sha256[:12]}")
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


def _embed_all(
    rnas: Sequence[RnaTable], encoder: OpenedEmbedder, scratch: Any
) -> NDArray[np.float32]:
    """Embeddings of all inputs, one under the other, on disk: a file without a name, gone when closed."""
    n = sum(map(len, rnas))
    if n == 0:  # a shard of fewer RNAs than parts; nothing cannot be mapped
        return np.empty((0, encoder.dim), np.float32)
    matrix = np.memmap(scratch, np.float32, mode="w+", shape=(n, encoder.dim))
    row = 0
    with nt_progress() as bar:
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


def _meta(encoder: OpenedEmbedder, precision: Precision) -> dict[str, str]:
    return {
        "model": encoder.name,
        "sha256": encoder.sha256,
        "n_tracks": str(encoder.tracks),
        "pooling": encoder.pooling,
        "precision": precision,
        "isoclr": __version__,
    }


def _say_what_is_missing(rnas: Sequence[RnaTable]) -> None:
    """Transcripts that an annotation names and the genome cannot give."""
    for part in rnas:
        for reason, count in sorted(part.dropped.items()):
            info(f"not embedded: {count:,} {reason}")
