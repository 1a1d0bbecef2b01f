import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import LeaveOneGroupOut, LeaveOneOut, cross_val_predict

from isoclr.probing import trees
from isoclr.probing.conformal import fit_fold_model
from isoclr.probing.linear import Array, LogisticSolver, fit_classes, fit_predict, fit_ridge
from isoclr.probing.trees import boosted_trees
from isoclr.tasks.metrics import pearson, roc_auc


def data(n: int = 400, d: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(n, d)) * [1, 10, 0.1, 3, 1] + [0, 50, 1, -3, 2]).astype(np.float32)
    return features, rng.normal(size=n), np.arange(n).astype(str)


def test_the_line_reads_raw_embeddings_as_ridge_reads_standardised_ones() -> None:
    features, noise, groups = data()
    values = features @ np.array([1, 0.2, 3, 0, 0]) + noise
    member = fit_fold_model(features, values, groups)
    wide = features.astype(np.float64)
    standard = (wide - wide.mean(axis=0)) / wide.std(axis=0)
    reference = Ridge(alpha=member.penalties[0]).fit(standard, values)
    assert member.value(features) == pytest.approx(reference.predict(standard))


def test_the_expected_error_is_that_of_left_out_rnas() -> None:
    features, noise, groups = data(4000)
    size = 1 + 0.5 * features[:, 0].clip(-2, 2)  # the first feature knows how noisy a label is
    member = fit_fold_model(features, 3.0 + noise * size, groups)
    expected = np.sqrt(2 / np.pi) * size  # mean |error| of a normal distribution
    found = member.expected_error(features)
    assert np.corrcoef(found, expected)[0, 1] > 0.9
    assert found.mean() == pytest.approx(expected.mean(), rel=0.1)


def test_overfitting_does_not_hide_in_the_expected_error() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(60, 40))
    features -= features.mean(axis=0)
    values = features @ rng.normal(size=40) + 0.5 * rng.normal(size=60)
    member = fit_fold_model(features, values, np.arange(60).astype(str))
    ridge = Ridge(alpha=member.penalties[0])
    standard = features / features.std(axis=0)
    left_out = np.abs(values - cross_val_predict(ridge, standard, values, cv=LeaveOneOut()))
    inside = np.abs(values - member.value(features))
    assert member.error(features).mean() == pytest.approx(left_out.mean(), rel=1e-6)
    assert inside.mean() < 0.7 * left_out.mean()


def test_an_expected_error_is_never_zero_nor_endless() -> None:
    features, noise, groups = data()
    member = fit_fold_model(features, noise * (1 + features[:, 0].clip(0, None)), groups)
    far = features.astype(np.float64) + 1e6 * np.array([[-1, 0, 0, 0, 0]])
    assert member.expected_error(far) == pytest.approx(np.full(len(far), member.narrowest))
    assert member.expected_error(-far) == pytest.approx(np.full(len(far), member.widest))
    assert 0 < member.narrowest < member.widest


def test_the_classes_line_gives_the_probe_s_log_odds() -> None:
    features, noise, groups = data(120)
    positive = features[:, 0] + 0.3 * noise > 0
    line, penalty = fit_classes(features, positive, groups)
    every = np.arange(120)
    odds, chosen = fit_predict("logistic", features, positive.astype(np.float64), groups, every, every)
    assert line(features) == pytest.approx(odds, abs=1e-4)
    assert penalty == chosen


RNG = np.random.default_rng(0)
N = 240
FEATURES = (RNG.normal(size=(N, 6)) * [1, 10, 100, 1, 1, 0] + 1000).astype(np.float32)
SIGNAL = (FEATURES[:, 0] - 1000) + (FEATURES[:, 2] - 1000) / 100
VALUES = SIGNAL + RNG.normal(size=N)
GENES = np.arange(N).astype(str)
TRAIN, TEST = np.arange(160), np.arange(160, N)


def test_linear_is_least_squares() -> None:
    found, penalty = fit_predict("linear", FEATURES, VALUES, GENES, TRAIN, TEST)
    x = FEATURES.astype(np.float64)
    reference = LinearRegression().fit(x[TRAIN], VALUES[TRAIN]).predict(x[TEST])
    assert found == pytest.approx(reference, abs=1e-6)
    assert penalty == 0


@pytest.mark.parametrize("model", ["linear", "ridge"])
def test_a_model_learns_from_the_training_part_only(model: str) -> None:
    values = VALUES.copy()
    values[TEST] = 1e6
    found = fit_predict(model, FEATURES, values, GENES, TRAIN, TEST)[0]  # type: ignore[arg-type]
    same = fit_predict(model, FEATURES, VALUES, GENES, TRAIN, TEST)[0]  # type: ignore[arg-type]
    assert found.tolist() == same.tolist()
    moved = FEATURES.copy()
    moved[TEST[0]] *= 1000  # an outlier of the test part must not change how the others are scaled
    other = fit_predict(model, moved, VALUES, GENES, TRAIN, TEST)[0]  # type: ignore[arg-type]
    assert other[1:] == pytest.approx(same[1:])


