"""The ``embed`` command: RNAs, or regions of them → one vector per RNA.

An average over a whole mRNA hardly changes with one upstream AUG, and no average knows whether that AUG is in frame.
For the load of ribosomes, both matter more than anything else (docs/variants.md). The region ``utr5`` is embedded as
the 5' UTR alone, followed by numbers that describe its upstream reading frames.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import info
from isoclr._io import as_output, as_paths, scratch_matrix
from isoclr._threads import use_threads
from isoclr.embedding.distributed import Embedder, embedded, writes_output
from isoclr.embedding.embeddings import Embeddings, check_output, meta_of, write
from isoclr.embedding.inputs import RnaTable, as_inputs, parse_shard, read_rnas, shard_rows
from isoclr.errors import InputError, counted
from isoclr.genomics.encoding import EXON_END, Codes, coding_region
from isoclr.genomics.features import UPSTREAM, upstream_features
from isoclr.genomics.species import unknown_name
from isoclr.models.encoder import Encoder, Precision
from isoclr.models.load import describe_weights, load
from isoclr.training.device import resolve_device, warn_of_slow_bf16

Region = Literal["rna", "utr5"]
"""The whole RNA, or its 5' UTR and the first :data:`BEYOND` nt of the coding sequence."""
BEYOND = 6  # More would differ between reporters, whose coding sequences are all the same, and other mRNAs


def crop(codes: Codes, region: str) -> Codes:
    """The region of an RNA: for a 5' UTR without exon ends, which reporters do not have.

    An RNA without a coding sequence has only its first :data:`BEYOND` nt.
    """
    if region == "rna":
        return codes
    return codes[: coding_region(codes)[0] + BEYOND] & np.uint8(0xFF ^ EXON_END)


def added_features(codes: Sequence[Codes], region: str) -> NDArray[np.float64]:
    """What follows the embedding of each region of :func:`crop`, ``(n, k)``: for a 5' UTR, its 11 upstream features."""
    if region != "utr5":
        return np.empty((len(codes), 0))
    rows = [upstream_features(one) for one in codes]
    return np.array(rows, np.float64).reshape(len(codes), len(UPSTREAM))


def added_dim(region: str) -> int:
    """Number of :func:`added_features`."""
    return len(UPSTREAM) if region == "utr5" else 0


def cropped(rnas: RnaTable, region: str) -> RnaTable:
    """The regions of RNAs; their ``length`` is that of the region."""
    if region == "rna":
        return rnas
    regions = [crop(rnas.codes_of(row), region) for row in range(len(rnas))]
    lengths = np.array([len(one) for one in regions], np.int64)
    column = pl.Series("length", lengths, rnas.table["length"].dtype)
    return replace(
        rnas,
        table=rnas.table.with_columns(column),
        codes=np.concatenate([np.empty(0, np.uint8), *regions]),
        starts=np.cumsum(lengths) - lengths,
    )


def regional(embedder: Embedder, region: str) -> Embedder:
    """The embedder of regions, as :func:`crop` returns them: vectors are followed by :func:`added_features`."""
    if region == "rna":
        return embedder

    def embed_codes(codes: Sequence[Codes], **options: Any) -> NDArray[np.float32]:
        added = added_features(codes, region).astype(np.float32)
        return np.hstack([embedder.embed_codes(codes, **options), added])

    meta, dim = {**embedder.meta, "region": region}, embedder.dim + added_dim(region)
    return replace(embedder, meta=meta, dim=dim, embed_codes=embed_codes)


MIN_CHUNK_NT = 1_024  # Smaller tiles of a long RNA would mostly recompute each other's margins


