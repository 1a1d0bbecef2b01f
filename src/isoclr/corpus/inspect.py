"""``isoclr inspect``: numbers of a corpus, a plot, and single transcripts."""

import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoclr._console import info
from isoclr._console import show as print_text
from isoclr._io import FIGURE_METADATA, HASH_SALT, atomic_path, check_file
from isoclr._report import Report, Row, Table, write_json
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.errors import InputError, counted, printable
from isoclr.genomics.encoding import AMINO_ACIDS, CODON_START, EXON_END, NUCLEOTIDE_BITS, Codes, codon_numbers, letters

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
WIDTH = 60  # Nucleotides in a line of describe


@dataclass(frozen=True)
class Group:
    """Gene sets and transcripts of one species, or of all."""

    name: str  # Species, or all
    gene_sets: int  # Number of gene sets with a transcript of the group
    transcripts: int
    mean: float  # Mean number of the group's transcripts in those gene sets
    several: float  # Fraction of those gene sets with two or more
    genes: int
    mapped: float  # Fraction of the genes that are in a homology group


@dataclass(frozen=True)
class CorpusSummary(Report):
    """Numbers of a corpus: gene sets (Fradkin et al. 2023, table 1), lengths, tracks, and what was dropped."""

    path: str
    groups: list[Group]  # all, then every species
    lengths: dict[str, int]  # Quantile → transcript length (nt)
    cds_source: dict[str, int]  # annotated, orf, none → number of transcripts
    exons_known: int  # Number of transcripts with known exons
    canonical: int  # Number of canonical transcripts
    records: int  # Number of transcripts in the inputs
    dropped: dict[str, dict[str, int]]  # Species → reason → number of dropped transcripts
    noted: dict[str, dict[str, int]]  # Species → irregularity or correction → number of transcripts
    files: dict[str, dict[str, int]]  # Input file → reason → number of transcripts that could not be read

    def rows(self) -> list[Row]:
        """Tidy records: one per species."""
        return [asdict(group) for group in self.groups]

    def to_dict(self) -> dict[str, Any]:
        """All numbers."""
        return asdict(self)

    def tables(self) -> Iterator[Table]:
        """Tables for the terminal."""
        kept = self.groups[0].transcripts
        yield Table(
            f"{self.path}: {counted(self.records, 'transcript')} in the inputs, {kept:,} kept",
            ("species", "gene sets", "transcripts", "mean", "≥ 2", "genes", "mapped to a homology group"),
            [
                (g.name, g.gene_sets, g.transcripts, f"{g.mean:.2f}", f"{g.several:.1%}", g.genes, f"{g.mapped:.1%}")
                for g in self.groups
            ],
        )  # fmt: skip
        yield Table("Length (nt) at quantiles", list(self.lengths), [list(self.lengths.values())])
        tracks = [(f"CDS: {name}", count) for name, count in self.cds_source.items()]
        tracks += [("exons known", self.exons_known), ("canonical", self.canonical)]
        yield Table(
            "Annotation",
            ("of the transcripts", "number", "share"),
            [(name, count, f"{count / kept:.1%}" if kept else "–") for name, count in tracks],
        )
        left_out = [
            (name, kind, reason, count)
            for kind, entries in (("dropped", self.dropped), ("noted", self.noted), ("in the file", self.files))
            for name, reasons in entries.items()
            for reason, count in reasons.items()
        ]
        if left_out:
            columns = ("species or file", "what", "reason", "transcripts")
            yield Table("Left out, corrected or irregular", columns, left_out)


def inspect(corpus: Corpus | str | Path) -> CorpusSummary:
    """Summarize a corpus."""
    corpus = corpus if isinstance(corpus, Corpus) else open_corpus(corpus)
    by_species = corpus.meta["by_species"]
    groups = [_group(corpus, "all", np.ones(len(corpus), bool))]
    groups += [
        _group(corpus, name, np.asarray(corpus.index["species"]) == number)
        for number, name in enumerate(corpus.species)
    ]
    lengths = np.asarray(corpus.index["length"])
    sources = dict(corpus.transcripts["cds_source"].value_counts().iter_rows())
    return CorpusSummary(
        path=str(corpus.path),
        groups=groups,
        lengths={
            f"{q:.0%}": int(np.quantile(lengths, q, method="inverted_cdf")) if len(lengths) else 0 for q in QUANTILES
        },
        cds_source={name: sources.get(name, 0) for name in ("annotated", "orf", "none")},
        exons_known=int((corpus.index["n_exons"] > 0).sum()),
        canonical=int(corpus.transcripts["canonical"].sum()),
        records=sum(entry["records"] for entry in by_species.values()),
        dropped={name: entry["dropped"] for name, entry in by_species.items()},
        noted={name: entry["noted"] for name, entry in by_species.items()},
        files=_unreadable(corpus),
    )


