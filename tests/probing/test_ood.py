import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis

from isoclr.probing import ood as novelty
from isoclr.probing.ood import fit_ood_detector


def cloud(n: int, d: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(d, d))
    return (rng.normal(size=(n, d)) @ mixing + 5).astype(np.float32)


def test_with_all_axes_it_is_the_mahalanobis_distance() -> None:
    features = cloud(300, 5, 0)
    found = fit_ood_detector(features, np.arange(300) % 5)
    wide = features.astype(np.float64)
    inverse = np.linalg.inv(np.cov(wide.T, ddof=0))
    new = cloud(20, 5, 1).astype(np.float64)
    expected = [mahalanobis(row, wide.mean(axis=0), inverse) for row in new]
    assert found.distance(new) == pytest.approx(expected, rel=2e-3)  # axes are float16


def test_the_remainder_counts_by_its_mean_deviation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novelty, "AXES", 2)
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2000, 1)) @ np.ones((1, 60)) * 5 + rng.normal(size=(2000, 60))
    found = fit_ood_detector(features, np.arange(2000) % 4)
    assert found.axes.shape == (60, 2)
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    variances, axes = np.linalg.eigh(np.cov(standard.T, ddof=0))
    scores = standard @ axes[:, ::-1]
    along = (scores[:, :2] ** 2 / variances[::-1][:2]).sum(axis=1)
    rest = (scores[:, 2:] ** 2).sum(axis=1) / variances[:58].mean()
    assert found.distance(features) == pytest.approx(np.sqrt(along + rest), rel=2e-3)


@pytest.mark.parametrize(("n", "most"), [(60, 0.08), (1000, 0.005)])
def test_rnas_like_the_training_ones_are_not_new(n: int, most: float) -> None:
    found = fit_ood_detector(cloud(n, 40, 0), np.arange(n) % 5)
    assert found(cloud(4000, 40, 1)).mean() <= most
    assert found(cloud(100, 40, 1) + 100).all()


def test_features_that_never_vary_are_no_distance() -> None:
    features = np.hstack([cloud(200, 3, 0), np.full((200, 1), 7.0)])
    found = fit_ood_detector(features, np.arange(200) % 5)
    assert np.isfinite(found.distance(features + np.array([0, 0, 0, 100]))).all()
    assert found(features + np.array([0, 0, 0, 100])).all()
    assert found(features - np.array([0, 0, 0, 100])).all()
    assert not found(features + np.array([0, 0, 0, 1])).any()
    assert not fit_ood_detector(np.ones((50, 2)), np.arange(50) % 5)(np.ones((3, 2))).any()


def test_a_feature_that_hardly_ever_fires_may_fire_as_it_did() -> None:
    features = np.hstack([cloud(400, 3, 0), np.zeros((400, 1))])
    features[0, 3] = 1000.0
    found = fit_ood_detector(features, np.arange(400) % 5)
    assert found.scale[3] == 0
    new = np.repeat(features[5:6], 4, axis=0)
    new[:, 3] = [1000, 1990, 2010, -1010]
    assert found(new).tolist() == [False, False, True, True]
