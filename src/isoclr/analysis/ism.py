"""In-silico mutagenesis: how a prediction changes with every point mutation of an mRNA."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from isoclr._console import progress
from isoclr._io import as_paths
from isoclr._report import Report, Row, Table
from isoclr._threads import thread_map, use_threads
from isoclr.analysis.consequences import CONSEQUENCES, LETTERS, coding_changes, consequences
from isoclr.analysis.fast_ism import BATCH, IncrementalEncoder, ReferenceRna, mutation_batches
from isoclr.analysis.readout import LinearPredictor, load_predictor
from isoclr.embedding.inputs import as_inputs, read_rnas
from isoclr.errors import InputError
from isoclr.genomics.encoding import EXON_END, NUCLEOTIDE_BITS, Codes, N, coding_region
from isoclr.genomics.species import without_version
from isoclr.plotting.mutations import mutation_figure
from isoclr.plotting.style import check_outputs

MAX_NT = 1_000_000  # Most nucleotides to mutate in one run: an hour of a CPU core


@dataclass(frozen=True)
class MutationScan:
    """Every point mutation of one RNA and its effect on a prediction."""

    transcript_id: str
    target: str  # What is predicted
    codes: Codes  # Codes of the unmutated RNA (L,)
    value: float  # Prediction for the unmutated RNA
    effects: NDArray[np.float32]
    """``(L, 4)`` prediction of the mutant with A, C, G or U minus ``value``; 0 for the base that is there already."""
    gene_symbol: str = ""  # empty if it is not known

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
        """``(L,)`` contribution of each base to the prediction: minus the mean effect of its mutations."""
        mutants = np.where(self.bases == N, 4, 3)
        return np.asarray(-self.effects.sum(1) / mutants, np.float32)

    @property
    def coding(self) -> tuple[int, int]:
        """Start and end of the coding sequence (0-based, half-open, with stop codon); (0, 0): none."""
        return coding_region(self.codes)

    @property
    def exon_ends(self) -> NDArray[np.int64]:
        """0-based positions of the last bases of exons; empty if they are unknown."""
        return np.flatnonzero(self.codes & EXON_END)

    @property
    def regions(self) -> NDArray[np.str_]:
        """``(L,)`` region of each base: 5' UTR, CDS, 3' UTR; RNA without a coding sequence."""
        start, end = self.coding
        if end == 0:
            return np.full(len(self), "RNA")
        return np.repeat(["5' UTR", "CDS", "3' UTR"], [start, end - start, len(self) - end])

    @cached_property
    def consequences(self) -> NDArray[np.int8]:
        """``(L, 4)`` indices of :data:`CONSEQUENCES`; −1 for the base that is there already."""
        return consequences(self.codes)

    def table(self) -> pl.DataFrame:
        """One row per mutation.

        Columns: transcript_id, gene_symbol, position (1-based), ref, alt, effect, consequence (see
        :data:`CONSEQUENCES`), codon_change and aa_change (null outside the coding sequence).
        """
        positions, alt = point_mutations(self.codes)
        codon_changes, aa_changes = coding_changes(self.codes, positions, alt)
        table = pl.DataFrame(
            {
                "position": positions + 1,
                "ref": LETTERS[self.bases[positions]],
                "alt": LETTERS[alt],
                "effect": self.effects[positions, alt],
                "consequence": np.array(CONSEQUENCES)[self.consequences[positions, alt]],
                "codon_change": codon_changes,
                "aa_change": aa_changes,
            }
        )
        return self._named(table).with_columns(pl.col("codon_change", "aa_change").replace("", None))

    def base_table(self) -> pl.DataFrame:
        """One row per base.

        Columns: transcript_id, gene_symbol, position (1-based), base, region, importance, effects of A, C, G, U.
        """
        columns = {
            "position": np.arange(1, len(self) + 1),
            "base": LETTERS[self.bases],
            "region": self.regions,
            "importance": self.importance,
        }
        columns |= {base: self.effects[:, i] for i, base in enumerate("ACGU")}
        return self._named(pl.DataFrame(columns))

    def _named(self, table: pl.DataFrame) -> pl.DataFrame:
        return table.select(
            pl.lit(self.transcript_id).alias("transcript_id"), pl.lit(self.gene_symbol).alias("gene_symbol"), pl.all()
        )

    @property
    def title(self) -> str:
        """Transcript and, if it is known, gene symbol."""
        return f"{self.transcript_id} ({self.gene_symbol})" if self.gene_symbol else self.transcript_id

    def rows(self) -> list[Row]:
        """Mean and mean absolute effect of the mutations of each consequence."""
        rows: list[Row] = []
        for number, name in enumerate(CONSEQUENCES):
            effects = self.effects[self.consequences == number]
            if len(effects):
                keys: Row = {"study": "mutagenesis", "task": self.target}
                keys |= {"transcript": self.transcript_id, "consequence": name, "n": len(effects)}
                for metric, values in (("mean effect", effects), ("mean absolute effect", abs(effects))):
                    rows.append(keys | {"metric": metric, "value": float(values.mean())})
        return rows

    def draw(self, path: Path, zoom: tuple[int, int] | None = None) -> None:
        """Draw the effects.

        Args:
            zoom: First and last base (from 1) of the region drawn as letters; by default the 120 nt of the largest
                importance.
        """
        mutation_figure(
            path,
            title=f"{self.title}: {self.target} {self.value:.3g}",
            bases=self.bases,
            effects=self.effects,
            importance=self.importance,
            coding=self.coding,
            exon_ends=self.exon_ends,
            zoom=zoom,
        )


def scan(
    predictor: LinearPredictor,
    codes: Codes,
    *,
    transcript_id: str = "",
    gene_symbol: str = "",
    progress: Callable[[int], None] = lambda _: None,
) -> MutationScan:
    """Mutate every base of an RNA to the three others.

    Only the base changes. Codons and exons stay as annotated, so a lost start codon or a new stop codon is a change of
    sequence, not of the coding sequence.
    """
    if not len(codes):
        raise InputError(f"{transcript_id or 'RNA'}: is empty, expected bases to mutate")
    positions, bases = point_mutations(codes)
    is_local = predictor.encoder.network.architecture.gap is not None
    compute = _scan_incrementally if is_local else _scan_by_embedding
    value, changes = compute(predictor, codes, positions, bases, progress)
    effects = np.zeros((len(codes), 4), np.float32)
    effects[positions, bases] = changes
    return MutationScan(transcript_id, predictor.target, np.asarray(codes), value, effects, gene_symbol)


def point_mutations(codes: Codes) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Position and new base ``(m,)`` of every point mutation; m = 3 L if all bases are known."""
    positions, bases = np.nonzero(np.arange(4) != (codes & NUCLEOTIDE_BITS)[:, None])
    return positions, bases.astype(np.uint8)


