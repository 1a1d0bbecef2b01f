import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from isoclr.tasks.metrics import (
    bootstrap,
    bootstrap_difference,
    mean_intervals,
    mse,
    over_folds,
    over_seeds,
    paired,
    pearson,
    roc_auc,
    spearman,
)


def test_means_and_their_intervals() -> None:
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.normal(2.0, 1.0, 400), np.full(400, 5.0)])
    found = mean_intervals(values, np.arange(400))
    mean, low, high = found[0]
    assert mean == pytest.approx(values[:, 0].mean())
    assert (high - low) / 2 == pytest.approx(1.96 / 20, rel=0.15)
    assert found[1].tolist() == [5.0, 5.0, 5.0]


def test_isoforms_of_one_gene_set_count_once() -> None:
    values = np.repeat(np.random.default_rng(0).normal(size=40), 10)[:, None]
    groups = np.repeat(np.arange(40), 10)
    whole, single = mean_intervals(values, groups)[0], mean_intervals(values, np.arange(400))[0]
    assert (whole[2] - whole[1]) > 2.5 * (single[2] - single[1])


def test_a_sample_that_does_not_count() -> None:
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    found = mean_intervals(values, np.array([4, 9, 9]))
    assert found[0, 0] == 2.0
    assert found[0, 1:].tolist() == [1.0, 3.0]
    assert np.isnan(found[1]).all()


def test_the_same_seed_the_same_interval() -> None:
    values = np.random.default_rng(0).normal(size=(30, 1))
    first, again, other = (mean_intervals(values, np.arange(30), seed=s) for s in (1, 1, 2))
    assert (first == again).all()
    assert (first[0, 1:] != other[0, 1:]).any()


RNG = np.random.default_rng(0)
TRUE = RNG.normal(size=200).round(1)  # with ties
PREDICTED = (TRUE + RNG.normal(size=200)).round(1)


def test_they_are_what_scipy_and_scikit_learn_say() -> None:
    assert pearson(TRUE, PREDICTED) == pytest.approx(stats.pearsonr(TRUE, PREDICTED).statistic)
    assert spearman(TRUE, PREDICTED) == pytest.approx(stats.spearmanr(TRUE, PREDICTED).statistic)
    assert mse(TRUE, PREDICTED) == pytest.approx(np.mean((TRUE - PREDICTED) ** 2))
    positive = (TRUE > 0.3).astype(float)
    assert roc_auc(positive, PREDICTED) == pytest.approx(roc_auc_score(positive, PREDICTED))


def test_undefined_metrics() -> None:
    constant = np.full(200, 2.0)
    assert pearson(TRUE, constant) == 0.0
    assert spearman(TRUE, constant) == 0.0
    assert roc_auc((TRUE > 0).astype(float), constant) == 0.5
    assert np.isnan(pearson(constant, PREDICTED))
    assert np.isnan(roc_auc(constant, PREDICTED))


def test_the_interval_over_folds_is_students() -> None:
    values = [0.50, 0.55, 0.61, 0.58]
    found = over_folds(values)
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert np.isnan(over_folds([0.5]).low)
    assert str(over_folds([0.5])) == "0.500"


def test_overlapping_splits_widen_the_interval() -> None:
    values = [0.50, 0.55, 0.61, 0.58]
    plain, corrected = over_folds(values), over_seeds(values, train=700, test=150)
    widening = np.sqrt((1 / 4 + 150 / 700) / (1 / 4))
    assert corrected.high - corrected.mean == pytest.approx((plain.high - plain.mean) * widening)


def test_the_bootstrap_covers_the_sampling_error() -> None:
    everyone = np.arange(200).astype(str)
    found = bootstrap(lambda rows: pearson(TRUE[rows], PREDICTED[rows]), everyone)
    fisher = stats.pearsonr(TRUE, PREDICTED).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((fisher.low, fisher.high), abs=0.03)
    assert found.mean == pearson(TRUE, PREDICTED)


def test_the_bootstrap_draws_whole_genes() -> None:
    copies = np.repeat(TRUE, 6), np.repeat(PREDICTED, 6)
    genes = np.repeat(np.arange(200).astype(str), 6)

    def statistic(rows: np.ndarray) -> float:
        return pearson(copies[0][rows], copies[1][rows])

    by_gene = bootstrap(statistic, genes, resamples=200)
    by_row = bootstrap(statistic, np.arange(1200).astype(str), resamples=200)
    assert by_gene.high - by_gene.low > 1.8 * (by_row.high - by_row.low)


def test_a_paired_test_allows_for_overlap_and_agrees_with_its_interval() -> None:
    values = RNG.normal(0.02, 0.02, 10)
    found = paired(values.tolist(), train=70, test=15)
    plain = stats.ttest_1samp(values, 0)
    # the plain t statistic shrinks by the square root of 1 + k test/train
    corrected = plain.statistic / np.sqrt(1 + 10 * 15 / 70)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(corrected), 9))
    assert found.p > plain.pvalue
    edge = values - found.low  # the interval's lower end at 0: p is 0.05
    assert paired(edge.tolist(), train=70, test=15).p == pytest.approx(0.05)
    assert str(found) == f"{found.mean:+.3f} (p = {found.p:.3f})"


def test_a_paired_test_finds_few_differences_where_there_are_none() -> None:
    """Two equally good methods, many times over: random splits that share most samples give p < 0.05 rarely."""
    rng = np.random.default_rng(1)
    few = []
    for _ in range(200):
        errors = rng.normal(size=(2, 100)) ** 2
        splits = [rng.permutation(100)[:15] for _ in range(10)]
        differences = [float((errors[0, s] - errors[1, s]).mean()) for s in splits]
        few.append(paired(differences, train=85, test=15).p < 0.05)
    assert np.mean(few) < 0.08
    assert np.mean(few) > 0


def test_undefined_paired_tests() -> None:
    one = paired([0.1], train=70, test=15)
    assert np.isnan(one.p)
    assert str(one) == "+0.100"
    assert paired([0.0, 0.0], train=70, test=15).p == 1.0
    assert paired([0.1, 0.1], train=70, test=15).p == 0.0


def test_a_difference_on_one_test_part_has_a_p_value() -> None:
    groups = np.arange(200).astype(str)
    gain = RNG.normal(0.5, 1, 200)
    found = bootstrap_difference(lambda rows: float(gain[rows].mean()), groups)
    assert found.p < 0.01
    assert found.low > 0
    nothing = gain - gain.mean()
    none = bootstrap_difference(lambda rows: float(nothing[rows].mean()), groups)
    assert none.p > 0.5
    assert none.low < 0 < none.high
