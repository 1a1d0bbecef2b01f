"""The verb: files of RNAs and a head in, a table of predictions out."""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from isoclr._console import info, quiet, table
from isoclr._io import as_paths, check_output, write_table
from isoclr.embedding.embed import embed
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import are_embeddings, iter_embeddings
from isoclr.errors import InputError
from isoclr.models.encoder import Precision
from isoclr.probing.conformal import CVPlusRegressor
from isoclr.probing.head import Head
from isoclr.probing.resolve import encoder_of, model_of, resolve_head

FIELDS = ("value", "lower", "upper", "extrapolating")
"""Significant digits in text: more would only be rounding of the embedding."""


def columns_of(head: Head, target: str) -> dict[str, str]:
    """Names of a label's columns: ``value``, or ``half_life_value`` when the head has several labels."""
    prefix = f"{target}_" if len(head.targets) > 1 else ""
    return {field: prefix + field for field in FIELDS}


def predicted(head: Head, block: Embeddings, coverage: float | None) -> pl.DataFrame:
    """One row an RNA: ``transcript_id, gene_id, species, length`` and every label's columns."""
    lengths = block.table["length"].to_numpy()
    coding = (block.table["cds_length"] > 0).to_numpy()
    annotated = (block.table["cds_source"] == "annotated").to_numpy()
    found = block.table.select("transcript_id", "gene_id", "species", "length")
    for target in head.targets:
        told = head.predict(
            block.matrix,
            target=target.name,
            coverage=coverage,
            lengths=lengths,
            coding=coding,
            annotated=annotated,
        )
        names = columns_of(head, target.name)
        found = found.with_columns(
            pl.Series(names[field], getattr(told, field), nan_to_null=True) for field in FIELDS
        )
    return found


@dataclass(frozen=True)
class Predicted:
    """The result of :func:`isoclr.predict`.

    Attributes:
        out: the file of predictions.
        table: what is in it.
        head: what predicted.
        coverage: of the intervals.
    """

    out: Path
    table: pl.DataFrame
    head: Head
    coverage: float

    @property
    def title(self) -> str:
        """What the summary's table shows: quantities with intervals, or only probabilities of classes."""
        if any(isinstance(target.predictor, CVPlusRegressor) for target in self.head.targets):
            return f"{self.head.name}: intervals of coverage {self.coverage:g}"
        return f"{self.head.name}: probability of class 1"

    def columns(self) -> list[str]:
        """Heads of the summary's table."""
        return ["label", "RNAs", "median", "5 % … 95 %", "mean interval width", "extrapolating"]

    def rows(self) -> Iterable[list[object]]:
        """One row a label."""
        for target in self.head.targets if self.table.height else ():
            value, lower, upper, new = self.table.select(
                columns_of(self.head, target.name).values()
            )
            low, median, high = np.quantile(value, [0.05, 0.5, 0.95])
            width = (upper - lower).to_numpy().mean()
            yield [
                target.title,
                self.table.height,
                f"{median:.3g}",
                f"{low:.3g} … {high:.3g}",
                "" if np.isnan(width) else f"{width:.3g}",
                int(new.sum()),
            ]

    def print(self) -> None:
        """Print a summary."""
        info(f"{self.out}: {self.table.height:,} RNAs")
        table(self.title, self.columns(), self.rows())