def test_ridge_bears_more_features_than_samples() -> None:
    noise = RNG.normal(size=(N, 400)).astype(np.float32)
    found, penalty = fit_predict("ridge", np.hstack([FEATURES, noise]), VALUES, GENES, TRAIN, TEST)
    assert pearson(VALUES[TEST], found) > 0.2
    assert penalty > 0


def test_logistic_gives_the_odds_of_the_larger_value() -> None:
    classes = np.where(VALUES > 0, 7.0, -1.0)
    found, penalty = fit_predict("logistic", FEATURES, classes, GENES, TRAIN, TEST)
    assert roc_auc(classes[TEST], found) > 0.75
    assert penalty >= 1


@pytest.mark.parametrize("positives", [1, 2])
def test_logistic_bears_a_class_of_few(positives: int) -> None:
    classes = np.zeros(N)
    classes[np.argsort(-SIGNAL[TRAIN])[:positives]] = 1.0
    found, _ = fit_predict("logistic", FEATURES, classes, GENES, TRAIN, TEST)
    assert np.corrcoef(found, SIGNAL[TEST])[0, 1] > 0.3


def test_the_penalty_of_a_logistic_model_is_chosen_by_leaving_out_whole_groups() -> None:
    """Twins in other groups would vouch for the noise they share, and so for a weak penalty."""
    rng = np.random.default_rng(1)
    noise = np.repeat(rng.normal(size=(60, 100)), 2, axis=0)
    classes = np.repeat((np.arange(60) % 2).astype(float), 2)
    genes = np.repeat(np.arange(60), 2).astype(str)
    rows = np.arange(120)
    _, whole = fit_predict("logistic", noise, classes, genes, rows, rows[:4])
    _, apart = fit_predict("logistic", noise, classes, rows.astype(str), rows, rows[:4])
    assert whole > apart


@pytest.mark.parametrize("model", ["linear", "ridge"])
def test_a_feature_that_hardly_ever_fires_does_not_throw_predictions_off(model: str) -> None:
    rare = np.zeros((N, 1), np.float32)
    rare[TRAIN[3]], rare[TEST[0]] = 1e-6, 5.0
    found, _ = fit_predict(
        model,  # type: ignore[arg-type]
        np.hstack([FEATURES, rare]),
        VALUES,
        GENES,
        TRAIN,
        TEST,
    )
    assert np.abs(found).max() < 10


def test_features_without_variation_say_nothing() -> None:
    constant = np.full((N, 3), 0.1, np.float32)
    constant[:, 1] += 1e-9
    found, _ = fit_predict("linear", constant, VALUES, GENES, TRAIN, TEST)
    assert found == pytest.approx(np.full(len(TEST), VALUES[TRAIN].mean()))


@pytest.mark.parametrize(("n", "d"), [(300, 20), (80, 120)])
def test_it_finds_the_optimum_that_scikit_learn_finds(n: int, d: int) -> None:
    x = RNG.normal(size=(n, d)) * np.linspace(0.1, 3, d) + 2.0
    x[:, 1] = x[:, 0] + 0.01 * x[:, 1]  # nearly the same
    positive = np.stack([x[:, 3] > 2, RNG.random(n) < 0.1, x[:, 5] + x[:, 6] > 4], axis=1)
    penalties = np.array([0.5, 10.0, 3000.0])
    fitted = LogisticSolver(x).fit(positive, penalties)
    found = fitted.log_odds(x)
    assert fitted.weights.shape == (d, 3)
    for i, penalty in enumerate(penalties):
        plain = LogisticRegression(C=1 / penalty, max_iter=20_000, tol=1e-9)
        expected = plain.fit(x, positive[:, i]).decision_function(x)
        assert found[:, i] == pytest.approx(expected, rel=1e-3, abs=2e-3)


def test_some_of_the_samples_alone() -> None:
    x = RNG.normal(size=(200, 10)) + 3.0
    positive = x[:, :1] + RNG.normal(size=(200, 1)) > 3
    rows = np.arange(0, 200, 3)
    part, whole = LogisticSolver(x).fit(positive[rows], np.ones(1), rows), LogisticSolver(x[rows])
    assert part.log_odds(x) == pytest.approx(whole.fit(positive[rows], np.ones(1)).log_odds(x), abs=1e-3)


def test_the_gradient_is_zero_where_it_stops() -> None:
    x = RNG.normal(size=(200, 10))
    positive = x[:, :1] + RNG.normal(size=(200, 1)) > 0
    fitted = LogisticSolver(x).fit(positive, np.array([1.0]))
    residual = 1 / (1 + np.exp(-fitted.log_odds(x))) - positive
    assert np.abs(x.T @ residual + fitted.weights).max() < 1e-2
    assert abs(residual.sum()) < 1e-2


def test_a_class_of_all_or_none_gives_its_share() -> None:
    x = RNG.normal(size=(50, 3))
    fitted = LogisticSolver(x).fit(np.stack([np.ones(50, bool), np.zeros(50, bool)], axis=1), np.ones(2))
    odds = fitted.log_odds(x)
    assert odds[:, 0].min() > 3
    assert odds[:, 1].max() < -3
    assert np.isfinite(odds).all()


