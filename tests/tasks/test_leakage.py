from collections.abc import Sequence

import numpy as np
import pytest

from isoclr.genomics.encoding import CODON_START, EXON_END, Codes, letters, nucleotides, reverse_complement
from isoclr.tasks import leakage as shared_kmers
from isoclr.tasks.leakage import SharedKmers, audit_leakage
from isoclr.tasks.splits import Split, group_folds

RNG = np.random.default_rng(0)
NOBODY = np.empty(0, np.int64)


def rna(length: int = 500) -> np.ndarray:
    return RNG.integers(0, 4, length).astype(np.uint8)


def test_every_kind_of_leak_is_counted_by_test_rna() -> None:
    original = rna()
    changed = original.copy()
    changed[[100, 300]] ^= 1  # two substitutions spoil 32 of 485 k-mers
    spoilt = original.copy()
    spoilt[::15] ^= 1
    #           train: original, other gene;  test: isoform, homolog, near copy, spoilt copy, unknown
    genes = np.array(["g1", "g2", "g1", "g3", "g4", "g5", "g6"])
    sets = np.array(["s1", "s2", "s1", "s2", "s4", "s5", "s6"])
    rnas = [original, rna(), rna(), rna(), changed, spoilt, None]
    split = Split("fold 1", np.array([0, 1]), NOBODY, np.array([2, 3, 4, 5, 6]))
    (leaks,) = audit_leakage([split], genes, sets, rnas).splits
    assert (leaks.test, leaks.gene, leaks.gene_set, leaks.kmers, leaks.with_sequence) == (5, 1, 2, 1, 4)
    strict = audit_leakage([split], genes, sets, rnas, share=0.99).splits[0]
    assert strict.kmers == 0


def test_the_validation_part_is_neither_side() -> None:
    genes = np.array(["a", "a", "b"])
    split = Split("seed 0", np.array([2]), np.array([0]), np.array([1]))
    assert audit_leakage([split], genes).splits[0].gene == 0


def test_splits_by_gene_set_leak_none_and_by_gene_some() -> None:
    genes = np.arange(60).astype(str)
    sets = (np.arange(60) // 2).astype(str)
    safe = audit_leakage(group_folds(sets, 5, 0), genes, sets)
    leaky = audit_leakage(group_folds(genes, 5, 0), genes, sets)
    assert [leaks.gene_set for leaks in safe.splits] == [0] * 5
    assert sum(leaks.gene_set or 0 for leaks in leaky.splits) > 20
    assert sum(leaks.gene for leaks in leaky.splits) == 0


def test_the_table_adds_the_splits_up_and_says_what_is_not_known() -> None:
    genes = np.arange(40).astype(str)
    rnas = [rna(60) if i < 20 else None for i in range(40)]
    found = audit_leakage(group_folds(genes, 4, 0), genes, None, rnas)
    assert found.totals() == [
        ["gene", 0, 40, "0.0%"],
        ["gene set", "not known without --corpus", "", ""],
        ["≥ 90% of 16-mers", 0, 20, "0.0%"],
    ]
    rows = found.rows()
    assert len(rows) == 4 * 3
    assert rows[1] == {"study": "leak audit", "split": "fold 1", "metric": "gene set", "value": None, "n": 10}
    content = found.to_dict()
    assert (content["k"], content["share"], content["compared"]) == (16, 0.9, "whole RNA")


def test_copies_of_training_rnas_are_found() -> None:
    rnas = [rna() for _ in range(50)]
    found = audit_leakage(
        [Split("x", np.arange(50), NOBODY, np.arange(50, 100))], np.arange(100).astype(str), None, [*rnas, *rnas]
    )
    assert found.splits[0].kmers == 50


def by_sets(rnas: Sequence[Codes | None], others: np.ndarray, k: int) -> list[float]:
    """The same with Python's sets of words."""
    words = []
    for codes in rnas:
        text = "" if codes is None else letters(codes)
        all_words = {text[i : i + k] for i in range(len(text) - k + 1)}
        words.append({word for word in all_words if "N" not in word})
    seen = set().union(*(words[i] for i in np.flatnonzero(others)))
    return [len(own & seen) / max(1, len(own)) for own in words]


def some_rnas() -> list[Codes | None]:
    """Random ones, pieces of each other, one with N, one too short, an empty and an unknown one."""
    a, b = (RNG.integers(0, 4, 300).astype(np.uint8) for _ in range(2))
    broken = np.where(np.arange(300) % 50 == 7, 4, a).astype(np.uint8)
    joined = np.concatenate([a[:150], b[150:]])
    marked = a | CODON_START * (np.arange(300) % 3 == 0) | EXON_END * (np.arange(300) == 99)
    repeats = np.tile(nucleotides("ACG"), 40)
    return [a, b, broken, joined, marked.astype(np.uint8), repeats, a[:5], a[:0], None, repeats]


@pytest.mark.parametrize("k", [1, 5, 16])
def test_it_is_what_sets_of_words_say(k: int) -> None:
    rnas = some_rnas()
    index = SharedKmers(rnas, k)
    for _ in range(5):
        others = RNG.random(len(rnas)) < 0.4
        assert index.share_with(others) == pytest.approx(by_sets(rnas, others, k))


def test_it_is_the_same_in_many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rnas = some_rnas()
    others = np.arange(len(rnas)) % 2 == 0
    whole = SharedKmers(rnas)
    monkeypatch.setattr(shared_kmers, "AT_ONCE", 100)
    parts = SharedKmers(rnas)
    assert parts.distinct.tolist() == whole.distinct.tolist()
    assert parts.share_with(others).tolist() == whole.share_with(others).tolist()


def test_kmers_of_two_others_together_count() -> None:
    a = RNG.integers(0, 4, 400).astype(np.uint8)
    share = SharedKmers([a, a[:210], a[190:]]).share_with(np.array([False, True, True]))
    assert share[0] == 1.0


def test_an_mrna_is_not_its_reverse_complement() -> None:
    a = RNG.integers(0, 4, 400).astype(np.uint8)
    index = SharedKmers([a, reverse_complement(a)])
    assert index.share_with(np.array([False, True])).tolist() == [0.0, 1.0]


def test_marks_of_codons_and_exons_are_not_sequence() -> None:
    rnas = some_rnas()
    others = np.zeros(len(rnas), bool)
    others[4] = True
    assert SharedKmers(rnas).share_with(others)[0] == 1.0


def test_nothing_to_count_and_a_k_that_does_not_fit() -> None:
    assert SharedKmers([None, None]).share_with(np.array([True, False])).tolist() == [0, 0]
    assert SharedKmers([]).share_with(np.empty(0, bool)).tolist() == []
    with pytest.raises(ValueError, match="k is 17, expected 1 to 16"):
        SharedKmers([], 17)
