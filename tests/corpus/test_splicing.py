import random

import numpy as np

from isoclr.corpus.codes import letters, nucleotides
from isoclr.corpus.splicing import batches, codon_starts, splice


def test_exons_of_both_strands_equal_slices_of_text() -> None:
    rng = random.Random(1)
    chromosome = "".join(rng.choices("ACGTN", k=500))
    complement = str.maketrans("ACGTN", "TGCAN")
    starts = [rng.randrange(450) for _ in range(60)]
    lengths = [rng.randint(1, 50) for _ in range(60)]
    minus = [rng.random() < 0.5 for _ in range(60)]
    expected = ""
    for start, length, reverse in zip(starts, lengths, minus, strict=True):
        exon = chromosome[start : start + length]
        expected += exon.translate(complement)[::-1] if reverse else exon
    spliced = splice(nucleotides(chromosome), np.array(starts), np.array(lengths), np.array(minus))
    assert letters(spliced) == expected


def test_codon_starts_of_whole_codons_only() -> None:
    first, end = np.array([2, 20, 30, 40]), np.array([11, 28, 32, 40])
    assert codon_starts(first, end).tolist() == [2, 5, 8, 20, 23]


def test_batches_cover_every_row_once_and_stay_small() -> None:
    lengths = np.array([5, 5, 5, 100, 1, 1, 9])
    slices = list(batches(lengths, size=10))
    assert [i for rows in slices for i in range(rows.start, rows.stop)] == list(range(7))
    assert all(lengths[rows].sum() <= 10 or rows.stop - rows.start == 1 for rows in slices)
    assert list(batches(np.array([], np.int64))) == []
