"""What is in a corpus: the paper's Table 1, lengths, coverage of the tracks, and everything that was left out."""

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isoclr._console import info, out, table
from isoclr._io import atomic_path, check_file
from isoclr._report import write_json
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.errors import InputError
from isoclr.genomics.encoding import CODON_START, EXON_END, NUCLEOTIDE_BITS, Codes, N, letters

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class Group:
    """Gene sets and transcripts of one species, or of all.

    Attributes:
        name: the species, or ``all``.
        gene_sets: gene sets with a transcript of the group.
        transcripts: transcripts.
        mean: transcripts of the group in a gene set that has one, on average.
        several: share of those gene sets with two or more.
        genes: genes.
        mapped: share of its genes that are in a homology group.
    """

    name: str
    gene_sets: int
    transcripts: int
    mean: float
    several: float
    genes: int
    mapped: float


@dataclass(frozen=True)
class Inspection:
    """A corpus in numbers.

    Attributes:
        path: the corpus.
        groups: Table 1, ``all`` first, then every species.
        lengths: quantile → length (nt).
        cds_source: ``annotated``, ``orf``, ``none`` → transcripts.
        exons_known: transcripts whose exons are known.
        records: transcripts in the inputs.
        dropped: species → reason → transcripts left out.
        noted: species → what was odd or mended → transcripts.
        files: input file → reason → what its reader left out.
    """

    path: str
    groups: list[Group]
    lengths: dict[str, int]
    cds_source: dict[str, int]
    exons_known: int
    records: int
    dropped: dict[str, dict[str, int]]
    noted: dict[str, dict[str, int]]
    files: dict[str, dict[str, int]]

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON has it."""
        return asdict(self)


def inspect(corpus: Corpus | str | Path) -> Inspection:
    """Count what is in a corpus and what was left out.

    Args:
        corpus: a corpus or its directory.
    """
    corpus = corpus if isinstance(corpus, Corpus) else open_corpus(corpus)
    by_species = corpus.meta["by_species"]
    groups = [_group(corpus, "all", np.ones(len(corpus), bool))]
    groups += [
        _group(corpus, name, np.asarray(corpus.index["species"]) == number)
        for number, name in enumerate(corpus.species)
    ]
    lengths = np.asarray(corpus.index["length"])
    sources = corpus.transcripts["cds_source"].value_counts()
    counts = dict(sources.iter_rows())
    return Inspection(
        path=str(corpus.path),
        groups=groups,
        lengths={
            f"{q:.0%}": int(np.quantile(lengths, q, method="inverted_cdf")) if len(lengths) else 0
            for q in QUANTILES
        },
        cds_source={name: counts.get(name, 0) for name in ("annotated", "orf", "none")},
        exons_known=int((corpus.index["n_exons"] > 0).sum()),
        records=sum(facts["records"] for facts in by_species.values()),
        dropped={name: facts["dropped"] for name, facts in by_species.items()},
        noted={name: facts["noted"] for name, facts in by_species.items()},
        files=_left_out_by_readers(corpus),
    )


def _group(corpus: Corpus, name: str, rows: np.ndarray[Any, np.dtype[np.bool_]]) -> Group:
    sizes = np.bincount(corpus.index["gene_set"][rows])
    sizes = sizes[sizes > 0]
    facts = corpus.meta["by_species"]
    chosen = list(facts.values()) if name == "all" else [facts[name]]
    genes = sum(each["genes"] for each in chosen)
    mapped = sum(each["mapped_genes"] for each in chosen)
    return Group(
        name=name,
        gene_sets=len(sizes),
        transcripts=int(sizes.sum()),
        mean=float(sizes.mean()) if len(sizes) else 0.0,
        several=float((sizes > 1).mean()) if len(sizes) else 0.0,
        genes=genes,
        mapped=mapped / genes if genes else 0.0,
    )


def _left_out_by_readers(corpus: Corpus) -> dict[str, dict[str, int]]:
    """Per input file, what could not be read as a transcript at all."""
    files: dict[str, Counter[str]] = {}
    for source in corpus.meta["inputs"]:
        readers = zip(source["annotation"], source["annotation_dropped"], strict=True)
        found = [(facts["name"], dropped) for facts, dropped in readers]
        if source["transcripts"]:
            found.append((source["transcripts"]["name"], source["transcripts_dropped"]))
        for name, dropped in found:
            if dropped:
                files.setdefault(name, Counter()).update(dropped)
    return {name: dict(counts) for name, counts in files.items()}


def tables(found: Inspection) -> list[tuple[str, list[str], list[list[object]]]]:
    """The same as tables for a person: title, columns, rows."""
    groups = [
        [
            g.name,
            g.gene_sets,
            g.transcripts,
            f"{g.mean:.2f}",
            f"{g.several:.1%}",
            g.genes,
            f"{g.mapped:.1%}",
        ]
        for g in found.groups
    ]
    kept = found.groups[0].transcripts
    coverage: list[list[object]] = [
        [f"CDS: {name}", count, _share(count, kept)] for name, count in found.cds_source.items()
    ]
    coverage.append(["exons known", found.exons_known, _share(found.exons_known, kept)])
    title = f"{found.path}: {found.records:,} transcripts in the inputs, {kept:,} kept"
    columns = ["species", "gene sets", "transcripts", "mean", "≥ 2", "genes", "mapped"]
    shown: list[tuple[str, list[str], list[list[object]]]] = [
        (title, columns, groups),
        ("Length (nt) at quantiles", list(found.lengths), [list(found.lengths.values())]),
        ("Tracks", ["track", "transcripts", "share"], coverage),
    ]
    if left_out := _left_out(found):
        columns = ["species or file", "what", "reason", "transcripts"]
        shown.append(("Left out, and what was odd", columns, left_out))
    return shown


def _left_out(found: Inspection) -> list[list[object]]:
    """Rows of species or file, what became of transcripts, why, and how many."""
    counts = [
        *(("dropped", name, reasons) for name, reasons in found.dropped.items()),
        *(("noted", name, reasons) for name, reasons in found.noted.items()),
        *(("in the file", name, reasons) for name, reasons in found.files.items()),
    ]
    return [
        [name, what, reason, count]
        for what, name, reasons in counts
        for reason, count in reasons.items()
    ]


def _share(count: int, of: int) -> str:
    return f"{count / of:.1%}" if of else "–"


FORMATS = (".png", ".pdf", ".svg")


def check_plot(path: Path) -> None:
    """Refuse a picture's name before anything is computed for it.

    Raises:
        InputError: another suffix than .png, .pdf and .svg, or a folder that cannot be written to.
    """
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path}: a figure is written as {', '.join(FORMATS)}")
    check_file(path)


def plot_corpus(corpus: Corpus, path: str | Path) -> None:
    """Draw histograms of transcript lengths and of transcripts in a gene set.

    Args:
        corpus: the corpus.
        path: the picture; its suffix chooses the format (png, pdf, svg).

    Raises:
        InputError: as :func:`check_plot`.
    """
    check_plot(Path(path))
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    lengths = np.asarray(corpus.index["length"])
    shortest, longest = (lengths.min(), lengths.max()) if len(lengths) else (1, 1)
    edges = np.geomspace(shortest, longest + 1, 60)
    for number, name in enumerate(corpus.species):
        of_species = lengths[np.asarray(corpus.index["species"]) == number]
        left.hist(of_species, edges, histtype="step", label=f"{name} ({len(of_species):,})")
    left.set(xscale="log", xlabel="transcript length (nt)", ylabel="transcripts")
    left.legend(fontsize="x-small", frameon=False)
    _, starts = corpus.members
    sizes = np.minimum(np.diff(starts), 20)
    right.hist(sizes, np.arange(0.5, 21.5), rwidth=0.85)
    right.set(yscale="log", xlabel="transcripts in a gene set", ylabel="gene sets")
    right.set_xticks([1, 5, 10, 15, 20], ["1", "5", "10", "15", "≥ 20"])
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"{len(corpus):,} transcripts in {corpus.num_gene_sets:,} gene sets", fontsize="medium"
    )
    with atomic_path(Path(path)) as partial:
        figure.savefig(partial, dpi=150)


WIDTH = 60

_AMINO_ACIDS = "KNKNTTTTRSRSIIMIQHQHPPPPRRRRLLLLEDEDAAAAGGGGVVVV*Y*YSSSS*CWCLFLF"
"""The standard genetic code, codons in the order AAA, AAC, AAG, AAT, ACA … TTT."""


def describe(corpus: Corpus, transcript_id: str) -> str:
    """A transcript's names, and its sequence with codons and exon ends marked.

    Under every row of the sequence stand the amino acids, each below the first base of its codon (``*`` is a stop), and
    ``|`` below the last base of every exon.

    Args:
        corpus: the corpus.
        transcript_id: the transcript; its version may be left out.

    Raises:
        InputError: the corpus has no such transcript.
    """
    i = corpus.find(transcript_id)
    row = corpus.transcripts.row(i, named=True)
    gene = f"{row['gene_id']} {row['gene_symbol']}".strip()
    exons = f"{row['n_exons']:,} exons" if row["n_exons"] else "exons unknown"
    cds = "no CDS"
    if row["cds_start"] >= 0:
        cds = f"CDS {row['cds_start'] + 1}-{row['cds_end']} ({row['cds_source']})"
    facts = [
        f"gene {gene}",
        f"gene set {row['gene_set']} ({_members(corpus, i)})",
        row["species"],
        f"{row['length']:,} nt",
        exons,
        cds,
        *([row["biotype"]] if row["biotype"] else []),
    ]
    return "\n".join(
        [f"{row['transcript_id']}: {'; '.join(facts)}", *show_tracks(corpus.codes_of(i))]
    )


def show_tracks(codes: Codes) -> list[str]:
    """Rows of 60 nt, each with a line of codons and a line of exon ends below it, where it has any."""
    sequence = letters(codes)
    codons = _codon_letters(codes)
    ends = "".join("|" if end else " " for end in codes & EXON_END)
    digits = len(str(len(codes)))
    lines = []
    for first in range(0, len(codes), WIDTH):
        row = slice(first, first + WIDTH)
        last = min(first + WIDTH, len(codes))
        lines.append(f"{first + 1:>{digits}} {sequence[row]:<{WIDTH}} {last:>{digits}}")
        for marks, name in ((codons, "codons"), (ends, "exon ends")):
            if marks[row].strip():
                lines.append(f"{'':>{digits}} {marks[row]:<{WIDTH}} {name}")
    return lines


def _codon_letters(codes: Codes) -> str:
    """The amino acid below the first base of its codon, blank elsewhere; X for a codon with N."""
    line = np.full(len(codes), " ")
    for at in np.flatnonzero(codes & CODON_START).tolist():
        codon = (codes[at : at + 3] & NUCLEOTIDE_BITS).tolist()
        unknown = N in codon or len(codon) < 3
        line[at] = "X" if unknown else _AMINO_ACIDS[codon[0] * 16 + codon[1] * 4 + codon[2]]
    return "".join(line)


def _members(corpus: Corpus, i: int) -> str:
    order, starts = corpus.members
    gene_set = int(corpus.index["gene_set"][i])
    rows = order[starts[gene_set] : starts[gene_set + 1]]
    count = len(np.unique(corpus.index["species"][rows]))
    return f"{len(rows):,} transcript{'s' * (len(rows) != 1)} of {count} species"


def print_corpus(corpus: Corpus) -> None:
    """Print what is in a corpus and what was dropped."""
    for title, columns, rows in tables(inspect(corpus)):
        table(title, columns, rows)


def show(
    corpus: Path,
    *,
    transcript: str | None = None,
    plot: Path | None = None,
    json: Path | None = None,
    verify: bool = False,
) -> None:
    """Show what is in a corpus, what was dropped and why; or one transcript's tracks.

    Args:
        corpus: The corpus.
        transcript: Print this transcript's sequence with its codons and exon ends instead of the tables.
        plot: Draw histograms of lengths and of isoforms in a gene set to this PNG, PDF or SVG.
        json: Write the numbers to this file too.
        verify: Compare every file's SHA-256 with the one recorded when the corpus was built.

    Raises:
        InputError: the corpus cannot be used, or has no such transcript.
    """
    if plot is not None:
        check_plot(plot)
    opened = open_corpus(corpus)
    if verify:
        opened.verify()
        info(f"{corpus}: every file is as it was written")
    if transcript is not None:
        out.print(describe(opened, transcript), markup=False, soft_wrap=True)
        return
    if json is not None:
        write_json(json, inspect(opened).to_dict())
    if plot is not None:
        plot_corpus(opened, plot)
    print_corpus(opened)
