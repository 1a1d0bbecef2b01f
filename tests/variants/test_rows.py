"""Phased variants of one haplotype."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import isoclr
from isoclr.errors import InputError
from isoclr.genomics.encoding import letters, nucleotides
from isoclr.variants.consequences import split
from isoclr.variants.edits import Edit, Rna
from isoclr.variants.placement import Transcript, Variant
from isoclr.variants.rows import OVERLAPPING, UNPHASED, HaplotypeJoiner, ReferenceCheck, VariantRow, place_record
from isoclr.variants.transcripts import TranscriptIndex
from isoclr.variants.vcf import Genotype, Record

MakeTranscript = Callable[..., Transcript]
STOPS = ("TAA", "TAG", "TGA")
RNA = Rna(nucleotides("GGCCATGGCAGCTAAAAAGGAATAATTT"), np.array([28]), (4, 25))  # MAAKKE*
CHROMOSOME = "T" * 50 + "GGCCATGGCAGC" + "GTAAGTCCCCCCCCAG" + "TAAAAAGGAATAATTT" + "T" * 50
EXONS = [(50, 62), (78, 94)]
DOWN = Genotype((False, True), "", True)


def genotype(text: str, phase_set: str = "") -> Genotype:
    copies = tuple(one == "1" for one in text[::2])
    return Genotype(copies, phase_set, "/" not in text)


def joined(one: Transcript, alleles: list[tuple[Variant, Genotype]]) -> list[VariantRow]:
    return joined_and_counted(one, alleles)[0]


def joined_and_counted(
    one: Transcript, alleles: list[tuple[Variant, Genotype]]
) -> tuple[list[VariantRow], Counter[str]]:
    index, counts = TranscriptIndex([one]), Counter[str]()
    joiner = HaplotypeJoiner(counts)
    rows: list[VariantRow] = []
    for line, (variant, carried) in enumerate(alleles, 1):
        record = Record(line, ".", variant, carried)
        own = place_record(record, index, Counter(), ReferenceCheck(Path("v.vcf")))
        rows += joiner.add(record, list(own))
    return rows + list(joiner.close()), counts


A, B, C = (Variant("chr1", p, CHROMOSOME[p], "C") for p in (50, 55, 80))


@pytest.mark.parametrize(
    ("genotypes", "expected"),
    [
        (("1|0", "1|0", "0|1"), [("1|0", "AB")]),
        (("1|0", "1|0", "1|1"), [("1|0", "ABC")]),
        (("1|1", "1/1", "0|0"), [("1|1", "AB")]),
        (("1|1", "1|1", "0|1"), [("1|0", "AB"), ("0|1", "ABC")]),
        (("1|0", "0|1", "0|0"), []),
        (("0/1", "0|1", "0|1"), [("0|1", "BC")]),
        (("1", "1", "0"), [("1", "AB")]),  # one copy, as on chromosome X
        (("0|1:5", "0|1:5", "0|1:9"), [("0|1:5", "AB")]),
        (("0|1:5", "1|1", "0|1:9"), [("0|1:5", "AB"), ("0|1:9", "BC")]),
    ],
)
def test_alleles_of_one_copy_are_joined(
    transcript: MakeTranscript, genotypes: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    one = transcript(CHROMOSOME, EXONS, cds=(4, 25))
    alleles = [(variant, genotype(*text.split(":"))) for variant, text in zip((A, B, C), genotypes, strict=True)]
    names = {A: "A", B: "B", C: "C"}
    found = [(row.haplotype, "".join(names[record.variant] for record in row.records)) for row in joined(one, alleles)]
    assert found == expected


def test_what_cannot_be_joined_is_counted(transcript: MakeTranscript) -> None:
    one = transcript(CHROMOSOME, EXONS, cds=(4, 25))
    deletion = Variant("chr1", 54, CHROMOSOME[54:58], "A")
    rows, counts = joined_and_counted(one, [(A, genotype("0/1")), (deletion, DOWN), (B, DOWN)])
    assert not rows
    assert counts == {UNPHASED: 1, OVERLAPPING: 1}


def test_the_same_allele_on_two_lines_counts_once(transcript: MakeTranscript) -> None:
    one = transcript(CHROMOSOME, EXONS, cds=(4, 25))
    assert not joined(one, [(A, DOWN), (A, DOWN)])


def test_variants_that_are_not_sorted_are_refused(transcript: MakeTranscript) -> None:
    one = transcript(CHROMOSOME, EXONS)
    other = Variant("chr2", 5, "A", "C")
    for alleles in ([(B, DOWN), (A, DOWN)], [(A, DOWN), (other, DOWN), (B, DOWN)]):
        with pytest.raises(InputError, match="sorted by position"):
            joined(one, alleles)


@pytest.mark.parametrize(
    ("edits", "terms", "protein"),
    [
        # GCA -> GTG: missense and synonymous alone
        ([(8, 9, "T"), (9, 10, "G")], ("missense_variant",), "p.Ala2Val"),
        # AAA -> TGA: neither base alone makes a stop codon
        ([(13, 14, "T"), (14, 15, "G")], ("stop_gained",), "p.Lys4Ter"),
        # a base out, a base in: the frame is restored
        ([(8, 9, ""), (13, 13, "C")], ("protein_altering_variant",), "p.Ala2_Ala3delinsGluLeu"),
        ([(8, 9, ""), (13, 14, "")], ("frameshift_variant",), ""),
        # two codons: each has its own name
        ([(8, 9, "T"), (17, 18, "G")], ("missense_variant",), "p.[Ala2Val;Lys5Arg]"),
        # what follows a new stop codon does not count
        ([(13, 14, "T"), (17, 18, "G")], ("stop_gained",), "p.Lys4Ter"),
        ([(0, 1, "A"), (9, 10, "G")], ("synonymous_variant", "5_prime_UTR_variant"), "p.Ala2="),
    ],
)
def test_joint_consequences(edits: list[tuple[int, int, str]], terms: tuple[str, ...], protein: str) -> None:
    row = joint_row(RNA, [Edit(start, end, nucleotides(alt)) for start, end, alt in edits])
    assert row.terms == terms
    if protein:
        assert row.place_cells()[5] == "0|1"
        assert row.cells(TranscriptIndex([row.transcript]))[13] == protein


def joint_row(rna: Rna, edits: list[Edit]) -> VariantRow:
    text = letters(rna.bases)
    one = Transcript("T", "G", "", "chr1", False, np.array([0]), rna)
    alleles = [(Variant("chr1", e.start, text[e.start : e.end], letters(e.alt)), DOWN) for e in edits]
    (row,) = joined(one, alleles)
    return row


def test_an_upstream_aug_and_its_stop_codon_on_one_copy() -> None:
    rna = Rna(nucleotides("CCACGCCCTGGCCATGGCATAAGG"), np.array([24]), (13, 22))
    edits = [Edit(3, 4, nucleotides("T")), Edit(9, 10, nucleotides("A"))]  # ATG CCC TGA
    (block,) = split(rna, edits)
    assert block.terms == ("uAUG_gained", "5_prime_UTR_variant")


@pytest.mark.parametrize("minus", [False, True])
def test_names_follow_the_transcript(transcript: MakeTranscript, minus: bool) -> None:
    one = transcript(CHROMOSOME, EXONS, minus=minus)
    (row,) = joined(one, [(A, DOWN), (C, DOWN)])
    name = row.cells(TranscriptIndex([one]))[12]
    assert name == ("n.[14T>G;28C>G]" if minus else "n.[1G>C;15A>C]")


def test_a_splice_variant_on_the_same_copy_is_named_and_flagged(transcript: MakeTranscript) -> None:
    one = transcript(CHROMOSOME, EXONS, cds=(4, 25))
    donor, deep = (Variant("chr1", p, CHROMOSOME[p], "A") for p in (62, 70))
    (row,) = joined(one, [(A, DOWN), (donor, DOWN), (deep, DOWN)])
    assert len(row.records) == 2, "variants deep in introns take no part"
    assert "splice_donor_variant" in row.terms
    assert row.flag == "intron"
    assert not row.can_be_scored(score_splice=False)


class Gene:
    """A random gene of one transcript on a chromosome of its own, with variants on one copy."""

    def __init__(self, make: MakeTranscript, rng: random.Random, number: int) -> None:
        edges = np.cumsum([rng.randrange(6, 60) for _ in range(2 * rng.randrange(1, 5))]).tolist()
        self.exons = list(zip(edges[::2], edges[1::2], strict=True))
        self.chromosome = "".join(rng.choices("ACGT", k=edges[-1] + 20))
        self.minus, self.name = bool(number % 2), f"T{number}"
        text = letters(make(self.chromosome, self.exons, minus=self.minus).rna.bases)
        start = text.find("ATG")
        self.cds = plain_cds(text, start) if start >= 0 else None
        self.transcript = make(self.chromosome, self.exons, minus=self.minus, cds=self.cds, name=self.name)
        self.variants = [*self._variants(rng)]

    def _variants(self, rng: random.Random) -> Iterator[Variant]:
        """Substitutions, insertions and deletions that cross no exon's edge and leave the start codon."""
        position = 2
        while (position := position + rng.randrange(1, 25)) < len(self.chromosome) - 8:
            end = position + rng.choice((1, 1, 1, 2, 4))
            ref = self.chromosome[position:end]
            alt = rng.choice((ref[0], "")) + "".join(rng.choices("ACGT", k=rng.randrange(1, 4)))
            near = range(position - 1, end + 1)  # a trimmed insertion may lie at either side
            inside = {any(a <= p < b for a, b in self.exons) for p in near}
            if ref != alt and len(inside) == 1 and not self.start_bases & set(near):
                yield Variant("chr1", position, ref, alt)
                position = end + 1

    @property
    def start_bases(self) -> set[int]:
        places = self.places(self.exons)
        return set(places[slice(self.cds[0], self.cds[0] + 3)]) if self.cds else set()

    def places(self, exons: list[tuple[int, int]]) -> list[int]:
        """Genomic position of every base of the RNA."""
        places = [p for start, end in sorted(exons) for p in range(start, end)]
        return places[::-1] if self.minus else places

    def mutated(self) -> tuple[str, str] | None:
        """The mutated chromosome and a line of BED12 for it; None if no stop codon is left."""
        pieces: list[str] = []
        moved: dict[int, int] = {}
        position = 0
        for variant in [*self.variants, Variant("", len(self.chromosome), "", "")]:
            length = sum(map(len, pieces))
            moved |= {p: length + p - position for p in range(position, variant.position + 1)}
            pieces += [self.chromosome[position : variant.position], variant.alt]
            position = variant.end
        chromosome = "".join(pieces)
        exons = [(moved[start], moved[end]) for start, end in self.exons]
        places = self.places(exons)
        thick = (exons[0][0], exons[0][0])
        if self.cds is not None:
            text = "".join(chromosome[p] for p in places)
            text = text.translate(str.maketrans("ACGT", "TGCA")) if self.minus else text
            start = places.index(moved[self.places(self.exons)[self.cds[0]]])
            cds = plain_cds(text, start)
            if cds is None:
                return None
            coding = places[slice(*cds)]
            thick = (min(coding), max(coding) + 1)
        sizes = ",".join(str(end - start) for start, end in exons)
        starts = ",".join(str(start - exons[0][0]) for start, _ in exons)
        fields = (self.name, exons[0][0], exons[-1][1], self.name, 0, "-" if self.minus else "+")
        return chromosome, "\t".join(map(str, (*fields, *thick, 0, len(exons), sizes, starts)))


