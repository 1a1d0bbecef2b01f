import numpy as np

from isoclr.tasks.audit import audit
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
    (leaks,) = audit([split], genes, sets, rnas).splits
    assert (leaks.test, leaks.gene, leaks.gene_set, leaks.kmers, leaks.with_sequence) == (
        5,
        1,
        2,
        1,
        4,
    )
    strict = audit([split], genes, sets, rnas, share=0.99).splits[0]
    assert strict.kmers == 0


def test_the_validation_part_is_neither_side() -> None:
    genes = np.array(["a", "a", "b"])
    split = Split("seed 0", np.array([2]), np.array([0]), np.array([1]))
    assert audit([split], genes).splits[0].gene == 0


def test_splits_by_gene_set_leak_none_and_by_gene_some() -> None:
    genes = np.arange(60).astype(str)
    sets = (np.arange(60) // 2).astype(str)
    safe = audit(group_folds(sets, 5, 0), genes, sets)
    leaky = audit(group_folds(genes, 5, 0), genes, sets)
    assert [leaks.gene_set for leaks in safe.splits] == [0] * 5
    assert sum(leaks.gene_set or 0 for leaks in leaky.splits) > 20
    assert sum(leaks.gene for leaks in leaky.splits) == 0


def test_the_table_adds_the_splits_up_and_says_what_is_not_known() -> None:
    genes = np.arange(40).astype(str)
    rnas = [rna(60) if i < 20 else None for i in range(40)]
    found = audit(group_folds(genes, 4, 0), genes, None, rnas)
    assert found.totals() == [
        ["gene", 0, 40, "0.0%"],
        ["gene set", "not known", "", ""],
        ["≥ 90% of 16-mers", 0, 20, "0.0%"],
    ]
    rows = found.rows()
    assert len(rows) == 4 * 3
    assert rows[1] == {
        "study": "leak audit",
        "split": "fold 1",
        "metric": "gene set",
        "value": None,
        "n": 10,
    }
    told = found.as_dict()
    assert (told["k"], told["share"], told["compared"]) == (16, 0.9, "whole RNA")


def test_copies_of_training_rnas_are_found() -> None:
    rnas = [rna() for _ in range(50)]
    found = audit(
        [Split("x", np.arange(50), NOBODY, np.arange(50, 100))],
        np.arange(100).astype(str),
        None,
        [*rnas, *rnas],
    )
    assert found.splits[0].kmers == 50
