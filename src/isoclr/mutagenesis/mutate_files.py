"""The verb: RNAs and a head in, the effect of every point mutation out."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from isoclr.accessions import without_version
from isoclr.console import progress
from isoclr.corpus.codes import Codes
from isoclr.embedding.sources import read_rnas
from isoclr.errors import InputError
from isoclr.files import as_paths
from isoclr.models.parallel import use_threads
from isoclr.mutagenesis.heads import predictor
from isoclr.mutagenesis.scanning import MutationScan, Row, scan
from isoclr.predicting.table import check_output, write
from isoclr.reports.figures import check_format
from isoclr.reports.mutagenesis import mutation_figure

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
    write(pl.concat([one.table() for one in scans]), out)
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
