"""Consequences of edits."""

import csv
import gzip
import random
from pathlib import Path

import numpy as np
import pytest

from isoclr.analysis import consequences as of_scans
from isoclr.genomics.encoding import letters, nucleotides
from isoclr.variants.consequences import SEVERITY, Uorf, consequences, uorfs
from isoclr.variants.edits import Edit, Rna, apply
from isoclr.variants.placement import Variant, place
from isoclr.variants.transcripts import load_transcripts

STOPS = ("TAA", "TAG", "TGA")


def rna(text: str, cds: tuple[int, int] | None) -> Rna:
    return Rna(nucleotides(text), np.array([len(text)]), cds)


CODING = rna("CCATGGCTTGGAAATAAGGTGACC", (2, 17))  # M A W K stop
UPSTREAM = rna("GATGCCCTAACCATGGCTTAAG", (12, 21))  # uORF ATG CCC TAA, then ATG GCT TAA


def of(unedited: Rna, start: int, end: int, alt: str) -> tuple[str, ...]:
    edit = Edit(start, end, nucleotides(alt))
    return consequences(unedited, [edit], apply(unedited, [edit]))


@pytest.mark.parametrize(
    ("start", "end", "alt", "terms"),
    [
        (0, 1, "G", ("5_prime_UTR_variant",)),
        (17, 18, "A", ("3_prime_UTR_variant",)),
        (17, 17, "A", ("3_prime_UTR_variant",)),
        (2, 2, "C", ("5_prime_UTR_variant",)),
        (6, 7, "A", ("missense_variant",)),  # GCT -> GAT
        (7, 8, "C", ("synonymous_variant",)),  # GCT -> GCC
        (9, 10, "A", ("stop_gained",)),  # TGG -> TAG
        (10, 11, "A", ("stop_gained",)),  # TGG -> TGA
        (14, 15, "C", ("stop_lost",)),  # TAA -> CAA
        (16, 17, "G", ("stop_retained_variant",)),  # TAA -> TAG
        (3, 4, "C", ("start_lost",)),
        (8, 8, "A", ("frameshift_variant",)),
        (8, 9, "", ("frameshift_variant",)),
        (8, 11, "", ("inframe_deletion",)),
        (8, 8, "AAA", ("inframe_insertion",)),
        (8, 8, "TAA", ("stop_gained", "inframe_insertion")),
        (7, 9, "CA", ("missense_variant",)),  # two bases over a codon's edge
        (8, 11, "NNN", ("coding_sequence_variant",)),
        (1, 4, "", ("start_lost", "5_prime_UTR_variant")),
        (15, 19, "", ("stop_lost", "3_prime_UTR_variant")),
        (16, 16, "A", ("stop_retained_variant",)),  # TAA -> TAA A
        (14, 14, "TAA", ("stop_retained_variant",)),  # TAA -> TAA TAA
        (14, 14, "TAAC", ("stop_retained_variant",)),  # out of frame, but the stop codon is in its place
        (13, 13, "ATAAGTA", ("stop_retained_variant",)),  # AAA TAA -> AAA TAA GTA ATA A
        (15, 15, "CC", ("frameshift_variant", "stop_lost")),  # TAA -> TCC AA
        (14, 14, "GGATAA", ("inframe_insertion",)),  # a stop codon behind all of the old protein
    ],
)
def test_coding_rna(start: int, end: int, alt: str, terms: tuple[str, ...]) -> None:
    assert of(CODING, start, end, alt) == terms


def test_deletion_that_leaves_the_start_codon() -> None:
    """Two of four bases in a repeat over the start codon's end: whichever are named, the AUG and its place stay."""
    repeated = rna("CCATGTGTGGATAAC", (2, 14))
    for start in (4, 5, 6):
        assert apply(repeated, [Edit(start, start + 2, nucleotides(""))]).cds == (2, 11)
        assert "frameshift_variant" in of(repeated, start, start + 2, "")


def test_edits_of_the_first_codon_of_an_incomplete_coding_sequence() -> None:
    """The frame comes from before the RNA."""
    incomplete = rna("AGGGGATTACTAAG", (1, 13))  # . G D Y stop
    assert of(incomplete, 3, 3, "GGG") == ("inframe_insertion",)
    assert of(incomplete, 1, 4, "") == ("inframe_deletion",)
    assert of(incomplete, 2, 2, "A") == ("frameshift_variant",)


def test_noncoding_rna() -> None:
    assert of(rna("ACGTACGT", None), 3, 4, "C") == ("non_coding_transcript_exon_variant",)


@pytest.mark.parametrize(
    ("start", "end", "alt", "term"),
    [
        (2, 3, "C", "uAUG_lost"),  # ATG -> ACG
        (10, 11, "A", None),
        (7, 8, "C", "uSTOP_lost"),  # TAA -> CAA
        (4, 7, "TGA", "uSTOP_gained"),  # CCC -> TGA
        (5, 5, "A", "uFrameshift"),
        (5, 6, "", "uFrameshift"),
        (4, 4, "GGG", None),  # in frame
        (4, 4, "TGA", "uSTOP_gained"),  # in frame, a new stop codon before the old one
        (4, 4, "GGGTGAGGG", "uSTOP_gained"),  # behind the old one's place, but before the old one
        (4, 10, "CCC", "uSTOP_lost"),  # in frame, the stop codon deleted
        (7, 10, "", "uSTOP_lost"),
        (0, 0, "ATGC", "uAUG_gained"),
        (10, 12, "AT", None),
    ],
)
def test_upstream_reading_frames(start: int, end: int, alt: str, term: str | None) -> None:
    terms = of(UPSTREAM, start, end, alt)
    assert [one for one in terms if one.startswith("u")] == ([term] if term else [])
    assert "5_prime_UTR_variant" in terms