def open_embedder(
    model: str | Encoder,
    *,
    revision: str | None = None,
    model_dir: Path | None = None,
    precision: Precision = "float32",
    device: str = "auto",
    chunk_nt: int | None = None,
) -> Embedder:
    """Load a model, or take a loaded encoder, for embedding; the options are those of :func:`embed`.

    Raises:
        MissingExtraError: a language model needs an optional package.
    """
    if not isinstance(model, Encoder) and not _is_language_model(model, model_dir):
        model = load(model, revision=revision)
    if isinstance(model, Encoder):
        return encoder_embedder(model, precision=precision, device=device, chunk_nt=chunk_nt)
    from isoclr.baselines.language_models.model import open_language_model

    on = resolve_device(device)
    warn_of_slow_bf16(precision, on)
    opened = open_language_model(model, revision=revision, directory=model_dir, precision=precision, device=on)
    meta = meta_of(opened.name, opened.sha256, opened.tracks, opened.pooling, precision)
    return Embedder(meta, opened.dim, partial(opened.embed_codes, chunk_nt=chunk_nt))


def encoder_embedder(
    encoder: Encoder, *, precision: Precision = "float32", device: str = "auto", chunk_nt: int | None = None
) -> Embedder:
    """The same for an encoder that is loaded already; it is moved to the device."""
    if chunk_nt is not None and chunk_nt < MIN_CHUNK_NT:
        raise InputError(f"--chunk-nt {chunk_nt}: expected {MIN_CHUNK_NT:,} or more")
    on = resolve_device(device)
    warn_of_slow_bf16(precision, on)
    encoder.network.to(on)
    pooling = encoder.network.architecture.pooling
    meta = meta_of(encoder.name, encoder.sha256, encoder.tracks, pooling, precision)
    embed_codes = partial(encoder.embed_codes, precision=precision, chunk_nt=chunk_nt)
    return Embedder(meta, encoder.dim, embed_codes)


def _is_language_model(model: str, model_dir: Path | None) -> bool:
    """Whether this names a language model; a folder of that name with an encoder takes precedence."""
    if model_dir is None and (model.startswith("isoclr-") or Path(model).exists()):
        return False
    from isoclr.baselines.language_models.catalog import CATALOG

    if model_dir is not None and model not in CATALOG:
        raise InputError(
            f"--model-dir {model_dir}: --model {model} is no language model of `isoclr models`; give the folder of an "
            "encoder as --model"
        )
    return model in CATALOG


