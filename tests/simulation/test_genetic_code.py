"""The genetic code is the standard one, and codon usage follows bias and GC."""

import numpy as np
import pytest

from isoclr.corpus.codes import nucleotides
from isoclr.simulation import genetic_code as code


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("codon", "amino"),
    [("ATG", "M"), ("TGG", "W"), ("TAA", "*"), ("TAG", "*"), ("TGA", "*"), ("AAA", "K"), ("CTG", "L"),
     ("AGC", "S"), ("CGA", "R"), ("ATA", "I"), ("TGT", "C"), ("GGG", "G")],
)  # fmt: skip
def test_codons_mean_their_amino_acid(codon: str, amino: str) -> None:
    assert chr(code._AMINO[code.codon_index(codon)]) == amino


def test_start_and_stops_are_numbered_right() -> None:
    assert code.codon_index("ATG") == code.START
    assert [code.codon_index(codon) for codon in ("TAA", "TAG", "TGA")] == code.STOPS.tolist()


def test_bases_and_codons_are_inverse() -> None:
    codons = np.arange(64)
    assert code.codons_of(code.bases_of(codons)).tolist() == codons.tolist()
    assert code.bases_of(np.array([code.START])).tolist() == nucleotides("ATG").tolist()


def test_usage_adds_up_to_one_for_each_amino_acid() -> None:
    usage = code.usage(0.5, -0.3)
    for amino in set(code._AMINO.tolist()) - {ord("*")}:
        assert usage[np.equal(code._AMINO, amino)].sum() == pytest.approx(1)
    assert usage[code.STOPS].tolist() == [0, 0, 0]


def test_bias_raises_optimality_and_gc_does_not() -> None:
    def drawn(bias: float, gc: float) -> tuple[float, float]:
        codons = code.random_codons(rng(), 20_000, code.usage(bias, gc))
        bases = code.bases_of(codons)
        return code.optimality(bases), float(np.isin(bases[2::3], (1, 2)).mean())

    plain, optimal, rich = drawn(0, 0), drawn(1, 0), drawn(0, 1)
    assert optimal[0] > plain[0] + 0.4
    assert rich[1] > plain[1] + 0.2
    assert abs(rich[0] - plain[0]) < 0.2


def test_synonymous_changes_keep_the_protein() -> None:
    codons = code.random_codons(rng(), 5000, code.usage(0, 0))
    changed = code.synonymous(rng(), codons, code.usage(0, 0))
    assert (code._AMINO[changed] == code._AMINO[codons]).all()
    assert 0.3 < (changed != codons).mean() < 0.9


def test_optimality_leaves_start_and_stop_out() -> None:
    assert code.optimality(nucleotides("ATGAAGAAGTAA")) == 1.0
    assert code.optimality(nucleotides("ATGAAGAAATAA")) == 0.0
