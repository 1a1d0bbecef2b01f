import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from isoclr.predicting.linear import fit_classes, fit_member
from isoclr.probing.fitting import fit_predict


def data(n: int = 400, d: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(n, d)) * [1, 10, 0.1, 3, 1] + [0, 50, 1, -3, 2]).astype(np.float32)
    return features, rng.normal(size=n), np.arange(n).astype(str)


def test_the_line_reads_raw_embeddings_as_ridge_reads_standardised_ones() -> None:
    features, noise, groups = data()
    values = features @ np.array([1, 0.2, 3, 0, 0]) + noise
    member = fit_member(features, values, groups)
    wide = features.astype(np.float64)
    standard = (wide - wide.mean(axis=0)) / wide.std(axis=0)
    reference = Ridge(alpha=member.penalties[0]).fit(standard, values)
    assert member.value(features) == pytest.approx(reference.predict(standard))


def test_the_expected_error_is_that_of_left_out_rnas() -> None:
    features, noise, groups = data(4000)
    size = 1 + 0.5 * features[:, 0].clip(-2, 2)  # the first feature knows how noisy a label is
    member = fit_member(features, 3.0 + noise * size, groups)
    expected = np.sqrt(2 / np.pi) * size  # mean |error| of a normal distribution
    found = member.expected_error(features)
    assert np.corrcoef(found, expected)[0, 1] > 0.9
    assert found.mean() == pytest.approx(expected.mean(), rel=0.1)


def test_overfitting_does_not_hide_in_the_expected_error() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(60, 40))
    features -= features.mean(axis=0)
    values = features @ rng.normal(size=40) + 0.5 * rng.normal(size=60)
    member = fit_member(features, values, np.arange(60).astype(str))
    ridge = Ridge(alpha=member.penalties[0])
    standard = features / features.std(axis=0)
    left_out = np.abs(values - cross_val_predict(ridge, standard, values, cv=LeaveOneOut()))
    inside = np.abs(values - member.value(features))
    assert member.error(features).mean() == pytest.approx(left_out.mean(), rel=1e-6)
    assert inside.mean() < 0.7 * left_out.mean()


def test_an_expected_error_is_never_zero_nor_endless() -> None:
    features, noise, groups = data()
    member = fit_member(features, noise * (1 + features[:, 0].clip(0, None)), groups)
    far = features.astype(np.float64) + 1e6 * np.array([[-1, 0, 0, 0, 0]])
    assert member.expected_error(far) == pytest.approx(np.full(len(far), member.narrowest))
    assert member.expected_error(-far) == pytest.approx(np.full(len(far), member.widest))
    assert 0 < member.narrowest < member.widest


def test_the_classes_line_gives_the_probe_s_log_odds() -> None:
    features, noise, groups = data(120)
    positive = features[:, 0] + 0.3 * noise > 0
    line, penalty = fit_classes(features, positive, groups)
    every = np.arange(120)
    odds, chosen = fit_predict(
        "logistic", features, positive.astype(np.float64), groups, every, every
    )
    assert line(features) == pytest.approx(odds, abs=1e-4)
    assert penalty == chosen