@overload
def embed(inputs: Any = ..., *, out: Path | str, **options: Any) -> Path: ...
@overload
def embed(inputs: Any = ..., *, out: None = None, **options: Any) -> Embeddings: ...
def embed(  # type: ignore[misc]  # **options stands for the rest
    inputs: tuple[Path, ...] = (),
    *,
    model: str = "isoclr-s",
    out: Path | None = None,
    revision: str | None = None,
    model_dir: Path | None = None,
    annotation: tuple[Path, ...] = (),
    genome: Path | None = None,
    species: str = "",
    orf: bool = True,
    skip_bad: bool = False,
    region: Region = "rna",
    precision: Precision = "float32",
    device: str = "auto",
    threads: int | None = None,
    chunk_nt: int | None = None,
    shard: str | None = None,
    overwrite: bool = False,
) -> Path | Embeddings:
    """A FASTA, a corpus, or a genome with its annotation → one vector per RNA.

    RNAs can have any length; their order is that of the inputs. With an output file memory is bounded: a corpus is
    mapped, a FASTA takes one byte per nucleotide, and the embeddings are kept on disk.

    torchrun shares the work over processes, each with its GPU, and machines that share the output's folder; the output
    is that of one process. If a process is lost, the same command continues from the finished parts.

    Args:
        inputs: FASTA files of mature RNAs (plain or gz), - for standard input, or corpora that isoclr build wrote. In
            Python also a list of sequences, a dict of ids and sequences, a polars or pandas data frame, or an AnnData.
        model: Directory of a trained model, name of a built-in one, user/name@revision of one on the hub, or a language
            model (`isoclr models` lists them). In Python also a loaded encoder.
        out: Output file: Parquet (.parquet), AnnData (.h5ad) or NumPy (.npz); - writes Parquet to standard output. In
            Python, without it the embeddings are returned.
        revision: Commit, tag or branch of a model on the hub; language models have a default commit.
        model_dir: Folder with the files of a language model, instead of the hub; --model says which it is.
        annotation: GTF, GFF3, genePred, BED12 or structure table with the exons and coding sequences of the FASTA
            records, or of the genome.
        genome: FASTA of chromosomes; with --annotation, every annotated transcript is embedded.
        species: Value of the species column for RNAs that do not come from a corpus; human, "Homo sapiens" and 9606
            are the same.
        orf: Use the longest open reading frame, of 300 nt or more, of potentially coding RNAs without an annotated
            coding sequence.
        skip_bad: Leave out and count bad FASTA records: without a name or a sequence, with letters that are no
            nucleotides, or with the id of another sequence.
        region: What to embed of every RNA. rna: all of it. utr5: the 5' UTR and the first 6 nt of the coding sequence,
            followed by 11 features of upstream AUGs and reading frames, for the load of ribosomes.
        precision: Precision of the computation; bf16 is faster where the processor supports it.
        device: Torch device: auto (a GPU if there is one), cpu, cuda, cuda:1, …
        threads: Number of CPU threads (default: PyTorch's choice).
        chunk_nt: Nucleotides computed at a time (by each CPU thread), 1,024 or more (default: what suits the device).
        shard: Part i/n: embed only the i-th of n parts with equally many nucleotides. The parts in order are the
            whole, and isoclr probe reads a directory of them.
        overwrite: Replace an existing output.

    Returns:
        The output's path; without an output, the embeddings.

    Raises:
        InputError: a file that cannot be used, an empty or repeated record, a letter that no RNA has, no such model.

    >>> import isoclr, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> model = isoclr.create("isoclr-s", seed=0).save(folder / "model")
    >>> _ = (folder / "rnas.fa").write_text(">a\\nAUGGCUUGA\\n>b\\nGGGACGU\\n")
    >>> isoclr.embed(folder / "rnas.fa", model=model)
    Embeddings(2 RNAs × 256, isoclr-s with weights of your own)
    >>> isoclr.embed({"a": "AUGGCUUGA", "b": "GGGACGU"}, model=isoclr.load(model)).ids
    ['a', 'b']
    >>> isoclr.embed(folder / "rnas.fa", model=model, out=folder / "embeddings.parquet").name
    'embeddings.parquet'
    """
    if out is not None:
        out = as_output(out)
        check_output(out, overwrite=overwrite)
    part = parse_shard(shard) if shard is not None else (1, 1)
    use_threads(threads)
    whole_rna = open_embedder(
        model if isinstance(model, Encoder) else str(model),
        revision=revision,
        model_dir=model_dir and Path(model_dir),
        precision=precision,
        device=device,
        chunk_nt=chunk_nt,
    )
    embedder = regional(whole_rna, region)
    sources = as_inputs(inputs)
    if species and sources:
        if genome is None and all(isinstance(one, Path) and one.is_dir() for one in sources):
            raise InputError(f"--species {species}: a corpus has its own species; --species is for a FASTA or --genome")
        if note := unknown_name(species):
            info(f"--species: {note}")
    whole = read_rnas(
        sources,
        species=species,
        genome=genome and Path(genome),
        annotation=as_paths(annotation),
        orf=orf,
        skip_bad=skip_bad,
    )
    rnas = shard_rows([cropped(one, region) for one in whole], *part)
    table = pl.concat([one.table for one in rnas])
    shape = table.height, embedder.dim
    with embedded(rnas, embedder, out) as blocks:
        if out is None:
            return _fill(np.empty(shape, np.float32), table, blocks, embedder)
        if writes_output():
            with scratch_matrix(shape, out) as scratch:
                write(out, _fill(scratch, table, blocks, embedder), overwrite=overwrite)
    info(f"{out}: {counted(table.height, 'RNA')}, {describe_weights(embedder.meta, embedder.dim)}")
    return out


def _fill(
    matrix: NDArray[np.float32], table: pl.DataFrame, blocks: Iterator[Embeddings], embedder: Embedder
) -> Embeddings:
    """Put the vectors of RNAs into the rows of a matrix."""
    row = 0
    for block in blocks:
        matrix[row : row + len(block)] = block.matrix
        row += len(block)
    return Embeddings(table, matrix, embedder.meta)