def mutate_base(codes: Codes, position: int, base: int) -> Codes:
    """A copy of an RNA with another base; codon and exon marks stay."""
    mutant = np.array(codes)
    mutant[position] = (mutant[position] & ~np.uint8(NUCLEOTIDE_BITS)) | np.uint8(base)
    return mutant


def _scan_incrementally(
    predictor: LinearPredictor,
    codes: Codes,
    positions: NDArray[np.int64],
    bases: NDArray[np.uint8],
    progress: Callable[[int], None],
) -> tuple[float, NDArray[np.float64]]:
    """Prediction of the RNA and its changes ``(m,)``, from the activations that mutations can change."""
    encoder = IncrementalEncoder(predictor.encoder.network)
    reference = ReferenceRna(encoder, codes)
    changes = np.empty(len(positions))

    def compute(rows: NDArray[np.int64]) -> None:
        mutations = (torch.from_numpy(one[rows]).to(encoder.device) for one in (positions, bases))
        changes[rows] = reference.changes(*mutations).double().cpu().numpy() @ predictor.model.coefficients
        progress(len(rows))

    thread_map(compute, mutation_batches(positions), encoder.device.type)
    return float(predictor.model(reference.embedding.cpu().numpy()[None])[0]), changes


def _scan_by_embedding(
    predictor: LinearPredictor,
    codes: Codes,
    positions: NDArray[np.int64],
    bases: NDArray[np.uint8],
    progress: Callable[[int], None],
) -> tuple[float, NDArray[np.float64]]:
    """The same for an encoder whose receptive field is as long as an mRNA: every mutant is embedded whole."""
    embed, model = predictor.encoder.embed_codes, predictor.model
    value = model(embed([codes]))[0]
    changes = np.empty(len(positions))
    for start in range(0, len(positions), BATCH):
        some = slice(start, start + BATCH)
        pairs = zip(positions[some].tolist(), bases[some].tolist(), strict=True)
        mutants = [mutate_base(codes, position, base) for position, base in pairs]
        changes[some] = model(embed(mutants)) - value
        progress(len(mutants))
    return float(value), changes


@dataclass(frozen=True)
class Mutagenesis(Report):
    """The result of :func:`mutate`."""

    scans: tuple[MutationScan, ...]  # One scan per RNA

    def rows(self) -> list[Row]:
        """Mean effects by consequence, RNA by RNA."""
        return [row for one in self.scans for row in one.rows()]

    def to_frame(self) -> pl.DataFrame:
        """One row per mutation; see :meth:`MutationScan.table`."""
        return pl.concat([one.table() for one in self.scans])

    def messages(self) -> Iterator[str]:
        """The prediction for each RNA."""
        for one in self.scans:
            mutants = len(point_mutations(one.codes)[0])
            yield f"{one.title}: {one.target} {one.value:.4g}, {mutants:,} mutants"

    def tables(self) -> Iterator[Table]:
        """Mean effects by consequence, one table per RNA."""
        for one in self.scans:
            cells: dict[object, list[object]] = {}
            for row in one.rows():
                sign = "+" if row["metric"] == "mean effect" else ""
                cells.setdefault(row["consequence"], [row["n"]]).append(f"{row['value']:{sign}.2g}")
            title = f"{one.title}: effect of point mutations on {one.target}"
            columns = ["consequence", "mutants", "mean", "mean absolute"]
            yield Table(title, columns, [[name, *numbers] for name, numbers in cells.items()])