PENALTIES = np.array([0.3, 30.0, 300.0])


def data_ridge(n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n + d)
    features = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) / np.sqrt(d)
    features -= features.mean(axis=0)
    return features, features @ rng.normal(size=d) + 5 + rng.normal(size=n) * 3


@pytest.mark.parametrize(("n", "d", "size"), [(60, 12, 1), (60, 12, 3), (40, 90, 3)])
def test_it_is_ridge_with_the_penalty_that_leaving_groups_out_prefers(n: int, d: int, size: int) -> None:
    features, values = data_ridge(n, d)
    groups = (np.arange(n) // size).astype(str)
    left_out = [
        values - cross_val_predict(Ridge(alpha=penalty), features, values, groups=groups, cv=LeaveOneGroupOut())
        for penalty in PENALTIES
    ]
    for i, penalty in enumerate(PENALTIES):
        alone = fit_ridge(features, values, groups, np.array([penalty]))
        assert alone.left_out == pytest.approx(left_out[i])
    found = fit_ridge(features, values, groups, PENALTIES)
    assert found.penalty == PENALTIES[np.argmin([np.mean(errors**2) for errors in left_out])]
    reference = Ridge(alpha=found.penalty).fit(features, values)
    assert found.coefficients == pytest.approx(reference.coef_, abs=1e-8)
    assert found.predict(features) == pytest.approx(reference.predict(features))


def test_copies_do_not_vouch_for_each_other() -> None:
    features, values = data_ridge(30, 20)
    noise = np.random.default_rng(1).normal(size=30) * 10
    copied, groups = np.repeat(features, 4, axis=0), np.repeat(np.arange(30), 4).astype(str)
    by_gene = fit_ridge(copied, np.repeat(values + noise, 4), groups)
    by_row = fit_ridge(copied, np.repeat(values + noise, 4), np.arange(120).astype(str))
    assert by_gene.penalty > by_row.penalty


def test_where_all_samples_are_of_one_group_each_is_left_out_alone() -> None:
    features, values = data_ridge(30, 5)
    found = fit_ridge(features, values, np.full(30, "a"))
    alone = fit_ridge(features, values, np.arange(30).astype(str))
    assert np.array_equal(found.left_out, alone.left_out)


N_TREES = 600
X = RNG.normal(size=(N_TREES, 4))
BENT: Array = np.where(X[:, 0] * X[:, 1] > 0, 1.0, -1.0)  # nothing linear in it
TRAIN_TREES, TEST_TREES = np.arange(400), np.arange(400, N_TREES)
TREE_GENES = np.arange(N_TREES).astype(str)


def test_trees_see_what_a_linear_model_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "MAX_TREES", 100)
    values = BENT + 0.3 * RNG.normal(size=N_TREES)
    found, penalty = fit_predict("trees", X, values, TREE_GENES, TRAIN_TREES, TEST_TREES)
    linear, _ = fit_predict("ridge", X, values, TREE_GENES, TRAIN_TREES, TEST_TREES)
    assert pearson(values[TEST_TREES], found) > 0.8
    assert pearson(values[TEST_TREES], linear) < 0.3
    assert penalty == 0


def test_classes_get_log_odds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "MAX_TREES", 100)
    classes: Array = np.where(BENT > 0, 2.0, -1.0)
    found, _ = fit_predict("trees", X, classes, TREE_GENES, TRAIN_TREES, TEST_TREES)
    assert roc_auc(classes[TEST_TREES], found) > 0.9
    assert found.min() < -1 < 1 < found.max()


def test_the_number_of_trees_is_chosen_by_whole_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "MAX_TREES", 120)
    # ten copies of every gene with its own random label: by samples more trees look ever better, by genes they do not
    genes = np.repeat(np.arange(60), 10)
    x, noise = RNG.normal(size=(60, 4))[genes], RNG.normal(size=60)[genes]
    _, by_gene = boosted_trees(x, noise, genes.astype(str), x, is_class=False)
    _, by_sample = boosted_trees(x, noise, np.arange(600).astype(str), x, is_class=False)
    assert by_gene < 60 < by_sample


def test_whole_groups_of_about_a_seventh_are_set_aside() -> None:
    groups = RNG.integers(0, 80, 1000).astype(str)
    aside = trees._check_mask(groups)
    assert 0.1 < aside.mean() <= 0.15
    assert not set(groups[aside]) & set(groups[~aside])


def test_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "MAX_TREES", 30)
    rows = TRAIN_TREES[:200]
    first, second = (boosted_trees(X[rows], BENT[rows], TREE_GENES[rows], X, is_class=False)[0] for _ in range(2))
    assert (first == second).all()


def test_a_few_samples_and_one_group_are_enough() -> None:
    few, rounds = boosted_trees(X[:6], BENT[:6], np.repeat("g", 6), X[:2], is_class=False)
    assert np.isfinite(few).all()
    assert rounds == trees.MAX_TREES
