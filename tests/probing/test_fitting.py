import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from isoclr.probing.fitting import fit_predict
from isoclr.tasks.metrics import pearson, roc_auc

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