def mutate(
    inputs: tuple[Path, ...],
    *,
    out: Path | None = None,
    head: Path | None = None,
    task: str | None = None,
    species: str = "",
    model: str | None = None,
    label: str | None = None,
    transcripts: tuple[str, ...] = (),
    annotation: tuple[Path, ...] = (),
    orf: bool = True,
    plot: Path | None = None,
    zoom: tuple[int, int] | None = None,
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
) -> Mutagenesis:
    """Predict the effect of every point mutation of an mRNA.

    The effect is the prediction for the mutant minus that for the RNA as it is. Only the base changes. Codons and exons
    stay as annotated (or called), so a lost start codon or a new stop codon is a change of sequence, not of the coding
    sequence.

    Args:
        inputs: FASTA files of mature RNAs (plain or gz), or corpora. In Python also RNAs in memory, as isoclr.embed
            takes them.
        out: Table of effects, one row per mutation, as Parquet, TSV or CSV by the extension. In Python it may be left
            out.
        head: Directory that ``isoclr fit`` wrote.
        task: What a shipped head predicts, such as half-life, instead of --head; needs --species.
        species: Species of the shipped head.
        model: Encoder of the head, if it is not built in.
        label: Which label, if the head predicts several.
        transcripts: Ids or gene symbols of the RNAs to mutate (default: all, up to a million nt).
        annotation: GTF, GFF3, genePred, BED12 or structure table with exons and coding sequences of the FASTA's RNAs.
        orf: Use the longest open reading frame of potentially coding RNAs without an annotated coding sequence.
        plot: Figure of the effects in one RNA, as PNG, PDF or SVG.
        zoom: First and last base (from 1) of the region drawn as letters (default: the 120 nt of largest importance).
        device: Torch device: auto (a GPU if there is one), cpu, cuda, cuda:1, …
        threads: Number of CPU threads (default: PyTorch's choice).
        overwrite: Replace existing outputs.

    Raises:
        InputError: A file, head or model that cannot be used, no such RNA, or more than a million bases to mutate.
    """
    check_outputs(figure=plot, tables=[out], overwrite=overwrite)
    use_threads(threads)
    predictor = load_predictor(head, task, species, model, label, device)
    rnas = _select_rnas(as_inputs(inputs), species, as_paths(annotation), orf, transcripts)
    _check_size(rnas, plot, zoom)
    scans = []
    with progress() as bar:
        for name, symbol, codes in rnas:
            advance = partial(bar.advance, bar.add_task(name, total=3 * len(codes)))
            scans.append(scan(predictor, codes, transcript_id=name, gene_symbol=symbol, progress=advance))
    report = Mutagenesis(tuple(scans))
    if out is not None:
        report.save(Path(out), overwrite=overwrite)
    if plot is not None:
        scans[0].draw(Path(plot), zoom)
    return report


def _select_rnas(
    paths: list[Any], species: str, annotation: list[Path], orf: bool, ids: Sequence[str]
) -> list[tuple[str, str, Codes]]:
    """Names, gene symbols and codes of the RNAs with given ids (all if none is given), in the order of the files.

    The version of an id may be left out. A gene symbol stands for all its RNAs.
    """
    if not paths:
        raise InputError("nothing to mutate: give a FASTA or a corpus")
    missing = {without_version(name): name for name in ids}
    names = {*ids, *missing}
    rnas = []
    for source in read_rnas(paths, species=species, genome=None, annotation=annotation, orf=orf):
        for row, name in enumerate(source.table["transcript_id"]):
            symbol = source.table["gene_symbol"][row] or ""
            if not ids or names & {name, without_version(name), symbol or name}:
                missing.pop(without_version(name), None)
                missing.pop(symbol, None)
                rnas.append((name, symbol, source.codes_of(row)))
    if missing:
        raise InputError(f"{paths[0]}: no RNA named {next(iter(missing.values()))!r} in the inputs")
    exact = {without_version(name) for name, *_ in rnas if name in ids}  # their other versions are not meant
    return [one for one in rnas if one[0] in ids or one[1] in ids or without_version(one[0]) not in exact]


def _check_size(rnas: Sequence[tuple[str, str, Codes]], plot: Path | None, zoom: tuple[int, int] | None) -> None:
    total = sum(len(codes) for *_, codes in rnas)
    if total > MAX_NT:
        raise InputError(
            f"{total:,} nt of {len(rnas):,} RNAs to mutate, expected at most {MAX_NT:,}; choose with --transcripts"
        )
    if plot is not None and len(rnas) != 1:
        raise InputError(f"--plot draws one RNA, got {len(rnas)}; choose one with --transcripts")
    longest = max(len(codes) for *_, codes in rnas)
    if zoom is not None and not 1 <= zoom[0] <= zoom[1] <= longest:
        raise InputError(f"--zoom {zoom[0]} {zoom[1]}: expected a first and a last base from 1 to {longest:,}")
