from math import ceil, floor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import log_loss as reference_log_loss

from isoclr.baselines.features import KmersAndCodons
from isoclr.genomics.fasta import read_transcripts
from isoclr.probing import conformal
from isoclr.probing.conformal import (
    CrossFitter,
    CVPlusRegressor,
    cross_validate_classes,
    cross_validate_regression,
    largest_coverage,
    log_loss,
    order_statistic,
    rmse,
    upper_rank,
)
from isoclr.probing.linear import fit_predict
from isoclr.tasks.join import join_labels
from isoclr.tasks.labels import read_labels


def data(n: int, seed: int, d: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Labels whose noise depends on the second feature, and has heavy tails."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, d))
    noise = rng.standard_t(3, size=n) * np.exp(0.7 * features[:, 1].clip(-2, 2))
    return features, features[:, 0] + noise


def leaving(n: int, seed: int = 0, folds: int = 5) -> CrossFitter:
    features, values = data(n, seed)
    return CrossFitter(features, values, np.arange(n).astype(str), np.arange(n) % folds)


def by_hand(predictor: CVPlusRegressor, features: np.ndarray, coverage: float) -> np.ndarray:
    """The definition, an RNA and a score at a time."""
    ends = []
    for row in features:
        lower, upper = [], []
        for member, scores in zip(predictor.members, predictor.scores, strict=True):
            centre = member.value(row[None])[0]
            reach = member.expected_error(row[None])[0]
            lower += [centre - s * reach for s in scores]
            upper += [centre + s * reach for s in scores]
        n = len(lower)
        low = sorted(lower)[floor((1 - coverage) * (n + 1) + 1e-9) - 1]
        ends.append([low, sorted(upper)[ceil(coverage * (n + 1) - 1e-9) - 1]])
    return np.array(ends)


@pytest.mark.parametrize("coverage", [0.5, 0.95])
def test_ends_are_those_of_the_definition(coverage: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformal, "BLOCK", 7)  # several blocks of rows
    predictor = leaving(99).regression()
    features, _ = data(20, 1)
    value, lower, upper = predictor.predict(features, coverage)
    assert value == pytest.approx(predictor.value(features))
    expected = by_hand(predictor, features, coverage)
    assert lower == pytest.approx(np.minimum(expected[:, 0], value))
    assert upper == pytest.approx(np.maximum(expected[:, 1], value))


@pytest.mark.parametrize("spread", [0.0, 0.1, 3.0])
@pytest.mark.parametrize("rank", [1, 2, 40, 90, 99, 100])
def test_order_statistic_equals_sorting(rank: int, spread: float) -> None:
    """Also where folds disagree, sizes differ much, and many scores are equal."""
    rng = np.random.default_rng(rank)
    scores = [np.sort(rng.exponential(size=n).round(1)) for n in (1, 30, 9, 60)]
    centers = rng.normal(size=(1, 4)) * spread + rng.normal(size=(50, 1))
    errors = np.exp(rng.normal(size=(50, 4)) * spread)
    parts = [centers[:, [k]] + errors[:, [k]] * own for k, own in enumerate(scores)]
    expected = np.sort(np.hstack(parts), axis=1)[:, rank - 1]
    assert np.array_equal(order_statistic(centers, errors, scores, rank), expected)


def test_new_rnas_lie_in_their_intervals_as_often_as_promised() -> None:
    inside: dict[float, list[float]] = {0.8: [], 0.95: []}
    for seed in range(20):
        predictor = leaving(100, seed).regression()
        features, values = data(500, 1000 + seed)
        for coverage, shares in inside.items():
            _, lower, upper = predictor.predict(features, coverage)
            shares.append(((lower <= values) & (values <= upper)).mean())
    for coverage, shares in inside.items():  # 20 calibration sets of 100 RNAs: a standard error of about 0.01
        assert np.mean(shares) == pytest.approx(coverage, abs=0.03)


def test_intervals_are_wider_where_labels_are_harder_to_predict() -> None:
    predictor = leaving(2000).regression()
    features, values = data(4000, 7)
    _, lower, upper = predictor.predict(features, 0.9)
    noisy = features[:, 1] > 0.5
    quiet = features[:, 1] < -0.5
    width = upper - lower
    assert width[noisy].mean() > 2 * width[quiet].mean()
    inside = (lower <= values) & (values <= upper)
    assert inside[noisy].mean() == pytest.approx(0.9, abs=0.04)
    assert inside[quiet].mean() == pytest.approx(0.9, abs=0.06)


def test_a_held_out_fold_tells_nothing_to_fitting_or_calibration() -> None:
    features, values = data(90, 3)
    folds, groups = np.arange(90) % 3, np.arange(90).astype(str)
    changed, moved = values.copy(), features.copy()
    changed[folds == 1], moved[folds == 1] = 1e6, -50.0
    new, _ = data(10, 4)
    ours = CrossFitter(features, values, groups, folds).regression(held_out=1).predict(new, 0.8)
    theirs = CrossFitter(moved, changed, groups, folds).regression(held_out=1).predict(new, 0.8)
    for a, b in zip(ours, theirs, strict=True):
        assert np.array_equal(a, b)


def test_a_score_comes_from_the_member_that_did_not_see_its_fold() -> None:
    left = leaving(60, folds=4)
    predictor = left.regression()
    for fold, (member, scores) in enumerate(zip(predictor.members, predictor.scores, strict=True)):
        rows = left.folds == fold
        again = leaving(60, folds=4)
        again.values[rows] += 1e3  # the member must not notice
        assert again.regression().members[fold].value(left.features) == pytest.approx(member.value(left.features))
        off = np.abs(left.values[rows] - member.value(left.features[rows]))
        assert scores == pytest.approx(off / member.expected_error(left.features[rows]))


def test_every_member_is_fitted_once() -> None:
    done = []
    features, values = data(60, 0)
    left = CrossFitter(features, values, np.arange(60).astype(str), np.arange(60) % 4, lambda: done.append(1))
    for fold in range(4):
        left.regression(held_out=fold)
    left.regression()
    assert len(done) == left.fits == 11


def test_how_much_so_many_scores_can_vouch_for() -> None:
    for n in (9, 19, 99):
        assert upper_rank(n, largest_coverage(n)) == n
        assert upper_rank(n, largest_coverage(n) + 0.001) > n
    assert leaving(60).regression().largest == 60 / 61


@pytest.mark.realdata
def test_real_half_lives_lie_in_their_intervals(real_data: Path) -> None:
    rnas = read_transcripts(real_data / "transcripts/human_refseq.fa.gz")
    table = rnas.table.with_columns(
        species=pl.lit("human"), length=pl.Series(np.diff(rnas.offsets)), cds_length=pl.lit(0)
    )
    labels = read_labels(real_data / "labels/rna_half_life_human.tsv.gz")
    samples = join_labels(labels, table)
    pieces = [rnas.codes[rnas.offsets[i] : rnas.offsets[i + 1]] for i in samples.rows]
    features = KmersAndCodons().embed(pieces)
    train = np.random.default_rng(0).random(len(samples)) < 0.6
    n, groups = int(train.sum()), np.arange(len(samples)).astype(str)
    left = CrossFitter(features[train], samples.values[train], groups[train], np.arange(n) % 5)
    value, lower, upper = left.regression().predict(features[~train], 0.9)
    true = samples.values[~train]
    inside = (lower <= true) & (true <= upper)
    assert len(true) > 500
    assert inside.mean() == pytest.approx(0.9, abs=0.035)  # two and a half standard errors
    assert np.corrcoef(value, true)[0, 1] > 0.4
    assert (upper - lower).mean() < np.ptp(np.quantile(samples.values[train], [0.05, 0.95]))


def data_heldout(n: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(n, 4))
    return features, features[:, 0] + rng.normal(size=n), np.arange(n).astype(str), np.arange(n) % 4


def test_r_is_that_of_the_probe_on_the_same_folds() -> None:
    features, values, groups, folds = data_heldout()
    found = cross_validate_regression(CrossFitter(features, values, groups, folds), [0.9])
    expected = []
    for fold in range(4):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        predicted, _ = fit_predict("ridge", features, values, groups, train, test)
        expected.append(np.corrcoef(predicted, values[test])[0, 1])
    assert found.metrics["pearson"].mean == pytest.approx(np.mean(expected))
    assert list(found.metrics) == ["pearson", "spearman", "rmse"]


def test_coverage_counts_labels_in_intervals_of_held_out_folds() -> None:
    features, values, groups, folds = data_heldout()
    left = CrossFitter(features, values, groups, folds)
    found = cross_validate_regression(left, [0.8, 0.9])
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
    features, _, groups, folds = data_heldout()
    noise = np.random.default_rng(3).normal(size=200)
    found = cross_validate_regression(CrossFitter(features, noise, groups, folds), [0.9])
    assert abs(found.metrics["pearson"].mean) < 0.25
    assert found.coverages[0].width > 0.9 * found.coverages[0].without_features
    assert found.metrics["rmse"].mean == pytest.approx(found.baseline["rmse"], rel=0.05)


def test_the_mean_alone_is_that_of_the_training_folds() -> None:
    features, values, groups, folds = data_heldout()
    found = cross_validate_regression(CrossFitter(features, values, groups, folds), [0.9])
    expected = [rmse(values[folds == k], np.full(50, values[folds != k].mean())) for k in range(4)]
    assert found.baseline["rmse"] == pytest.approx(np.mean(expected))


def test_classes_are_judged_by_rank_and_by_probability() -> None:
    features, values, groups, folds = data_heldout()
    found = cross_validate_classes(features, (values > 0).astype(float), groups, folds)
    assert found.metrics["roc_auc"].mean > 0.7
    assert found.metrics["log_loss"].mean < found.baseline["log_loss"] == pytest.approx(0.693, abs=0.01)
    assert found.coverages == []


def test_log_loss() -> None:
    true, chance = np.array([0.0, 1, 1]), np.array([0.2, 0.7, 0.4])
    assert log_loss(true, chance) == pytest.approx(reference_log_loss(true, chance))
    assert np.isfinite(log_loss(np.array([1.0]), np.array([0.0])))


def test_rnas_of_one_gene_are_no_independent_trials() -> None:
    features, values, _, folds = data_heldout()
    alone = cross_validate_regression(CrossFitter(features, values, np.arange(200).astype(str), folds), [0.8])
    assert alone.coverages[0].method == "Wilson"
    # four copies of every RNA: four times the trials, nothing new
    four = [np.repeat(array, 4, axis=0) for array in (features, values, folds)]
    groups = np.repeat(np.arange(200), 4).astype(str)
    found = cross_validate_regression(CrossFitter(four[0], four[1], groups, four[2]), [0.8]).coverages[0]
    assert found.method == "bootstrap over whole genes or gene sets"
    assert found.to_dict()["interval"] == found.method
    assert found.achieved.low < found.achieved.mean < found.achieved.high
    wide, ours = ((c.high - c.low) for c in (alone.coverages[0].achieved, found.achieved))
    assert ours == pytest.approx(wide, rel=0.2)  # Wilson on copies would be half as wide