def predict(
    inputs: tuple[Path, ...] = (),
    *,
    out: Path,
    head: Path | None = None,
    task: str | None = None,
    species: str = "",
    model: str | None = None,
    coverage: float | None = None,
    annotation: tuple[Path, ...] = (),
    genome: Path | None = None,
    orf: bool = True,
    precision: Precision = "float32",
    device: str | None = None,
    threads: int | None = None,
    overwrite: bool = False,
) -> Predicted:
    """RNAs → a measured property of each, with an interval that holds it.

    One row an RNA, in the order of the inputs: value, lower and upper end of the prediction interval, and whether the
    RNA is unlike those the head was trained on (extrapolating): then the interval's promise does not hold.

    Args:
        inputs: FASTA files of mature RNAs (plain or gz), corpora, or one file or folder of embeddings.
        out: the predictions, as Parquet, TSV or CSV by the extension.
        head: directory that ``isoclr fit`` wrote.
        task: instead of --head: what a head that ships with isoclr predicts, such as half-life; needs --species.
        species: of the RNAs; it chooses the shipped head, and is what the species column says of RNAs that do not
            come from a corpus.
        model: the model that the head belongs to, to embed RNAs with, when it does not ship with isoclr; with --task,
            the shipped model whose head to take.
        coverage: of the intervals; by default what the head was made with.
        annotation: GTF, GFF3, genePred, BED12 or structure table with the exons and coding sequences of the FASTA's
            RNAs, or of the genome.
        genome: FASTA of chromosomes; with --annotation instead of inputs, every annotated transcript is predicted.
        orf: mark the longest open reading frame of RNAs that may code and have no annotated coding sequence.
        precision: of the encoder's computation; bf16 is faster where the processor has it.
        device: cpu, cuda, cuda:1, …; by default the GPU when there is one.
        threads: of the CPU; by default as many as torch chooses.
        overwrite: replace an output that exists.

    Returns:
        The table that was written, and the head.

    Raises:
        InputError: a file that cannot be used, no such head, embeddings or weights of another model than the head's, or
            a coverage that the head's calibration cannot vouch for.
    """
    out = Path(out)
    check_output(out, overwrite=overwrite)
    chosen, model = resolve_head(head, task, species, model)
    coverage = chosen.check_coverage(coverage)
    paths = as_paths(inputs)
    ready = next((path for path in paths if are_embeddings(path)), None)
    if ready is not None:
        _check_alone(paths, ready, annotation, genome, model)
        table = _table(chosen, ready, coverage)
    else:
        weights = model_of(chosen, model)
        encoder_of(chosen, weights)  # others are refused now, and not after hours of embedding
        out.parent.mkdir(parents=True, exist_ok=True)
        folders = tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent)
        with folders as folder, quiet():
            found = embed(
                tuple(paths),
                model=weights,
                out=Path(folder) / "embeddings.parquet",
                annotation=annotation,
                genome=genome,
                species=species,
                orf=orf,
                precision=precision,
                device=device,
                threads=threads,
            )
            table = _table(chosen, found, coverage)
    _say_foreign(chosen, table)
    write_table(table, out)
    return Predicted(out, table, chosen, coverage)


def _check_alone(
    paths: Sequence[Path],
    ready: Path,
    annotation: tuple[Path, ...],
    genome: Path | None,
    model: str | None,
) -> None:
    """Embeddings are ready: nothing else belongs beside them, and no model is needed."""
    if model is not None:
        raise InputError(
            f"{ready}: embeddings are ready and name their model, found --model {model} beside them; leave it out"
        )
    other = next(
        (path for path in [*paths, *annotation, genome] if path not in (ready, None)), None
    )
    if other is not None or len(paths) > 1:
        raise InputError(
            f"{ready}: embeddings are given alone, found {other or ready} beside them; expected one "
            "file or folder of embeddings, or RNAs to embed"
        )


def _table(head: Head, embeddings: Path, coverage: float) -> pl.DataFrame:
    """Predictions for a file of embeddings, a block at a time."""
    parts = []
    for block in iter_embeddings(embeddings):
        if (block.meta["sha256"], block.dim) != (head.model["sha256"], head.dim):
            raise InputError(
                f"{embeddings}: {block.dim} values of {block.meta['model']} {block.meta['sha256'][:12]}, head "
                f"{head.name!r} belongs to {head.dim} of {head.model['model']} {head.model['sha256'][:12]}; embed "
                "with that model"
            )
        parts.append(predicted(head, block, coverage))
    return pl.concat(parts)


def _say_foreign(head: Head, table: pl.DataFrame) -> None:
    """RNAs of a species that the head has never seen get a prediction, and their user a word."""
    foreign = table.filter((pl.col("species") != "") & ~pl.col("species").is_in(head.species))
    if foreign.height:
        names = ", ".join(foreign["species"].unique().sort())
        info(
            f"{foreign.height:,} RNAs are of {names}; head {head.name!r} was trained on "
            f"{' and '.join(name or 'RNAs of no named species' for name in head.species)}"
        )
