import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from isoclr.probing.multilabel import evaluate_classes
from isoclr.tasks.splits import group_folds, random_split

RNG = np.random.default_rng(0)
N = 300
GOOD = RNG.normal(size=(N, 6))
LABELS = np.stack(
    [GOOD[:, 0] > 0, GOOD[:, 1] + RNG.normal(size=N) > 1, RNG.random(N) < 0.4], axis=1
)
NOISE = RNG.normal(size=(N, 3))
GENES = np.arange(N).astype(str)
METHODS = [("good", GOOD), ("noise", NOISE)]


def test_every_class_is_probed_and_compared() -> None:
    done = []
    splits = group_folds(GENES, 4, 0)
    good, noise = evaluate_classes(METHODS, LABELS, GENES, splits, lambda: done.append(1))
    assert len(done) == 8
    first, second, chance = good.by_class["roc_auc"]
    assert first.mean > 0.97
    assert 0.7 < second.mean < 0.95
    assert 0.35 < chance.mean < 0.65
    means = [one.mean for one in (first, second, chance)]
    assert good.summary["roc_auc"].mean == pytest.approx(np.mean(means))
    assert good.lead is None
    assert noise.lead is not None
    gain = good.summary["roc_auc"].mean - noise.summary["roc_auc"].mean
    assert noise.lead.mean == pytest.approx(gain)
    assert noise.lead.p < 0.05
    assert (good.name, good.dim, noise.dim) == ("good", 6, 3)


def test_the_metrics_are_scikit_learns() -> None:
    (good,) = evaluate_classes(METHODS[:1], LABELS, GENES, group_folds(GENES, 3, 0))
    one = good.predictions[1]
    chances = 1 / (1 + np.exp(-one.log_odds))
    for c in range(3):
        true = LABELS[one.test, c]
        assert one.metrics["roc_auc"][c] == pytest.approx(roc_auc_score(true, chances[:, c]))
        assert one.metrics["cross_entropy"][c] == pytest.approx(log_loss(true, chances[:, c]))


def test_a_hopeless_class_gets_the_strongest_penalty_and_says_its_share() -> None:
    rng = np.random.default_rng(3)
    labels = rng.random((N, 1)) < 0.3
    (report,) = evaluate_classes(
        [("noise", rng.normal(size=(N, 40)))], labels, GENES, group_folds(GENES, 3, 0)
    )
    entropy = report.summary["cross_entropy"].mean
    assert entropy == pytest.approx(-(0.3 * np.log(0.3) + 0.7 * np.log(0.7)), abs=0.05)
    assert min(one.penalties[0] for one in report.predictions) >= 100


def test_the_penalty_is_chosen_by_whole_groups() -> None:
    # five copies of each of 40 genes with labels of their own at random: copies vouch for a weak penalty, genes do not
    rng = np.random.default_rng(4)
    genes = np.repeat(np.arange(40), 5)
    x, labels = rng.normal(size=(40, 30))[genes], (rng.random((40, 1)) < 0.5)[genes]
    folds = group_folds(genes.astype(str), 2, 0)
    (by_gene,) = evaluate_classes([("x", x)], labels, genes.astype(str), folds)
    (by_copy,) = evaluate_classes([("x", x)], labels, np.arange(200).astype(str), folds)
    for a, b in zip(by_gene.predictions, by_copy.predictions, strict=True):
        assert a.penalties[0] > b.penalties[0]


def test_one_split_gets_bootstrap_intervals() -> None:
    split = random_split(GENES, 0)
    good, noise = evaluate_classes(METHODS, LABELS, GENES, [split])
    for metric in ("roc_auc", "cross_entropy"):
        interval = good.summary[metric]
        assert interval.low < interval.mean < interval.high
    assert noise.lead is not None
    assert noise.lead.low > 0
    assert noise.lead.p < 0.05


def test_a_class_that_a_test_part_has_not_is_left_out_of_the_mean() -> None:
    labels = LABELS.copy()
    split = random_split(GENES, 0)
    labels[split.test, 2] = False
    (good,) = evaluate_classes(METHODS[:1], labels, GENES, [split])
    known = good.predictions[0].metrics["roc_auc"]
    assert np.isnan(known[2])
    assert good.summary["roc_auc"].mean == pytest.approx(known[:2].mean())