def plain_cds(text: str, start: int) -> tuple[int, int] | None:
    stops = (i + 3 for i in range(start, len(text) - 2, 3) if text[i : i + 3] in STOPS)
    end = next(stops, None)
    return None if end is None else (start, end)


def test_a_haplotype_equals_building_a_corpus_from_the_mutated_genome(
    transcript: MakeTranscript, tmp_path: Path
) -> None:
    """Two or more variants per gene, in exons and introns, on both strands."""
    rng, genome, bed, expected = random.Random(0), "", "", {}
    for number in range(300):
        gene = Gene(transcript, rng, number)
        rows = joined(gene.transcript, [(variant, DOWN) for variant in gene.variants])
        mutated = gene.mutated()
        if rows and mutated is not None:
            ((row,), (chromosome, line)) = rows, mutated
            genome += f">{gene.name}\n{chromosome}\n"
            bed += line + "\n"
            assert row.edited is not None
            expected[gene.name] = row.edited
    (tmp_path / "g.fa").write_text(genome)
    (tmp_path / "t.bed").write_text(bed)
    corpus = isoclr.build(
        out=tmp_path / "corpus", species="human", genome=tmp_path / "g.fa", annotation=(tmp_path / "t.bed",), orf=False
    )
    names = corpus.transcripts["transcript_id"].to_list()
    assert len(names) == len(expected) > 100
    assert sum(one.cds is not None for one in expected.values()) > 40
    for i, name in enumerate(names):
        assert np.array_equal(corpus.codes_of(i), expected[name].codes), name


@pytest.mark.parametrize(("start", "region"), [("GCC", "CDS"), ("ATG", "5' UTR")])
def test_region_of_a_codon_that_begins_before_the_rna(transcript: MakeTranscript, start: str, region: str) -> None:
    one = transcript("CC" + start + "TGGTAA", [(0, 11)], cds=(2, 11))
    record = Record(1, ".", Variant("chr1", 1, "C", "T"))
    (row,) = place_record(record, TranscriptIndex([one]), Counter(), ReferenceCheck(Path("v.vcf")))
    assert region in row.cells(TranscriptIndex([one]))
