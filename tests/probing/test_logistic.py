import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from isoclr.probing.logistic import fit_many

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("n", "d"), [(300, 20), (80, 120)])
def test_it_finds_the_optimum_that_scikit_learn_finds(n: int, d: int) -> None:
    x = RNG.normal(size=(n, d)) * np.linspace(0.1, 3, d) + 2.0
    x[:, 1] = x[:, 0] + 0.01 * x[:, 1]  # nearly the same
    positive = np.stack([x[:, 3] > 2, RNG.random(n) < 0.1, x[:, 5] + x[:, 6] > 4], axis=1)
    penalties = np.array([0.5, 10.0, 3000.0])
    fitted = fit_many(x, positive, penalties)
    found = fitted.log_odds(x)
    assert fitted.weights.shape == (d, 3)
    for i, penalty in enumerate(penalties):
        plain = LogisticRegression(C=1 / penalty, max_iter=20_000, tol=1e-9)
        expected = plain.fit(x, positive[:, i]).decision_function(x)
        assert found[:, i] == pytest.approx(expected, rel=1e-3, abs=2e-3)


def test_the_gradient_is_zero_where_it_stops() -> None:
    x = RNG.normal(size=(200, 10))
    positive = x[:, :1] + RNG.normal(size=(200, 1)) > 0
    fitted = fit_many(x, positive, np.array([1.0]))
    residual = 1 / (1 + np.exp(-fitted.log_odds(x))) - positive
    assert np.abs(x.T @ residual + fitted.weights).max() < 1e-2
    assert abs(residual.sum()) < 1e-2


def test_a_class_of_all_or_none_gives_its_share() -> None:
    x = RNG.normal(size=(50, 3))
    fitted = fit_many(x, np.stack([np.ones(50, bool), np.zeros(50, bool)], axis=1), np.ones(2))
    odds = fitted.log_odds(x)
    assert odds[:, 0].min() > 3
    assert odds[:, 1].max() < -3
    assert np.isfinite(odds).all()