def test_uorfs_of_an_rna() -> None:
    assert [*uorfs(UPSTREAM)] == [Uorf(1, 7)]
    assert [*uorfs(rna("ATGCCATGGCTTAA", (5, 14)))] == [Uorf(0, None)]  # overlaps the coding sequence


def test_one_copy_of_a_repeated_aug_deleted_is_one_lost() -> None:
    repeated = rna("CATGATGCCATGGCTTAA", (9, 18))
    assert len([*uorfs(repeated)]) == 2
    for start in (1, 2, 3, 4):  # the same deletion written four ways
        found = [one for one in of(repeated, start, start + 3, "") if one.startswith("u")]
        assert found == ["uAUG_lost"]


def test_every_consequence_has_a_severity() -> None:
    seen = set[str]()
    rng = random.Random(0)
    for unedited in (CODING, UPSTREAM):
        for _ in range(1_000):
            start = rng.randrange(len(unedited))
            end = rng.randrange(start, min(start + 7, len(unedited)) + 1)
            alt = "".join(rng.choices("ACGT", k=rng.randrange(7)))
            if letters(unedited.bases[start:end]) != alt:
                seen |= set(of(unedited, start, end, alt))
    assert seen <= set(SEVERITY)
    assert {"stop_lost", "start_lost", "frameshift_variant", "uFrameshift"} < seen


def test_point_mutations_have_the_consequence_that_a_scan_gives_them() -> None:
    """The scan of all point mutations is a computation of its own; it names the same."""
    rng, compared = random.Random(1), 0
    for _ in range(12):
        utr5, utr3 = ("".join(rng.choices("ACGT", k=rng.randrange(60))) for _ in range(2))
        body = "".join(rng.choices(["GCT", "TGG", "AAA", "CAC", "ATG", "TAT"], k=6))
        one = rna(f"{utr5}ATG{body}TAA{utr3}", (len(utr5), len(utr5) + 24))
        numbers = of_scans.consequences(one.codes)
        for position, base in np.argwhere(numbers >= 0).tolist():
            name = of_scans.CONSEQUENCES[numbers[position, base]]
            if name.partition("_")[0] in {element.partition("_")[0] for element in of_scans.ELEMENTS}:
                name = "3_prime_UTR_variant"
            assert name in of(one, position, position + 1, "ACGT"[base]), (position, base)
            compared += 1
    assert compared > 1_500


def has_uorf_with_stop(text: str, position: int, cds_start: int) -> bool:
    """Whether a stop codon over a position ends a reading frame that begins with an upstream AUG."""
    for stop in range(max(position - 2, 0), position + 1):
        if text[stop : stop + 3] not in STOPS:
            continue
        for start in range(stop - 3, -1, -3):
            if text[start : start + 3] in STOPS:
                break
            if text[start : start + 3] == "ATG" and start + 3 <= cds_start:
                return True
    return False


@pytest.mark.realdata
def test_snvs_that_remove_the_stop_of_a_uorf(real_data: Path) -> None:
    """UTRannotator's list of all such SNVs, wherever one of our RNAs has the reading frame that they were made for."""
    human = load_transcripts(
        [real_data / "genome_coordinates/human.hg38.bed.gz"],
        sequences=[real_data / "transcripts/human_chr19.cdna.fa.gz"],
        all_transcripts=True,
    )
    path = real_data / "variant_test_vectors/utrannotator/uorf_stop_removing_all_possible.txt.gz"
    with gzip.open(path, "rt") as stream:
        rows = [
            row for row in csv.DictReader(stream, delimiter="\t") if row["chr"] == "19" and row["GRCh38_pos"].isdigit()
        ]
    agreeing = 0
    for row in rows:
        variant = Variant(f"chr{row['chr']}", int(row["GRCh38_pos"]) - 1, row["ref"], row["alt"])
        for number in human.overlapping(variant.chrom, variant.position, variant.end):
            one = human.transcripts[number]
            found = place(one, variant)
            if found is None or found.edit is None or one.rna.cds is None:
                continue
            edit, text = found.edit, letters(one.rna.bases)
            if edit.end > one.rna.cds[0] or text[edit.start] != letters(one.oriented(variant.ref)):
                continue
            if has_uorf_with_stop(text, edit.start, one.rna.cds[0]):
                terms = consequences(one.rna, [edit], apply(one.rna, [edit]))
                assert "uSTOP_lost" in terms, (row, one.transcript_id)
                agreeing += 1
    assert agreeing > 250


def test_bases_of_a_codon_that_begins_before_the_rna_are_no_utr() -> None:
    incomplete = rna("CCGCTTGGAAATAAGG", (2, 14))  # .. A W K stop
    assert of(incomplete, 0, 1, "T") == ("coding_sequence_variant",)
    assert of(incomplete, 1, 1, "TATG") == ("coding_sequence_variant",)
    assert of(incomplete, 4, 5, "C") == ("synonymous_variant",)
    assert of(CODING, 0, 1, "T") == ("5_prime_UTR_variant",)
