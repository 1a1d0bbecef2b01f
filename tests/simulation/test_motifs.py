"""Motifs are planted whole, apart, and counted by their spelling."""

import numpy as np

from isoclr.corpus.codes import nucleotides
from isoclr.simulation import motifs


def test_copies_are_counted_by_spelling() -> None:
    utr3 = nucleotides("TATTTATCCTGTACATAGGTGTAAATAACCCTCCCTTTATTTATTTAT")
    assert motifs.count(utr3) == (
        2,
        2,
        1,
    )  # the second AU-rich element overlaps a third, which does not count


def test_planted_motifs_are_whole_and_marked() -> None:
    marked = 0
    for seed in range(50):
        utr3 = np.zeros(400, np.uint8)  # all A: no motif by chance
        kept = motifs.plant(np.random.default_rng(seed), utr3)
        found = motifs.count(utr3)
        lengths = [7, 8, 7]
        assert kept.sum() == sum(n * length for n, length in zip(found, lengths, strict=True))
        assert not utr3[~kept].any()
        marked += sum(found)
    assert marked > 50


def test_a_short_utr_has_room_for_none() -> None:
    assert not motifs.plant(np.random.default_rng(0), np.zeros(15, np.uint8)).any()
