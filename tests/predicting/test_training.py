from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.corpus import Corpus
from isoclr.embedding import Embeddings
from isoclr.errors import InputError
from isoclr.predicting.training import check_calibration, default_split, gather
from isoclr.tasks import Labels, read_labels


def test_homologs_are_in_one_fold(
    world: Embeddings, labels: Callable[..., Path], corpus: Corpus
) -> None:
    table = read_labels(labels(fold=np.arange(120) % 4), "half_life")
    assert default_split(table, corpus) == "homology"
    found = gather(table, world, corpus, split=None, folds=6, seed=0)
    assert found.folds.max() == 5
    assert (found.folds[0::2] == found.folds[1::2]).all()
    assert len(np.unique(found.groups)) == 60
    assert found.split == "6 folds, by whole gene sets"


def test_given_folds_are_taken(world: Embeddings, labels: Callable[..., Path]) -> None:
    table = read_labels(labels(fold=[f"f{i % 4}" for i in range(120)]), "half_life")
    assert default_split(table, None) == "fold"
    found = gather(table, world, None, split=None, folds=None, seed=0)
    assert found.folds.tolist() == [i % 4 for i in range(120)]
    assert found.split == "4 folds, the label file's own"
    assert found.features == pytest.approx(world.matrix)
    assert found.species == ("human",)


def test_whole_chromosomes_are_in_one_fold(
    world: Embeddings, labels: Callable[..., Path], tmp_path: Path
) -> None:
    where = tmp_path / "where.tsv"
    names = pl.Series("chromosome", [f"chr{i % 7}" for i in range(120)])
    world.table.select("transcript_id", names).write_csv(where, separator="\t")
    table = read_labels(labels())
    found = gather(table, world, None, split="chromosome", folds=3, seed=0, chromosomes=[where])
    assert found.split == "3 folds, by whole chromosomes"
    assert len(set(zip(found.groups.tolist(), found.folds.tolist(), strict=True))) == 7
    with pytest.raises(InputError, match="--chromosomes is for --split chromosome, not for --spl"):
        gather(table, world, None, split="random", folds=3, seed=0, chromosomes=[where])


def test_without_either_genes_are_dealt_at_random(
    world: Embeddings, labels: Callable[..., Path]
) -> None:
    table = read_labels(labels())
    assert default_split(table, None) == "random"
    assert (
        default_split(read_labels(labels(fold=[None] + ["1"] * 119), "half_life"), None) == "random"
    )
    found = gather(table, world, None, split=None, folds=None, seed=0)
    assert np.bincount(found.folds).tolist() == [12] * 10
    other = gather(table, world, None, split=None, folds=None, seed=1)
    assert (found.folds != other.folds).any()


def test_classes_are_nought_and_one(world: Embeddings, labels: Callable[..., Path]) -> None:
    one_two = read_labels(labels(x=np.arange(120) % 2 + 1), "x")
    nought_one = read_labels(labels(x=np.arange(120) % 2), "x")
    for table, expected in ((one_two, False), (nought_one, True)):
        found = gather(table, world, None, split=None, folds=3, seed=0)
        assert found.classes is expected


def test_too_few_rnas_cannot_vouch_for_much(world: Embeddings, labels: Callable[..., Path]) -> None:
    found = gather(read_labels(labels()), world, None, split=None, folds=None, seed=0)
    check_calibration(found, 0.99)  # 108 scores when a fold is held out
    with pytest.raises(
        InputError, match=r"120 RNAs with a half_life are too few .* \(a fold held out, 108\)"
    ):
        check_calibration(found, 0.995)


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({}, {"split": "homology"}, "--split homology needs --corpus"),
        ({}, {"split": "fold"}, r"no column 'fold', which --split fold needs"),
        ({"fold": [None] + ["1", "2"] * 59 + ["1"]}, {"split": "fold"}, "line 2 has no fold"),
        ({"fold": [1, 2, 3] * 40}, {"folds": 3}, "--split fold takes the table's own"),
        ({"fold": [1, 2] * 60}, {}, "the labels are in 2 folds, expected 3 or more"),
        ({}, {"folds": 2}, "--folds 2: expected 3 or more"),
        ({"half_life": [1.5] * 120}, {}, r"fold 1 \(12 of 120 RNAs\) has one value of half_life"),
        ({"half_life": [1] * 3 + [0] * 117}, {}, "give more labels or take fewer folds"),
    ],
)
def test_bad_requests_end_in_one_line(
    world: Embeddings,
    labels: Callable[..., Path],
    columns: dict[str, object],
    options: dict[str, object],
    message: str,
) -> None:
    settings: dict[str, object] = {"split": None, "folds": None, "seed": 0} | options
    with pytest.raises(InputError, match=message):
        gather(read_labels(labels(**columns), "half_life"), world, None, **settings)  # type: ignore[arg-type]


def _two_rnas_a_gene(
    world: Embeddings, fold: list[str], tmp_path: Path
) -> tuple[Labels, Embeddings]:
    """RNAs 2k and 2k + 1 are of gene Gk, each with a label and a fold of its own."""
    genes = pl.Series("gene_id", [f"G{i // 2}" for i in range(120)])
    two = Embeddings(world.table.with_columns(genes), world.matrix, world.meta)
    table = two.table.select("transcript_id").with_columns(
        x=pl.Series(world.matrix[:, 0]), fold=pl.Series(fold)
    )
    table.write_csv(tmp_path / "two.csv")
    return read_labels(tmp_path / "two.csv", "x"), two


def test_given_folds_that_divide_a_gene_are_left_or_refused(
    world: Embeddings, tmp_path: Path
) -> None:
    folds = [f"f{i // 2 % 4}" for i in range(120)]
    whole, two = _two_rnas_a_gene(world, folds, tmp_path)
    assert (
        gather(whole, two, None, split=None, folds=None, seed=0).split
        == "4 folds, the label file's own"
    )
    folds[11] = "f3"  # of gene G5, the other RNA of which is in fold f1
    divided, two = _two_rnas_a_gene(world, folds, tmp_path)
    found = gather(divided, two, None, split=None, folds=None, seed=0)
    assert (found.folds[0::2] == found.folds[1::2]).all()
    assert (
        found.split
        == "10 folds, at random by whole genes (the label file's own folds divide 1 of them)"
    )
    with pytest.raises(InputError, match=r"two\.csv: RNAs of gene G5 are in folds f1, f3; --split"):
        gather(divided, two, None, split="fold", folds=None, seed=0)
