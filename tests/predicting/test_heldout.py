import numpy as np
import pytest
from sklearn.metrics import log_loss as reference_log_loss

from isoclr.predicting.conformal import LeavingOut
from isoclr.predicting.heldout import judge_classes, judge_regression, log_loss, rmse
from isoclr.probing.fitting import fit_predict


def data(n: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(n, 4))
    return features, features[:, 0] + rng.normal(size=n), np.arange(n).astype(str), np.arange(n) % 4


def test_r_is_that_of_the_probe_on_the_same_folds() -> None:
    features, values, groups, folds = data()
    found = judge_regression(LeavingOut(features, values, groups, folds), [0.9])
    expected = []
    for fold in range(4):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        predicted, _ = fit_predict("ridge", features, values, groups, train, test)
        expected.append(np.corrcoef(predicted, values[test])[0, 1])
    assert found.metrics["pearson"].mean == pytest.approx(np.mean(expected))
    assert list(found.metrics) == ["pearson", "spearman", "rmse"]


def test_coverage_counts_labels_in_intervals_of_held_out_folds() -> None:
    features, values, groups, folds = data()
    left = LeavingOut(features, values, groups, folds)
    found = judge_regression(left, [0.8, 0.9])
    inside, width = [], []
    for fold in range(4):
        test = folds == fold
        _, lower, upper = left.regression(held_out=fold).predict(features[test], 0.9)
        inside.append((lower <= values[test]) & (values[test] <= upper))
        width.append(upper - lower)
    judged = found.coverages[1]
    assert judged.achieved.mean == pytest.approx(np.concatenate(inside).mean())
    assert judged.by_fold == pytest.approx([one.mean() for one in inside])
    assert judged.width == pytest.approx(np.concatenate(width).mean())
    assert judged.achieved.low < 0.9 < judged.achieved.high
    assert found.coverages[0].width < judged.width < judged.without_features


def test_noise_is_not_predicted_and_gains_no_width() -> None:
    features, _, groups, folds = data()
    noise = np.random.default_rng(3).normal(size=200)
    found = judge_regression(LeavingOut(features, noise, groups, folds), [0.9])
    assert abs(found.metrics["pearson"].mean) < 0.25
    assert found.coverages[0].width > 0.9 * found.coverages[0].without_features
    assert found.metrics["rmse"].mean == pytest.approx(found.baseline["rmse"], rel=0.05)


def test_the_mean_alone_is_that_of_the_training_folds() -> None:
    features, values, groups, folds = data()
    found = judge_regression(LeavingOut(features, values, groups, folds), [0.9])
    expected = [rmse(values[folds == k], np.full(50, values[folds != k].mean())) for k in range(4)]
    assert found.baseline["rmse"] == pytest.approx(np.mean(expected))


def test_classes_are_judged_by_rank_and_by_probability() -> None:
    features, values, groups, folds = data()
    found = judge_classes(features, (values > 0).astype(float), groups, folds)
    assert found.metrics["roc_auc"].mean > 0.7
    assert (
        found.metrics["log_loss"].mean
        < found.baseline["log_loss"]
        == pytest.approx(0.693, abs=0.01)
    )
    assert found.coverages == []


def test_log_loss() -> None:
    true, chance = np.array([0.0, 1, 1]), np.array([0.2, 0.7, 0.4])
    assert log_loss(true, chance) == pytest.approx(reference_log_loss(true, chance))
    assert np.isfinite(log_loss(np.array([1.0]), np.array([0.0])))


def test_rnas_of_one_gene_are_no_independent_trials() -> None:
    features, values, _, folds = data()
    alone = judge_regression(LeavingOut(features, values, np.arange(200).astype(str), folds), [0.8])
    assert alone.coverages[0].method == "Wilson"
    # four copies of every RNA: four times the trials, nothing new
    four = [np.repeat(array, 4, axis=0) for array in (features, values, folds)]
    groups = np.repeat(np.arange(200), 4).astype(str)
    found = judge_regression(LeavingOut(four[0], four[1], groups, four[2]), [0.8]).coverages[0]
    assert found.method == "bootstrap over whole genes or gene sets"
    assert found.as_dict()["interval"] == found.method
    assert found.achieved.low < found.achieved.mean < found.achieved.high
    wide, ours = ((c.high - c.low) for c in (alone.coverages[0].achieved, found.achieved))
    assert ours == pytest.approx(wide, rel=0.2)  # Wilson on copies would be half as wide
