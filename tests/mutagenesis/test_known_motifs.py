import numpy as np
import pytest

from isoclr.baselines.regions import coding_region
from isoclr.corpus.codes import CODON_START, EXON_END, NUCLEOTIDE_BITS, Codes, encode, letters
from isoclr.mutagenesis.known_motifs import MOTIFS, Motif, plant, scrambled


@pytest.mark.parametrize("motif", MOTIFS, ids=lambda motif: motif.name)
def test_planting(motif: Motif, mrna: Codes) -> None:
    size = len(motif.sequence)
    for seed in range(20):
        planted = plant(mrna, motif, np.random.default_rng(seed))
        assert planted is not None
        first, end = planted.position, planted.position + size
        with_motif, control = letters(planted.motif), letters(planted.control)
        pairs = zip(with_motif[first:end], motif.sequence, strict=True)
        assert all(wanted in (base, "N") for base, wanted in pairs)
        assert control[first:end] != with_motif[first:end]
        assert (motif.core or with_motif[first:end]) not in control[first:end]
        if motif.name != "poly(U)":
            assert sorted(control[first:end]) == sorted(with_motif[first:end])
        low, high = {"5' UTR": (0, 61), "CDS": (91, 261), "3' UTR": (361, 500)}[motif.region]
        assert low <= first < end <= high
        for other in (planted.motif, planted.control):
            outside = np.r_[0:first, end:500]
            bases = NUCLEOTIDE_BITS | EXON_END
            assert (other[outside] & bases == mrna[outside] & bases).all()
        assert (planted.control & ~np.uint8(NUCLEOTIDE_BITS) == mrna & ~np.uint8(7)).all()


def test_a_premature_stop_is_in_frame(mrna: Codes) -> None:
    for motif in (one for one in MOTIFS if one.in_frame):
        planted = plant(mrna, motif, np.random.default_rng(0))
        assert planted is not None
        assert (planted.position - 61) % 3 == 0
        end = planted.position + 3 if motif.ends_coding else 361
        assert coding_region(planted.motif) == (61, end)
        assert planted.motif[planted.position] & CODON_START
        assert coding_region(planted.control) == (61, 361)


def test_places_are_spread_over_the_region(mrna: Codes) -> None:
    motif = Motif("x", "ACGTA", "3' UTR")
    found = [plant(mrna, motif, np.random.default_rng(seed)) for seed in range(300)]
    places = {one.position for one in found if one is not None}
    assert min(places) < 366
    assert max(places) > 490


def test_no_room() -> None:
    short = encode(np.array([0, 3, 2, 3, 0, 0], np.uint8), cds=(0, 6))
    bare = np.zeros(100, np.uint8)
    for motif in MOTIFS:
        assert plant(short, motif, np.random.default_rng(0)) is None
        if motif.region != "5' UTR":
            assert plant(bare, motif, np.random.default_rng(0)) is None


def test_scrambling() -> None:
    rng = np.random.default_rng(0)
    assert {scrambled("TAA", "", rng) for _ in range(50)} == {"ATA", "AAT"}
    assert set(scrambled("TTTTTTTT", "", rng)) <= {"A", "T"}
    assert scrambled("TG", "", rng) == "GT"
    with pytest.raises(ValueError, match="no order"):
        scrambled("TG", "G", rng)
