"""Detecting formats, and one transcript written in every format."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoclr.errors import InputError
from isoclr.genomics.annotation import FORMATS, detect_format, read_annotation

Write = Callable[..., Path]
NINE = "chr1\tx\texon\t1\t9\t.\t+\t.\t"


@pytest.mark.parametrize("name", ["a.txt.gz", "a.bed"])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (NINE + 'gene_id "G"; transcript_id "T=1";', "gtf"),
        (NINE + "Parent=T", "gff3"),
        ("NM_1\tchr1\t+\t0\t9\t0\t9\t1\t0,\t9,", "genepred"),
        ("7\tNM_1\tchr1\t+\t0\t9\t0\t9\t1\t0,\t9,", "genepred"),
        ("ABC\tNM_1\tchr1\t+\t0\t9\t0\t9\t1\t0,\t9,", "genepred"),
        ("chr1\t0\t9\tT\t0\t+\t0\t9\t0\t1\t9,\t0,", "bed12"),
        ("transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths", "structures"),
    ],
)
def test_detect_format(write: Write, name: str, line: str, expected: str) -> None:
    assert detect_format(write("# a comment\n" * 5 + line + "\n", name)) == expected


def test_detect_format_by_name(write: Write) -> None:
    assert detect_format(write(NINE + ".\n", "a.gff3.gz")) == "gff3"
    assert detect_format(write(NINE + ".\n", "a.GTF.gz")) == "gtf"
    assert detect_format(write(NINE + ".\n" + NINE + "ID=x\n", "a.gtf")) == "gff3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chr1\t0\t9\tT\t0\t+\n", "line 1: BED with 6 columns, expected BED12"),
        ("#c\n>chr1\nACGT\n", "line 2: a FASTA header"),
        ("a b c\n", "line 1: 1 tab-separated columns, expected GTF or GFF3"),
        (NINE + ".\n", "line 1: 9 columns without attributes"),
        ("# nothing\n", "no data lines"),
        ("", "the file is empty"),
        ("a\0b", "binary data"),
    ],
)
def test_not_an_annotation(write: Write, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        detect_format(write(text, "a.txt"))


PLACE = ["transcript_id", "chrom", "strand", "exon_starts", "exon_lengths", "length", "cds_start", "cds_end"]


@dataclass(frozen=True)
class Transcript:
    """A transcript model on the genome, with the CDS (stop included) in transcript coordinates."""

    name: str
    strand: str
    exons: list[tuple[int, int]]  # 0-based half-open, in the order of the genome
    cds: tuple[int, int] | None
    phase: int

    def bases(self) -> list[int]:
        """Genomic coordinate of every base, from 5' to 3'."""
        bases = [base for start, end in self.exons for base in range(start, end)]
        return bases if self.strand == "+" else bases[::-1]

    def pieces(self, start: int, end: int) -> list[tuple[int, int]]:
        """The genomic intervals of a part of the transcript, one an exon, in the order of the genome."""
        part = set(self.bases()[start:end])
        clipped = [sorted(part & set(range(*exon))) for exon in self.exons]
        return [(inside[0], inside[-1] + 1) for inside in clipped if inside]

    def span(self) -> tuple[int, int]:
        """First and last base of the CDS on the genome; empty when there is none."""
        if self.cds is None:
            return self.exons[0][0], self.exons[0][0]
        pieces = self.pieces(*self.cds)
        return pieces[0][0], pieces[-1][1]

    def phases(self, pieces: list[tuple[int, int]]) -> list[int]:
        """Bases before the first whole codon of each piece of the CDS."""
        order = pieces if self.strand == "+" else pieces[::-1]
        phase, phases = self.phase, {}
        for start, end in order:
            phases[start] = phase
            phase = (phase - (end - start)) % 3
        return [phases[start] for start, _ in pieces]

    def row(self) -> dict[str, object]:
        """What the annotation table should say."""
        exons = self.exons if self.strand == "+" else self.exons[::-1]
        start, end = (-1, -1) if self.cds is None else (self.cds[0] + self.phase, self.cds[1])
        lengths = [end - start for start, end in exons]
        places = [start for start, _ in exons]
        values = (self.name, "chr1", self.strand, places, lengths, sum(lengths), start, end)
        return dict(zip(PLACE, values, strict=True))


def nine(t: Transcript, feature: str, piece: tuple[int, int], phase: object, names: str) -> str:
    cells = ["chr1", "x", feature, piece[0] + 1, piece[1], ".", t.strand, phase, names]
    return "\t".join(map(str, cells)) + "\n"


def as_gtf(t: Transcript) -> list[str]:
    """The CDS without its last codon, which is the stop codon."""
    names = f'gene_id "{t.name}"; transcript_id "{t.name}"; tag "a"; tag "b";'
    lines = [nine(t, "exon", exon, ".", names) for exon in t.exons]
    if t.cds:
        body = t.pieces(t.cds[0], t.cds[1] - 3)
        lines += [nine(t, "CDS", p, f, names) for p, f in zip(body, t.phases(body), strict=True)]
        lines += [nine(t, "stop_codon", p, 0, names) for p in t.pieces(t.cds[1] - 3, t.cds[1])]
    return lines


def as_gff3(t: Transcript) -> list[str]:
    whole = (t.exons[0][0], t.exons[-1][1])
    lines = [nine(t, "mRNA", whole, ".", f"ID=transcript:{t.name}")]
    lines += [nine(t, "exon", exon, ".", f"Parent=transcript:{t.name}") for exon in t.exons]
    if t.cds:
        pieces = t.pieces(*t.cds)
        for piece, phase in zip(pieces, t.phases(pieces), strict=True):
            lines.append(nine(t, "CDS", piece, phase, f"Parent=transcript:{t.name}"))
    return lines


def as_genepred(t: Transcript) -> list[str]:
    pieces = t.pieces(*t.cds) if t.cds else []
    frame_of = {p[0]: (3 - f) % 3 for p, f in zip(pieces, t.phases(pieces), strict=True)}
    frames = [next((frame_of[s] for s in frame_of if start <= s < end), -1) for start, end in t.exons]
    starts, ends = zip(*t.exons, strict=True)
    cells = [t.name, "chr1", t.strand, starts[0], ends[-1], *t.span(), len(starts), listed(starts)]
    return ["\t".join(map(str, [*cells, listed(ends), 0, t.name, "cmpl", "cmpl", listed(frames)])) + "\n"]


def as_bed12(t: Transcript) -> list[str]:
    first, last = t.exons[0][0], t.exons[-1][1]
    sizes = [end - start for start, end in t.exons]
    starts = [start - first for start, _ in t.exons]
    cells = ["chr1", first, last, t.name, 0, t.strand, *t.span(), 0, len(sizes), listed(sizes)]
    return ["\t".join(map(str, [*cells, listed(starts)])) + "\n"]


def listed(numbers: list[int] | tuple[int, ...]) -> str:
    return "".join(f"{number}," for number in numbers)


@st.composite
def transcripts(draw: st.DrawFn, phases: int) -> list[Transcript]:
    """A few transcripts whose exons may abut and be one base long."""
    models = []
    for i in range(draw(st.integers(1, 3))):
        at, exons = draw(st.integers(0, 50)), []
        for _ in range(draw(st.integers(1, 5))):
            at += draw(st.integers(0, 6))
            end = at + draw(st.integers(1, 12))
            exons.append((at, end))
            at = end
        length = sum(end - start for start, end in exons)
        phase = draw(st.integers(0, phases))
        shortest = 3 + phase + 3  # a codon at least before the stop codon
        cds = None
        if length >= shortest and draw(st.booleans()):
            start = draw(st.integers(0, length - shortest))
            codons = draw(st.integers(2, (length - start - phase) // 3))
            cds = (start, start + phase + 3 * codons)
        models.append(Transcript(f"T{i}", draw(st.sampled_from("+-")), exons, cds, phase if cds else 0))
    return models


@pytest.mark.parametrize(
    ("write_as", "name", "phases"),
    [(as_gtf, "gtf", 2), (as_gff3, "gff3", 2), (as_genepred, "genepred", 2), (as_bed12, "bed12", 0)],
)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_format(
    tmp_path_factory: pytest.TempPathFactory, write_as: object, name: str, phases: int, data: st.DataObject
) -> None:
    assert callable(write_as)
    models = data.draw(transcripts(phases))
    lines = [line for t in models for line in write_as(t)]
    if name in ("gtf", "gff3"):
        lines = data.draw(st.permutations(lines))
    path = tmp_path_factory.getbasetemp() / f"property.{name}"
    path.write_text("".join(lines))
    annotation = read_annotation(path)
    assert annotation.format == name
    assert not annotation.dropped
    table = annotation.table.select(PLACE).sort("transcript_id")
    assert table.to_dicts() == [t.row() for t in models]


def test_no_transcripts(tmp_path: Path) -> None:
    path = tmp_path / "a.gtf"
    path.write_text('1\tx\tgene\t1\t9\t.\t+\t.\tgene_id "G";\n')
    with pytest.raises(InputError, match="no transcripts with exons in this gtf file"):
        read_annotation(path)


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files(tmp_path: Path, name: str) -> None:
    for i, content in enumerate((b"", b"\0\1\2", gzip.compress(b"chr1\n" * 99)[:-9], b"a\tb\n")):
        path = tmp_path / f"{i}.gz"
        path.write_bytes(content)
        for read in (read_annotation, FORMATS[name]):
            with pytest.raises(InputError) as error:
                read(path)
            assert str(path) in str(error.value)
            assert "\n" not in str(error.value)


def fasta(path: Path) -> dict[str, str]:
    """Upper-case sequences by the first word of their header."""
    sequences: dict[str, list[str]] = {}
    with gzip.open(path, "rt") as stream:
        for line in stream:
            if line.startswith(">"):
                parts = sequences.setdefault(line[1:].split()[0], [])
            else:
                parts.append(line.strip().upper())
    return {name: "".join(parts) for name, parts in sequences.items()}


def spliced(genome: dict[str, str], row: dict[str, object]) -> str:
    """The RNA of a transcript, from 5' to 3'."""
    chromosome = genome[str(row["chrom"])]
    starts, lengths = row["exon_starts"], row["exon_lengths"]
    assert isinstance(starts, list)
    assert isinstance(lengths, list)
    exons = [chromosome[at : at + size] for at, size in zip(starts, lengths, strict=True)]
    if row["strand"] == "-":
        exons = [exon.translate(str.maketrans("ACGT", "TGCA"))[::-1] for exon in exons]
    return "".join(exons)


STOPS = {"TAA", "TAG", "TGA"}


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("genome", "annotation", "coding"),
    [
        ("athaliana.1pct.fa.gz", "athaliana.1pct.gff3.gz", 459),
        ("celegans.1pct.fa.gz", "celegans.1pct.gff3.gz", 300),
        ("dmelanogaster.1pct.fa.gz", "dmelanogaster.1pct.gff3.gz", 236),
    ],
)
def test_real_coding_sequences(real_data: Path, genome: str, annotation: str, coding: int) -> None:
    sequences = fasta(real_data / "genomes" / genome)
    table = read_annotation(real_data / "genomes" / annotation).table
    rows = table.filter(pl.col("cds_start") >= 0).to_dicts()
    assert len(rows) == coding
    whole = 0
    for row in rows:
        cds = spliced(sequences, row)[row["cds_start"] : row["cds_end"]]
        codons = [cds[i : i + 3] for i in range(0, len(cds), 3)]
        whole += codons[0] == "ATG" and codons[-1] in STOPS and not STOPS & set(codons[:-1])
    assert whole >= 0.99 * coding


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "kind", "transcripts", "coding"),
    [
        ("human_refseq.hg19.bed.gz", "bed12", 4000, 4000),
        ("human_other.bed.gz", "bed12", 2235, 2235),
        ("human_more.structures.tsv.gz", "structures", 5049, 2317),
        ("mouse.structures.tsv.gz", "structures", 11464, 8503),
    ],
)
def test_real_tables(real_data: Path, name: str, kind: str, transcripts: int, coding: int) -> None:
    annotation = read_annotation(real_data / "transcripts" / name)
    assert annotation.format == kind
    assert len(annotation) == transcripts
    assert annotation.table.filter(pl.col("cds_start") >= 0).height == coding
    assert not annotation.dropped
