"""The ``predict`` command: RNAs + a head → predictions."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import info
from isoclr._io import STDOUT, as_output, as_paths, check_output, write_table
from isoclr._report import Report, Row, Table
from isoclr._threads import use_threads
from isoclr.embedding.distributed import embedded, writes_output
from isoclr.embedding.embed import cropped, encoder_embedder, regional
from isoclr.embedding.embeddings import Embeddings, in_schema
from isoclr.embedding.inputs import RnaTable, as_inputs, read_rnas
from isoclr.embedding.io import are_embeddings, iter_embeddings
from isoclr.errors import InputError, counted
from isoclr.genomics.encoding import NUCLEOTIDE_BITS, N
from isoclr.models.encoder import Precision
from isoclr.probing.head import Head
from isoclr.probing.resolve import encoder_of, resolve_head

FIELDS = ("value", "lower", "upper", "extrapolating")
RNA_COLUMNS = ("transcript_id", "gene_id", "gene_symbol", "species", "length", "cds_source")
MIN_NT = 32  # Known nucleotides below which no number is given
STATUS = ("ok", "no_cds", "too_short", "unknown_bases")
"""Whether an RNA has a number: not if a head reads 5' UTRs and it has no coding sequence, if it has fewer than
:data:`MIN_NT` nt, or if most of its bases are unknown."""
LESS_ANNOTATED = 0.3
"""By how much smaller a share of annotated coding sequences than the training RNAs' is worth a warning."""


@dataclass(frozen=True)
class Predicted(Report):
    """The result of :func:`isoclr.predict`."""

    table: pl.DataFrame
    """One row per RNA: :data:`RNA_COLUMNS`, ``status`` and the columns of each label with its ``units``."""
    head: Head
    coverage: float  # Coverage of the intervals
    out: Path | None = None  # The output file

    def messages(self) -> Iterator[str]:
        """The output."""
        yield f"{self.out or 'predictions'}: {counted(self.table.height, 'RNA')}"
        words_of = {
            "no_cds": "without a coding sequence",
            "too_short": f"under {MIN_NT} nt",
            "unknown_bases": "of N mostly",
        }
        for status, words in words_of.items():
            if count := self.table.filter(status=status).height:
                yield f"without a number: {counted(count, 'RNA')} {words} (status {status})"

    def to_frame(self) -> pl.DataFrame:
        """The predictions."""
        return self.table

    def rows(self) -> list[Row]:
        """A summary, one row per label."""
        return [self._summary(target.name) for target in self.head.targets if self.table.height]

    def _summary(self, label: str) -> Row:
        table = self.table.filter(status="ok")
        if not table.height:
            return {"label": label, "n": 0}
        value, lower, upper, new = table.select(columns_of(self.head, label).values())
        low, median, high = np.quantile(value, [0.05, 0.5, 0.95]).tolist()
        width = float((upper - lower).to_numpy().mean())
        quantiles: Row = {"median": median, "low": low, "high": high, "width": width}
        return {"label": label, "n": table.height, **quantiles, "extrapolating": int(new.sum())}

    def tables(self) -> Iterator[Table]:
        """The summary."""
        regression = any(not one.is_class for one in self.head.targets)
        classes = [target.positive for target in self.head.targets]
        one = f"probability of class {classes[0]}" if len(classes) == 1 else "probabilities of classes"
        what = f"intervals of coverage {self.coverage:g}" if regression else one
        columns = ["label", "RNAs", "median", "5 % … 95 %", "mean interval width", "extrapolating"]
        titles = {target.name: target.title for target in self.head.targets}
        if self.out == STDOUT:  # the table of predictions is there already
            return
        rows = [
            [
                titles[str(row["label"])],
                row["n"],
                f"{row['median']:.3g}",
                f"{row['low']:.3g} … {row['high']:.3g}",
                "" if np.isnan(float(row["width"] or 0)) else f"{row['width']:.3g}",
                row["extrapolating"],
            ]
            for row in self.rows()
            if row["n"]
        ]
        yield Table(f"{self.head.name}: {what}", columns, rows)


