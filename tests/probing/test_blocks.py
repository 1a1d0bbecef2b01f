import numpy as np
import pytest

from isoclr.probing.blocks import MAX_RANK, _in_features, _in_samples, fit_blocks, fit_predict_blocks
from isoclr.probing.linear import fit_predict
from isoclr.tasks.metrics import pearson

RNG = np.random.default_rng(0)
N = 240
FEATURES = (RNG.normal(size=(N, 5)) * [1, 10, 100, 1, 1] + 1000).astype(np.float32)
VALUES = (FEATURES[:, 0] - 1000) + (FEATURES[:, 2] - 1000) / 100 + RNG.normal(size=N)


def test_it_learns_from_the_training_part_only() -> None:
    values, rows = VALUES.copy(), np.arange(N)
    train, test = rows[:160], rows[160:]
    before = fit_predict_blocks(FEATURES, values, train, test, (2,))
    values[test] = 1e6
    after = fit_predict_blocks(FEATURES, values, train, test, (2,))
    assert after == pytest.approx(before)
    assert pearson(VALUES[test], before) > 0.5


def test_features_that_vary_more_count_more_unless_scaled() -> None:
    scaled = fit_blocks(FEATURES, VALUES, (5,))
    raw = fit_blocks(FEATURES, VALUES, (5,), scale=False)
    assert scaled.components(FEATURES).std(0) == pytest.approx(np.ones(5), rel=1e-3)
    assert raw.components(FEATURES).std(0) == pytest.approx(FEATURES.std(0), rel=1e-3)


def test_blocks_that_say_nothing_get_a_large_penalty() -> None:
    rng = np.random.default_rng(0)
    useful, useless = rng.normal(size=(400, 20)), rng.normal(size=(400, 150))
    signal = useful @ rng.normal(size=20)
    values = signal + 2 * rng.normal(size=400)
    features, rows = np.hstack([useless, useful]), np.arange(400)
    groups, train, test = rows.astype(str), rows[:250], rows[250:]
    one, _ = fit_predict("ridge", features, values, groups, train, test)
    two = fit_predict_blocks(features, values, train, test, (150, 20))
    assert pearson(signal[test], two) > pearson(signal[test], one) + 0.05
    fitted = fit_blocks(features, values, (150, 20))
    assert fitted.penalties[0] > 20 * fitted.penalties[1]


def test_a_ridge_by_blocks_solves_its_normal_equations() -> None:
    x, y = FEATURES[:, :5].astype(np.float64), np.stack([VALUES, -2 * VALUES], 1)
    fitted = fit_blocks(FEATURES[:, :5], y / y.std(0), (2, 3))
    z = (x - x.mean(0)) / x.std(0)
    target = y / y.std(0) - (y / y.std(0)).mean(0)
    penalties = np.diag(np.repeat(fitted.penalties, (2, 3)))
    expected = np.linalg.solve(z.T @ z + penalties, z.T @ target)
    assert fitted.coefficients == pytest.approx(expected, rel=1e-6)
    predicted = fitted.predict(FEATURES[:, :5])
    assert predicted[:, 0] == pytest.approx(-predicted[:, 1], abs=1e-6)


def test_a_wide_block_is_read_by_its_principal_components() -> None:
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(300, 10))
    features = hidden @ rng.normal(size=(10, MAX_RANK + 50)) + 0.01
    values = hidden @ rng.normal(size=10)
    fitted = fit_blocks(features[:200], values[:200], (MAX_RANK + 50,))
    assert fitted.components(features).shape == (300, 10)  # their rank
    assert pearson(values[200:], fitted.predict(features[200:])) > 0.99


@pytest.mark.parametrize("y", [VALUES[:60], np.stack([VALUES[:60], FEATURES[:60, 1]], 1)])
def test_fewer_samples_than_features_give_the_same_solution(y: np.ndarray) -> None:
    x, ranks = RNG.normal(size=(60, 100)), np.array([10, 60, 30])
    penalties = np.array([3.0, 50.0, 0.5])
    y = y - y.mean(0)
    for one, other in zip(_in_features(x, y, ranks)(penalties), _in_samples(x, y, ranks)(penalties), strict=True):
        assert one == pytest.approx(other, rel=1e-8)
