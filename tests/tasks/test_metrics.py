import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from isoclr.tasks.metrics import bootstrap, mse, over_folds, over_seeds, pearson, roc_auc, spearman

RNG = np.random.default_rng(0)
TRUE = RNG.normal(size=200).round(1)  # with ties
PREDICTED = (TRUE + RNG.normal(size=200)).round(1)


def test_they_are_what_scipy_and_scikit_learn_say() -> None:
    assert pearson(TRUE, PREDICTED) == pytest.approx(stats.pearsonr(TRUE, PREDICTED).statistic)
    assert spearman(TRUE, PREDICTED) == pytest.approx(stats.spearmanr(TRUE, PREDICTED).statistic)
    assert mse(TRUE, PREDICTED) == pytest.approx(np.mean((TRUE - PREDICTED) ** 2))
    positive = (TRUE > 0.3).astype(float)
    assert roc_auc(positive, PREDICTED) == pytest.approx(roc_auc_score(positive, PREDICTED))


def test_what_cannot_be_known() -> None:
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
    copies = np.repeat(TRUE, 10), np.repeat(PREDICTED, 10)
    genes = np.repeat(np.arange(200).astype(str), 10)

    def statistic(rows: np.ndarray) -> float:
        return pearson(copies[0][rows], copies[1][rows])

    by_gene = bootstrap(statistic, genes, resamples=300)
    by_row = bootstrap(statistic, np.arange(2000).astype(str), resamples=300)
    assert by_gene.high - by_gene.low > 2 * (by_row.high - by_row.low)