def _group(corpus: Corpus, name: str, rows: NDArray[np.bool_]) -> Group:
    sizes = np.bincount(corpus.index["gene_set"][rows])
    sizes = sizes[sizes > 0]
    by_species = corpus.meta["by_species"]
    entries = list(by_species.values()) if name == "all" else [by_species[name]]
    genes = sum(entry["genes"] for entry in entries)
    mapped = sum(entry["mapped_genes"] for entry in entries)
    return Group(
        name=name,
        gene_sets=len(sizes),
        transcripts=int(sizes.sum()),
        mean=float(sizes.mean()) if len(sizes) else 0.0,
        several=float((sizes > 1).mean()) if len(sizes) else 0.0,
        genes=genes,
        mapped=mapped / genes if genes else 0.0,
    )


def _unreadable(corpus: Corpus) -> dict[str, dict[str, int]]:
    """Input file → reason → number of records that could not be read as transcripts."""
    files: dict[str, Counter[str]] = {}
    for source in corpus.meta["inputs"]:
        readings = list(zip(source["annotation"], source["annotation_dropped"], strict=True))
        if source["transcripts"]:
            readings.append((source["transcripts"], source["transcripts_dropped"]))
        for file, dropped in readings:
            if dropped:
                files.setdefault(file["name"], Counter()).update(dropped)
    return {name: dict(counts) for name, counts in files.items()}


def check_plot(path: Path) -> None:
    """Check the name of a figure before any work is done for it."""
    if path.suffix.lower() not in FIGURE_METADATA:
        raise InputError(f"{path}: unknown format, expected {', '.join(FIGURE_METADATA)}")
    check_file(path)


