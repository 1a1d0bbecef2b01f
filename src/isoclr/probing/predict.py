"""The ``predict`` command: RNAs + a head → predictions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr._console import info
from isoclr._io import as_paths, check_output, write_table
from isoclr._report import Report, Row, Table
from isoclr._threads import use_threads
from isoclr.embedding.embed import embed_blocks, encoder_embedder
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.inputs import as_inputs, read_rnas
from isoclr.embedding.io import are_embeddings, iter_embeddings
from isoclr.errors import InputError
from isoclr.models.encoder import Precision
from isoclr.probing.conformal import CVPlusRegressor
from isoclr.probing.head import Head
from isoclr.probing.resolve import encoder_of, model_of, resolve_head

FIELDS = ("value", "lower", "upper", "extrapolating")


@dataclass(frozen=True)
class Predicted(Report):
    """The result of :func:`isoclr.predict`."""

    table: pl.DataFrame
    """One row per RNA: ``transcript_id, gene_id, species, length`` and the columns of each label."""
    head: Head
    coverage: float
    """Coverage of the intervals."""
    out: Path | None = None
    """The output file."""

    def messages(self) -> Iterator[str]:
        """The output."""
        yield f"{self.out or 'predictions'}: {self.table.height:,} RNAs"

    def to_frame(self) -> pl.DataFrame:
        """The predictions."""
        return self.table

    def rows(self) -> list[Row]:
        """A summary, one row per label."""
        return [self._summary(target.name) for target in self.head.targets if self.table.height]

    def _summary(self, label: str) -> Row:
        value, lower, upper, new = self.table.select(columns_of(self.head, label).values())
        low, median, high = np.quantile(value, [0.05, 0.5, 0.95]).tolist()
        width = float((upper - lower).to_numpy().mean())
        quantiles: Row = {"median": median, "low": low, "high": high, "width": width}
        return {
            "label": label,
            "n": self.table.height,
            **quantiles,
            "extrapolating": int(new.sum()),
        }

    def tables(self) -> Iterator[Table]:
        """The summary."""
        regression = any(isinstance(one.predictor, CVPlusRegressor) for one in self.head.targets)
        what = (
            f"intervals of coverage {self.coverage:g}" if regression else "probability of class 1"
        )
        columns = ["label", "RNAs", "median", "5 % … 95 %", "mean interval width", "extrapolating"]
        titles = {target.name: target.title for target in self.head.targets}
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
    precision: Precision = "float32",
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
) -> Predicted:
    """RNAs → a predicted property of each, with a calibrated interval.

    The table has one row per RNA, in the order of the inputs: value, lower and upper end of the prediction interval,
    and whether the RNA is unlike the training RNAs (extrapolating), for which the interval's coverage does not hold.

    Args:
        inputs: FASTA files of mature RNAs (plain or gz), corpora, or one file or folder of embeddings. In Python also
            embeddings, or RNAs in memory as isoclr.embed takes them.
        out: Output file: Parquet, TSV or CSV by the extension. In Python it may be left out.
        head: Directory of a head from ``isoclr fit``; in Python also a loaded one.
        task: Property predicted by a built-in head, such as half-life, instead of --head; needs --species.
        species: Species of the RNAs; selects the built-in head, and is the value of the species column for RNAs that
            do not come from a corpus.
        model: Model of the head, if it is no built-in one; with --task, the built-in model whose head to use.
        coverage: Coverage of the intervals (default: the head's).
        annotation: GTF, GFF3, genePred, BED12 or structure table with the exons and coding sequences of the FASTA
            records, or of the genome.
        genome: FASTA of chromosomes; with --annotation, every annotated transcript is predicted.
        orf: Mark the longest open reading frame of potentially coding RNAs without an annotated coding sequence.
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
        out = Path(out)
        check_output(out, overwrite=overwrite)
    chosen, model = resolve_head(head, task, species, model)
    coverage = chosen.check_coverage(coverage)
    paths = as_inputs(inputs)
    ready = next((path for path in paths if are_embeddings(path)), None)
    blocks: Iterable[Embeddings]
    if ready is not None:
        _check_alone(paths, ready, annotation, genome, model)
        blocks = _matching(chosen, ready)
    else:
        use_threads(threads)
        encoder = encoder_of(chosen, model_of(chosen, model))
        embedder = encoder_embedder(encoder, precision=precision, device=device)
        rnas = read_rnas(
            paths,
            species=species,
            genome=genome and Path(genome),
            annotation=as_paths(annotation),
            orf=orf,
        )
        blocks = embed_blocks(rnas, embedder)
    table = pl.concat([predict_block(chosen, block, coverage) for block in blocks])
    _warn_of_other_species(chosen, table)
    if out is not None:
        write_table(table, out, overwrite=overwrite)
    return Predicted(table, chosen, coverage, out)


def predict_block(head: Head, block: Embeddings, coverage: float | None) -> pl.DataFrame:
    """Predictions for embeddings: ``transcript_id, gene_id, species, length`` and the columns of each label."""
    lengths = block.table["length"].to_numpy()
    coding = (block.table["cds_length"] > 0).to_numpy()
    annotated = (block.table["cds_source"] == "annotated").to_numpy()
    table = block.table.select("transcript_id", "gene_id", "species", "length")
    for target in head.targets:
        predictions = head.predict(
            block.matrix,
            target=target.name,
            coverage=coverage,
            lengths=lengths,
            coding=coding,
            annotated=annotated,
        )
        table = table.with_columns(
            pl.Series(name, getattr(predictions, field), nan_to_null=True)
            for field, name in columns_of(head, target.name).items()
        )
    return table


def columns_of(head: Head, target: str) -> dict[str, str]:
    """Names of a label's columns: ``value``, or ``half_life_value`` if the head has several labels."""
    prefix = f"{target}_" if len(head.targets) > 1 else ""
    return {field: prefix + field for field in FIELDS}


def _check_alone(
    paths: Sequence[Any],
    ready: Any,
    annotation: tuple[Path, ...],
    genome: Path | None,
    model: str | None,
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
            raise InputError(
                f"{path}: {block.dim} values of {block.meta['model']} {block.meta['sha256'][:12]}, but head "
                f"{head.name!r} needs {head.dim} of {head.model['model']} {head.model['sha256'][:12]}; embed with that "
                "model"
            )
        yield block


def _warn_of_other_species(head: Head, table: pl.DataFrame) -> None:
    others = table.filter((pl.col("species") != "") & ~pl.col("species").is_in(head.species))
    if others.height:
        names = ", ".join(others["species"].unique().sort())
        info(
            f"{others.height:,} RNAs are of {names}; head {head.name!r} was trained on "
            f"{' and '.join(name or 'RNAs of no named species' for name in head.species)}"
        )
