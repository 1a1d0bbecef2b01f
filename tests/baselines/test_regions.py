import numpy as np

from isoclr.baselines.regions import coding_region, region_lengths
from isoclr.corpus.codes import encode, nucleotides


def test_the_regions_add_up() -> None:
    codes = encode(nucleotides("CCATGAAATAAGGGG"), np.array([7, 8]), (2, 11))
    assert coding_region(codes) == (2, 11)
    assert region_lengths(codes) == (2, 9, 4)


def test_a_non_coding_rna_has_no_coding_region() -> None:
    codes = encode(nucleotides("CCATGAAATAAGGGG"))
    assert coding_region(codes) == (0, 0)
    assert region_lengths(codes) == (0, 0, 15)
