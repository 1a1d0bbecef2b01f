"""In-silico mutagenesis: how a prediction changes when one base of an mRNA is another."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from isoclr._console import info, progress, table
from isoclr._io import as_paths, check_output, write_table
from isoclr._threads import thread_map, use_threads
from isoclr.analysis.consequences import CONSEQUENCES, consequences
from isoclr.analysis.fast_ism import IncrementalEncoder, Mutants
from isoclr.embedding.embed import read_rnas
from isoclr.errors import InputError
from isoclr.genomics.encoding import EXON_END, NUCLEOTIDE_BITS, Codes, N, coding_region
from isoclr.genomics.species import without_version
from isoclr.models.encoder import Encoder
from isoclr.models.packing import STRIDE
from isoclr.plotting import check_format, mutation_figure
from isoclr.probing.conformal import CVPlusRegressor
from isoclr.probing.head import Head
from isoclr.probing.linear import LinearModel
from isoclr.probing.resolve import encoder_of, model_of, resolve_head

Row = dict[str, str | int | float | None]
BATCH = 192
"""Mutants computed at a time: few enough for the processor's caches, enough to hide Python's share."""
REGIONS = ("5' UTR", "CDS", "3' UTR", "RNA")
"""Of an mRNA, and the whole of an RNA without a coding sequence."""


@dataclass(frozen=True)
class MutationScan:
    """Every point mutation of one RNA and what it does to a prediction.

    Attributes:
        transcript_id: the RNA.
        target: what is predicted.
        codes: the RNA as it is ``(L,)``.
        value: its prediction.
        effects: ``(L, 4)`` float32: prediction of the mutant with A, C, G or U minus ``value``; 0 for the base that is
            there already.
    """

    transcript_id: str
    target: str
    codes: Codes
    value: float
    effects: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        return f"MutationScan({self.transcript_id!r}: {self.target} {self.value:.3g}, {len(self):,} nt)"

    @property
    def bases(self) -> NDArray[np.uint8]:
        """``(L,)`` nucleotide codes, 4 for an unknown base."""
        return self.codes & np.uint8(NUCLEOTIDE_BITS)

    @property
    def importance(self) -> NDArray[np.float32]:
        """``(L,)`` what each base adds to the prediction: minus the mean effect of its mutations."""
        others = np.where(self.bases == N, 4, 3)
        return np.asarray(-self.effects.sum(1) / others, np.float32)

    @property
    def coding(self) -> tuple[int, int]:
        """First base and end of the coding sequence (0-based, half-open, stop codon included); (0, 0): none."""
        return coding_region(self.codes)

    @property
    def exon_ends(self) -> NDArray[np.int64]:
        """0-based positions of the last bases of the exons; empty when they are unknown."""
        return np.flatnonzero(self.codes & EXON_END)

    @cached_property
    def regions(self) -> NDArray[np.str_]:
        """``(L,)`` the region of each base, one of :data:`REGIONS`."""
        start, end = self.coding
        if end == 0:
            return np.full(len(self), "RNA")
        parts = [start, end - start, len(self) - end]
        return np.repeat(np.array(REGIONS[:3]), parts)

    @cached_property
    def consequences(self) -> NDArray[np.int8]:
        """``(L, 4)`` what each mutation does to the known signals: a number of :data:`CONSEQUENCES`, −1 for none."""
        return consequences(self.codes)

    def table(self) -> pl.DataFrame:
        """One row a base: transcript_id, position (1-based), base, region, importance, and the effect of A, C, G, U."""
        columns = {
            "transcript_id": pl.Series([self.transcript_id], dtype=pl.String).new_from_index(
                0, len(self)
            ),
            "position": np.arange(1, len(self) + 1),
            "base": np.array(list("ACGUN"))[self.bases],
            "region": self.regions,
            "importance": self.importance,
        }
        columns |= {base: self.effects[:, i] for i, base in enumerate("ACGU")}
        return pl.DataFrame(columns)

    def rows(self) -> list[Row]:
        """Mean and mean absolute effect of the mutations of every kind and region."""
        found: list[Row] = []
        common: Row = {
            "study": "mutagenesis",
            "task": self.target,
            "transcript": self.transcript_id,
        }
        for number, name in enumerate(CONSEQUENCES):
            effects = self.effects[self.consequences == number]
            if len(effects):
                told: Row = {"consequence": name, "n": len(effects)}
                means = {"mean effect": effects.mean(), "mean absolute effect": abs(effects).mean()}
                found += [
                    common | told | {"metric": m, "value": float(v)} for m, v in means.items()
                ]
        return found


def scan(
    encoder: Encoder,
    codes: Codes,
    line: LinearModel,
    *,
    transcript_id: str = "",
    target: str = "prediction",
    progress: Callable[[int], None] = lambda _: None,
) -> MutationScan:
    """Mutate every base of an RNA to the three others.

    A mutation changes the base and nothing else: codons and exons stay where they are annotated, so a lost start codon
    or a new stop codon is seen as sequence, not as another coding sequence.

    Args:
        encoder: makes embeddings.
        codes: the RNA ``(L,)``.
        line: the prediction from an embedding.
        transcript_id: its name.
        target: what ``line`` predicts.
        progress: called with the number of mutants done since the last call.

    Raises:
        InputError: an RNA without a base, or a line for embeddings of another size.
    """
    check(encoder, line)
    if not len(codes):
        raise InputError(f"{transcript_id or 'RNA'}: is empty, expected bases to mutate")
    positions, bases = point_mutations(codes)
    if encoder.network.architecture.gap is None:
        value, changes = _whole(encoder, codes, line, positions, bases, progress)
    else:
        value, changes = _local(encoder, codes, line, positions, bases, progress)
    effects = np.zeros((len(codes), 4), np.float32)
    effects[positions, bases] = changes
    return MutationScan(transcript_id, target, np.asarray(codes), value, effects)


def check(encoder: Encoder, line: LinearModel) -> None:
    """Refuse a line for embeddings of another size.

    Raises:
        InputError: it is.
    """
    if line.coefficients.shape != (encoder.dim,):
        raise InputError(
            f"a prediction from {len(line.coefficients)} values cannot be read off embeddings of {encoder!r}; "
            f"expected {encoder.dim}"
        )


def point_mutations(codes: Codes) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Position and new base of every point mutation, ``(m,)`` each; m = 3 L when all bases are known."""
    positions, bases = np.nonzero(np.arange(4) != (codes & NUCLEOTIDE_BITS)[:, None])
    return positions, bases.astype(np.uint8)