def plot_corpus(corpus: Corpus, path: Path) -> None:
    """Draw histograms of transcript lengths and of gene set sizes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    lengths = np.asarray(corpus.index["length"])
    shortest, longest = (lengths.min(), lengths.max()) if len(lengths) else (1, 1)
    edges = np.geomspace(shortest, longest + 1, 60)
    for number, species in enumerate(corpus.species):
        name = printable(species)[:40]
        of_species = lengths[np.asarray(corpus.index["species"]) == number]
        left.hist(of_species, edges, histtype="step", label=f"{name} ({len(of_species):,})")
    left.set(xscale="log", xlabel="transcript length (nt)", ylabel="transcripts")
    left.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.xaxis.set_minor_locator(NullLocator())
    left.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    for text in left.legend(fontsize="x-small", frameon=False).get_texts():
        text.set_parse_math(False)  # a name may hold dollar signs
    _, starts = corpus.members
    sizes = np.diff(starts)
    counts = np.bincount(np.minimum(sizes, 20), minlength=21)[1:]
    right.bar(np.arange(1, 21), counts, width=0.85)
    right.set(xlabel="transcripts in a gene set", ylabel="gene sets", xlim=(0.4, 20.6))
    right.set_yscale("symlog", linthresh=1)  # shows a bar of one gene set, and starts at 0
    right.set_ylim(0, 2 * max(1, counts.max()))
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    right.set_xticks([1, 5, 10, 15, 20], ["1", "5", "10", "15", "≥ 20"])
    several = (sizes > 1).mean() if len(sizes) else 0.0
    right.set_title(f"{several:.1%} of {len(sizes):,} have two or more", fontsize="small", loc="left")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    title = f"{len(corpus):,} transcripts in {corpus.num_gene_sets:,} gene sets"
    figure.suptitle(title, fontsize="medium")
    with atomic_path(path) as partial, warnings.catch_warnings(), mpl.rc_context({"svg.hashsalt": HASH_SALT}):
        warnings.simplefilter("ignore", UserWarning)  # a letter that the font lacks
        figure.savefig(partial, dpi=150, metadata=FIGURE_METADATA[path.suffix.lower()])


def describe(corpus: Corpus, name: str, *, brief: bool = False) -> str:
    """Names of a transcript, and its sequence with codons and exon ends; one line for each transcript of a gene.

    Below each line of the sequence stand the amino acids, at the first base of their codons (``*`` is a stop), and
    ``|`` at the last base of every exon.

    Args:
        name: Id of a transcript or gene, with or without version, or a gene symbol.
    """
    rows = corpus.find_rows(name)
    lines = [_title(corpus, row) for row in rows]
    if len(rows) == 1 and not brief:
        lines += show_tracks(corpus.codes_of(rows[0]))
    return "\n".join(lines)


def _title(corpus: Corpus, i: int) -> str:
    """Names and numbers of a transcript in one line."""
    row = corpus.transcripts.row(i, named=True)
    cds = "no CDS"
    if row["cds_start"] >= 0:
        cds = f"CDS {row['cds_start'] + 1}-{row['cds_end']} ({row['cds_source']})"
    rows = np.flatnonzero(corpus.index["gene_set"] == corpus.index["gene_set"][i])
    species = len(np.unique(corpus.index["species"][rows]))
    properties = [
        f"gene {row['gene_id']} {row['gene_symbol']}".strip(),
        f"gene set {row['gene_set']} ({len(rows):,} transcript{'s' * (len(rows) != 1)} of {species} species)",
        row["species"],
        f"{row['length']:,} nt",
        f"{row['n_exons']:,} exons" if row["n_exons"] else "exons unknown",
        cds,
        *([row["biotype"]] if row["biotype"] else []),
    ]
    return f"{row['transcript_id']}: {'; '.join(properties)}"


def show_tracks(codes: Codes) -> list[str]:
    """Lines of 60 nt, each followed by a line of codons and one of exon ends if it has any."""
    sequence = letters(codes)
    codons = _codon_letters(codes)
    ends = "".join("|" if end else " " for end in codes & EXON_END)
    digits = len(str(len(codes)))
    lines = []
    for first in range(0, len(codes), WIDTH):
        part = slice(first, first + WIDTH)
        last = min(first + WIDTH, len(codes))
        lines.append(f"{first + 1:>{digits}} {sequence[part]:<{WIDTH}} {last:>{digits}}")
        for marks, name in ((codons, "codons"), (ends, "exon ends")):
            if marks[part].strip():
                lines.append(f"{'':>{digits}} {marks[part]:<{WIDTH}} {name}")
    return lines


def _codon_letters(codes: Codes) -> str:
    """Amino acids at the first base of their codons, X for an ambiguous one, blanks elsewhere."""
    line = np.full(len(codes), ord(" "), np.uint8)
    starts = np.flatnonzero(codes & CODON_START)
    starts = starts[starts + 3 <= len(codes)]
    codons = codes[starts[:, None] + np.arange(3)] & NUCLEOTIDE_BITS
    line[starts] = AMINO_ACIDS[codon_numbers(codons)]
    return line.tobytes().decode()


def print_corpus(corpus: Corpus) -> None:
    """Print the summary of a corpus."""
    inspect(corpus).print()


def show(
    corpus: Path,
    *,
    transcript: str | None = None,
    brief: bool = False,
    plot: Path | None = None,
    json: Path | None = None,
    verify: bool = False,
) -> None:
    """Show what a corpus contains, what was dropped and why, or the tracks of one transcript.

    Args:
        corpus: Directory of the corpus.
        transcript: Transcript whose sequence, codons and exon ends are printed instead of the tables; for a gene (id or
            symbol) with several transcripts, one line for each.
        brief: With --transcript, leave out the sequence.
        plot: PNG, PDF or SVG file for histograms of lengths and gene set sizes.
        json: JSON file for the numbers.
        verify: Compare the SHA-256 of every file with the one recorded when the corpus was built.

    Raises:
        InputError: The corpus cannot be used, or has no such transcript.
    """
    if brief and transcript is None:
        raise InputError("--brief needs --transcript")
    if plot is not None:
        check_plot(plot)
    opened = open_corpus(corpus)
    if verify:
        opened.verify()
        info(f"{corpus}: all files are unchanged")
    if transcript is not None:
        print_text(describe(opened, transcript, brief=brief))
        return
    summary = inspect(opened)
    if json is not None:
        write_json(json, summary.to_dict())
    if plot is not None:
        plot_corpus(opened, plot)
    summary.print()
