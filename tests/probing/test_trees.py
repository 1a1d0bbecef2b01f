import numpy as np
import pytest

from isoclr.probing import trees
from isoclr.probing.fitting import Array, fit_predict
from isoclr.probing.trees import boosted_trees
from isoclr.tasks.metrics import pearson, roc_auc

RNG = np.random.default_rng(0)
N = 600
X = RNG.normal(size=(N, 4))
BENT: Array = np.where(X[:, 0] * X[:, 1] > 0, 1.0, -1.0)  # nothing linear in it
GENES = np.arange(N).astype(str)
TRAIN, TEST = np.arange(400), np.arange(400, N)


def test_trees_see_what_a_linear_model_cannot() -> None:
    values = BENT + 0.3 * RNG.normal(size=N)
    found, penalty = fit_predict("trees", X, values, GENES, TRAIN, TEST)
    linear, _ = fit_predict("ridge", X, values, GENES, TRAIN, TEST)
    assert pearson(values[TEST], found) > 0.8
    assert pearson(values[TEST], linear) < 0.3
    assert penalty == 0


def test_classes_get_log_odds() -> None:
    classes: Array = np.where(BENT > 0, 2.0, -1.0)
    found, _ = fit_predict("trees", X, classes, GENES, TRAIN, TEST)
    assert roc_auc(classes[TEST], found) > 0.9
    assert found.min() < -1 < 1 < found.max()


def test_the_number_of_trees_is_chosen_by_whole_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    # ten copies of every gene with its own random label: by samples more trees look ever better, by genes they do not
    genes = np.repeat(np.arange(60), 10)
    x, noise = RNG.normal(size=(60, 4))[genes], RNG.normal(size=60)[genes]
    _, by_gene = boosted_trees(x, noise, genes.astype(str), x, classes=False)
    _, by_sample = boosted_trees(x, noise, np.arange(600).astype(str), x, classes=False)
    assert by_gene < 60 < by_sample


def test_what_is_kept_aside_is_whole_groups_and_about_a_seventh() -> None:
    groups = RNG.integers(0, 80, 1000).astype(str)
    aside = trees._kept_aside(groups)
    assert 0.1 < aside.mean() <= 0.15
    assert not set(groups[aside]) & set(groups[~aside])


def test_the_same_again() -> None:
    first, _ = boosted_trees(X[TRAIN], BENT[TRAIN], GENES[TRAIN], X[TEST], classes=False)
    second, _ = boosted_trees(X[TRAIN], BENT[TRAIN], GENES[TRAIN], X[TEST], classes=False)
    assert (first == second).all()


def test_a_few_samples_and_one_group_are_enough() -> None:
    few, rounds = boosted_trees(X[:6], BENT[:6], np.repeat("g", 6), X[:2], classes=False)
    assert np.isfinite(few).all()
    assert rounds == trees.ROUNDS