def mutated(codes: Codes, position: int, base: int) -> Codes:
    """A copy of an RNA with another base; codon and exon marks stay."""
    mutant = np.array(codes)
    mutant[position] = (mutant[position] & ~np.uint8(NUCLEOTIDE_BITS)) | np.uint8(base)
    return mutant


def _local(
    encoder: Encoder,
    codes: Codes,
    line: LinearModel,
    positions: NDArray[np.int64],
    bases: NDArray[np.uint8],
    progress: Callable[[int], None],
) -> tuple[float, NDArray[np.float64]]:
    """Prediction, and the changes of it, from the activations that mutations reach."""
    network = IncrementalEncoder(encoder.network)
    rna = Mutants(network, codes)
    changes = np.empty(len(positions))

    def compute(rows: NDArray[np.int64]) -> None:
        moved = rna.changes(
            torch.from_numpy(positions[rows]).to(network.device),
            torch.from_numpy(bases[rows]).to(network.device),
        )
        changes[rows] = moved.double().cpu().numpy() @ line.coefficients
        progress(len(rows))

    thread_map(compute, [*_batches(positions)], network.device.type)
    value = line(rna.embedding.cpu().numpy()[None])[0]
    return float(value), changes


def _batches(positions: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Mutations that the network treats alike, at most :data:`BATCH` at a time."""
    phases = positions % STRIDE
    for phase in range(STRIDE):
        rows = np.flatnonzero(phases == phase)
        yield from (rows[i : i + BATCH] for i in range(0, len(rows), BATCH))


def _whole(
    encoder: Encoder,
    codes: Codes,
    line: LinearModel,
    positions: NDArray[np.int64],
    bases: NDArray[np.uint8],
    progress: Callable[[int], None],
) -> tuple[float, NDArray[np.float64]]:
    """The same for an encoder that sees as far as an mRNA is long: every mutant is embedded from end to end."""
    value = line(encoder.embed_codes([codes]))[0]
    changes = np.empty(len(positions))
    for start in range(0, len(positions), BATCH):
        some = slice(start, start + BATCH)
        pairs = zip(positions[some].tolist(), bases[some].tolist(), strict=True)
        mutants: Sequence[Codes] = [mutated(codes, position, base) for position, base in pairs]
        changes[some] = line(encoder.embed_codes(mutants)) - value
        progress(len(mutants))
    return float(value), changes


@dataclass(frozen=True)
class Predictor:
    """An encoder and a line that reads a label off its embeddings.

    Attributes:
        encoder: makes embeddings.
        line: of the label; of the log-odds of class 1 where the label has two classes.
        target: what it predicts, with units.
    """

    encoder: Encoder
    line: LinearModel
    target: str


def predictor(
    head: Path | None, task: str | None, species: str, model: str | None, target: str | None
) -> Predictor:
    """Load a head and its model.

    Args:
        head: directory that ``isoclr fit`` wrote.
        task: instead, what a head that ships with isoclr predicts.
        species: of the shipped head.
        model: the head's model, when it does not ship; with ``task``, the shipped model whose head to take.
        target: which label, when the head has several.

    Raises:
        InputError: no such head, model or label, or a model of other weights than the head's.
    """
    chosen, given = resolve_head(head, task, species, model)
    encoder = encoder_of(chosen, model_of(chosen, given))
    return Predictor(encoder, *linear_readout(chosen, target))


def linear_readout(head: Head, target: str | None = None) -> tuple[LinearModel, str]:
    """A head's linear prediction, and what it is of.

    Args:
        head: from :func:`isoclr.load_head`.
        target: which label, when the head has several.

    Raises:
        InputError: no such label, or several and none named.
    """
    names = [one.name for one in head.targets]
    if target is None and len(names) > 1:
        raise InputError(
            f"head {head.name!r} predicts {', '.join(names)}; choose one with --target"
        )
    found = next((one for one in head.targets if target in (None, one.name)), None)
    if found is None:
        raise InputError(f"head {head.name!r} predicts {', '.join(names)}, not {target!r}")
    if isinstance(found.predictor, CVPlusRegressor):
        return found.predictor.value, found.title
    return found.predictor, f"{found.title}, log-odds"


MOST_NT = 1_000_000
"""nt to mutate in one go: an hour of a CPU core, and 30 MB of effects."""


@dataclass(frozen=True)
class Mutations:
    """The result of :func:`mutate`.

    Attributes:
        out: the file of effects.
        scans: one an RNA.
    """

    out: Path
    scans: tuple[MutationScan, ...]

    def rows(self) -> list[Row]:
        """Mean effects by kind of mutation, RNA by RNA."""
        return [row for one in self.scans for row in one.rows()]

    def print(self) -> None:
        """Print mean effects by kind of mutation."""
        for scan in self.scans:
            info(f"{scan.transcript_id}: {scan.target} {scan.value:.4g}, {3 * len(scan):,} mutants")
            means = {(row["consequence"], row["metric"]): row for row in scan.rows()}
            rows = [
                [
                    kind,
                    means[kind, "mean effect"]["n"],
                    f"{means[kind, 'mean effect']['value']:+.2g}",
                    f"{means[kind, 'mean absolute effect']['value']:.2g}",
                ]
                for kind in dict.fromkeys(kind for kind, _ in means)
            ]
            title = f"{scan.transcript_id}: effect of point mutations on {scan.target}"
            table(title, ["mutation", "mutants", "mean", "mean absolute"], rows)


def mutate(
    inputs: tuple[Path, ...],
    *,
    out: Path,
    head: Path | None = None,
    task: str | None = None,
    species: str = "",
    model: str | None = None,
    target: str | None = None,
    transcripts: tuple[str, ...] = (),
    annotation: tuple[Path, ...] = (),
    orf: bool = True,
    plot: Path | None = None,
    zoom: tuple[int, int] | None = None,
    threads: int | None = None,
    overwrite: bool = False,
) -> Mutations:
    """Which bases does a prediction rest on? Every base of an mRNA is mutated to the three others.

    Only the sequence changes: codons and exons stay where they are annotated (or called), so that a start codon that is
    lost, or a stop codon that is gained, shows as a change of sequence, not of the coding sequence.

    Args:
        inputs: FASTA files of mature RNAs (plain or gz), or corpora.
        out: the effects, a row a base, as Parquet, TSV or CSV by the extension.
        head: directory that ``isoclr fit`` wrote.
        task: instead of --head: what a head that ships with isoclr predicts, such as half-life; needs --species.
        species: of the shipped head.
        model: the model that the head belongs to, when it does not ship with isoclr.
        target: which label, when the head predicts several.
        transcripts: only these RNAs, by id; by default all, if they have a million nt at most.
        annotation: GTF, GFF3, genePred, BED12 or structure table with exons and coding sequences of the FASTA's RNAs.
        orf: mark the longest open reading frame of RNAs that may code and have no annotated coding sequence.
        plot: draw the effects of the one RNA, as PNG, PDF or SVG.
        zoom: first and last base (from 1) of the stretch drawn as letters; by default the 120 nt that matter most.
        threads: of the CPU; by default as many as torch chooses.
        overwrite: replace outputs that exist.

    Raises:
        InputError: a file, head or model that cannot be used, no such RNA, or more than a million bases to mutate.
    """
    out = Path(out)
    check_output(out, overwrite=overwrite)
    if plot is not None:
        check_format(Path(plot))
    use_threads(threads)
    chosen = predictor(head, task, species, model, target)
    rnas = _rnas(as_paths(inputs), species, as_paths(annotation), orf, transcripts)
    _check(rnas, plot, zoom)
    scans = []
    with progress() as bar:
        for name, codes in rnas:
            task_id = bar.add_task(name, total=3 * len(codes))
            scans.append(
                scan(
                    chosen.encoder,
                    codes,
                    chosen.line,
                    transcript_id=name,
                    target=chosen.target,
                    progress=partial(bar.advance, task_id),
                )
            )
    write_table(pl.concat([one.table() for one in scans]), out)
    if plot is not None:
        draw(Path(plot), scans[0], zoom)
    return Mutations(out, tuple(scans))


def draw(path: Path, found: MutationScan, zoom: tuple[int, int] | None = None) -> None:
    """Draw the effects of one RNA.

    Args:
        path: PNG, PDF or SVG.
        found: its scan.
        zoom: first and last base (from 1) of the stretch drawn as letters; by default the 120 nt that matter most.
    """
    mutation_figure(
        path,
        title=f"{found.transcript_id}: {found.target} {found.value:.3g}",
        bases=found.bases,
        effects=found.effects,
        importance=found.importance,
        coding=found.coding,
        exon_ends=found.exon_ends,
        zoom=zoom,
    )


def _rnas(
    paths: list[Path], species: str, annotation: list[Path], orf: bool, wanted: tuple[str, ...]
) -> list[tuple[str, Codes]]:
    """Name and codes of the RNAs to mutate, in the order of the files; wanted ones by id, the version optional."""
    if not paths:
        raise InputError("nothing to mutate: give a FASTA or a corpus")
    names = {without_version(name): name for name in wanted}
    found = []
    for source in read_rnas(paths, species=species, genome=None, annotation=annotation, orf=orf):
        for row, name in enumerate(source.table["transcript_id"]):
            if not wanted or name in wanted or without_version(name) in names:
                names.pop(without_version(name), None)
                found.append((name, source.codes_of(row)))
    if names and wanted:
        raise InputError(f"{paths[0]}: no RNA named {next(iter(names.values()))!r} in the inputs")
    return found


def _check(rnas: list[tuple[str, Codes]], plot: Path | None, zoom: tuple[int, int] | None) -> None:
    total = sum(len(codes) for _, codes in rnas)
    if total > MOST_NT:
        raise InputError(
            f"{total:,} nt of {len(rnas):,} RNAs to mutate, expected at most {MOST_NT:,}; choose with --transcripts"
        )
    if plot is not None and len(rnas) != 1:
        raise InputError(f"--plot draws one RNA, found {len(rnas)}; choose one with --transcripts")
    longest = max(len(codes) for _, codes in rnas)
    if zoom is not None and not 1 <= zoom[0] <= zoom[1] <= longest:
        raise InputError(
            f"--zoom {zoom[0]} {zoom[1]}: expected two bases, the first not behind the last, from 1 to {longest:,}"
        )