def predict(
    inputs: tuple[Path, ...] = (),
    *,
    out: Path | None = None,
    head: Path | None = None,
    task: str | None = None,
    species: str = "",
    model: str | None = None,
    coverage: float | None = None,
    annotation: tuple[Path, ...] = (),
    genome: Path | None = None,
    orf: bool = True,
    skip_bad: bool = False,
    precision: Precision = "float32",
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
) -> Predicted:
    """RNAs → a predicted property of each, with a calibrated interval.

    The table has one row per RNA, in the order of the inputs: value, lower and upper end of the prediction interval,
    and whether the RNA is unlike the training RNAs (extrapolating), for which the interval's coverage does not hold. An
    RNA of fewer than 32 nt, or mostly of N, gets no number; its status says why. Units and the source of the coding
    sequence have columns of their own; the units of a label of two classes say of which one the value is the
    probability.

    Args:
        inputs: FASTA files of mature RNAs (plain or gz), - for standard input, corpora, or one file or folder of
            embeddings. In Python also embeddings, or RNAs in memory as isoclr.embed takes them.
        out: Output file: Parquet, TSV or CSV by the extension; - writes TSV to standard output. In Python it may be
            left out.
        head: Directory of a head from ``isoclr fit``, or of a study from ``isoclr finetune``; in Python also a loaded
            head.
        task: Property predicted by a built-in head, such as half-life, instead of --head; needs --species.
        species: Species of the RNAs; selects the built-in head, and is the value of the species column for RNAs that
            do not come from a corpus.
        model: Model of the head, if it is not built in; with --task, the built-in model whose head to use.
        coverage: Coverage of the intervals (default: the head's).
        annotation: GTF, GFF3, genePred, BED12 or structure table with the exons and coding sequences of the FASTA
            records, or of the genome.
        genome: FASTA of chromosomes; with --annotation, every annotated transcript is predicted.
        orf: Use the longest open reading frame of potentially coding RNAs without an annotated coding sequence.
        skip_bad: Leave out and count bad FASTA records: without a name or a sequence, with letters that are no
            nucleotides, or with the id of another sequence.
        precision: Precision of the encoder's computation; bf16 is faster where the processor supports it.
        device: Torch device: auto (a GPU if there is one), cpu, cuda, cuda:1, …
        threads: Number of CPU threads (default: PyTorch's choice).
        overwrite: Replace an existing output.

    Returns:
        The predictions (``.table``) and the head.

    Raises:
        InputError: a file that cannot be used, no such head, embeddings or weights of another model than the head's, or
            a coverage that the head's calibration does not support.
    """
    if out is not None:
        out = as_output(out)
        check_output(out, overwrite=overwrite)
    given = None if head is None else model
    chosen, model = resolve_head(head, task, species, model)
    coverage = chosen.check_coverage(coverage)
    paths = as_inputs(inputs)
    ready = next((path for path in paths if are_embeddings(path)), None)
    source: AbstractContextManager[Iterator[Embeddings]]
    known = None
    if ready is not None:
        _check_alone(paths, ready, annotation, genome, given)
        source = nullcontext(_matching(chosen, ready))
    else:
        use_threads(threads)
        encoder = encoder_of(chosen, model)
        embedder = regional(encoder_embedder(encoder, precision=precision, device=device), chosen.region)
        rnas = read_rnas(
            paths,
            species=species,
            genome=genome and Path(genome),
            annotation=as_paths(annotation),
            orf=orf,
            skip_bad=skip_bad,
        )
        rnas = [cropped(part, chosen.region) for part in rnas]
        source = embedded(rnas, embedder, out)
        known = np.concatenate([known_bases(part) for part in rnas])
    with source as blocks:
        parts = [predict_block(chosen, block, coverage) for block in blocks]
        table = with_status(chosen, pl.concat(parts), known)
        _warn_of_other_species(chosen, table)
        _warn_of_less_annotation(chosen, table)
        if out is not None and writes_output():
            write_table(table, out, overwrite=overwrite)
    return Predicted(table, chosen, coverage, out)


def predict_block(head: Head, block: Embeddings, coverage: float | None) -> pl.DataFrame:
    """Predictions for embeddings: :data:`RNA_COLUMNS` and the columns of each label."""
    lengths = block.table["length"].to_numpy()
    coding = (block.table["cds_length"] > 0).to_numpy()
    annotated = (block.table["cds_source"] == "annotated").to_numpy()
    table = in_schema(block.table).select(RNA_COLUMNS)
    for target in head.targets:
        predictions = head.predict(
            block.matrix, target=target.name, coverage=coverage, lengths=lengths, coding=coding, annotated=annotated
        )
        table = table.with_columns(
            pl.Series(name, getattr(predictions, field), nan_to_null=True)
            for field, name in columns_of(head, target.name).items()
        )
        table = table.with_columns(pl.lit(target.units).alias(_prefix(head, target.name) + "units"))
    return table


def known_bases(rnas: RnaTable) -> NDArray[np.int64]:
    """``(n,)`` number of known nucleotides of each RNA."""
    counts = [np.count_nonzero(rnas.codes_of(i) & NUCLEOTIDE_BITS != N) for i in range(len(rnas))]
    return np.array(counts, np.int64)


def with_status(head: Head, table: pl.DataFrame, known: NDArray[np.int64] | None) -> pl.DataFrame:
    """Predictions with ``status`` (see :data:`STATUS`), and without numbers where it is not ``ok``.

    Args:
        known: ``(n,)`` known nucleotides of each RNA; None: all.
    """
    length = pl.col("length")
    bases = length if known is None else pl.lit(pl.Series(known, dtype=pl.Int64))
    status = (
        pl.when((pl.col("cds_source") == "none") & (head.region == "utr5"))
        .then(pl.lit("no_cds"))
        .when(length < MIN_NT)
        .then(pl.lit("too_short"))
        .when((bases < MIN_NT) | (2 * bases < length))
        .then(pl.lit("unknown_bases"))
        .otherwise(pl.lit("ok"))
    )
    numbers = [
        name
        for target in head.targets
        for field, name in columns_of(head, target.name).items()
        if field != "extrapolating"
    ]
    table = table.select(*RNA_COLUMNS, status.alias("status"), pl.exclude(RNA_COLUMNS))
    is_ok = pl.col("status") == "ok"
    return table.with_columns(pl.when(is_ok).then(pl.col(name)).alias(name) for name in numbers)


def columns_of(head: Head, target: str) -> dict[str, str]:
    """Names of a label's columns: ``value``, or ``half_life_value`` if the head has several labels."""
    return {field: _prefix(head, target) + field for field in FIELDS}


def _prefix(head: Head, target: str) -> str:
    return f"{target}_" if len(head.targets) > 1 else ""


def _check_alone(
    paths: Sequence[Any], ready: Any, annotation: tuple[Path, ...], genome: Path | None, model: str | None
) -> None:
    """Embeddings are the only input, and need no model."""
    if model is not None:
        raise InputError(f"{ready}: embeddings need no --model, found {model}")
    others = [*paths, *annotation, genome]
    other = next((p for p in others if p is not None and p is not ready), None)
    if other is not None or len(paths) > 1:
        raise InputError(
            f"{ready}: found {other or ready} besides embeddings; expected one file or folder of embeddings, or RNAs "
            "to embed"
        )


def _matching(head: Head, path: Path | Embeddings) -> Iterator[Embeddings]:
    """Blocks of a file of embeddings, which must be of the head's model."""
    for block in iter_embeddings(path):
        if (block.meta["sha256"], block.dim) != (head.model["sha256"], head.dim):
            option = "" if head.region == "rna" else f" and --region {head.region}"
            raise InputError(
                f"{path}: {block.dim} values of {block.meta['model']} {block.meta['sha256'][:12]}, but head "
                f"{head.name!r} needs {head.dim} of {head.model['model']} {head.model['sha256'][:12]}; embed with that "
                f"model{option}"
            )
        yield block


def _warn_of_other_species(head: Head, table: pl.DataFrame) -> None:
    if not any(head.species):
        return
    others = table.filter((pl.col("species") != "") & ~pl.col("species").is_in(head.species))
    if others.height:
        names = ", ".join(others["species"].unique().sort())
        info(
            f"{others.height:,} RNAs are of {names}; head {head.name!r} was trained on "
            f"{' and '.join(name or 'RNAs of no named species' for name in head.species)}"
        )


def _warn_of_less_annotation(head: Head, table: pl.DataFrame) -> None:
    """An encoder reads coding sequences: those of an annotation are not the called ones, or none."""
    trained = head.metadata.get("annotated", 0.0)
    share = (table["cds_source"] == "annotated").sum() / max(1, table.height)
    if trained - share > LESS_ANNOTATED:
        info(
            f"{share:.0%} of the RNAs have an annotated coding sequence, but {trained:.0%} of the training RNAs of "
            f"head {head.name!r} have: predictions are less accurate and can be shifted; give --annotation, for "
            "embeddings to isoclr embed"
        )
