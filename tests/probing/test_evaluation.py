import numpy as np
import pytest

from isoclr.probing.evaluation import Method, evaluate
from isoclr.tasks.metrics import QUANTITY, over_folds, paired
from isoclr.tasks.splits import group_folds, random_split

RNG = np.random.default_rng(0)
N = 200
GENES = np.arange(N).astype(str)
GOOD = RNG.normal(size=(N, 3))
VALUES = 50 + 7 * (GOOD.sum(axis=1) + RNG.normal(size=N))
METHODS = [Method("good", GOOD, "linear"), Method("noise", RNG.normal(size=(N, 2)), "ridge")]


def test_folds_give_a_mean_with_an_interval_and_a_paired_lead() -> None:
    done = []
    splits = group_folds(GENES, 4, 0)
    good, noise = evaluate(METHODS, VALUES, GENES, splits, QUANTITY, advance=lambda: done.append(1))
    assert len(done) == 8
    assert good.summary["pearson"] == over_folds([o.metrics["pearson"] for o in good.outcomes])
    assert good.summary["pearson"].low > 0.7
    assert abs(noise.summary["pearson"].mean) < 0.3
    assert good.lead is None
    assert noise.lead is not None
    difference = good.summary["pearson"].mean - noise.summary["pearson"].mean
    assert noise.lead.mean == pytest.approx(difference)
    assert noise.lead.low > 0.3
    assert noise.lead.p < 0.01
    gains = [
        a.metrics["pearson"] - b.metrics["pearson"]
        for a, b in zip(good.outcomes, noise.outcomes, strict=True)
    ]
    assert noise.lead == paired(gains, train=150, test=50)


def test_labels_are_scaled_by_the_training_part() -> None:
    split = random_split(GENES, 0)
    (good,) = evaluate(METHODS[:1], VALUES, GENES, [split], QUANTITY)
    (outcome,) = good.outcomes
    train = VALUES[split.train]
    assert outcome.true == pytest.approx((VALUES[split.test] - train.mean()) / train.std())
    assert outcome.metrics["mse"] == pytest.approx(0.25, abs=0.12)
    assert (outcome.train, len(outcome.test)) == (140, 30)


def test_one_split_gets_a_bootstrap_interval() -> None:
    split = random_split(GENES, 0)
    good, noise = evaluate(METHODS, VALUES, GENES, [split], QUANTITY)
    interval = good.summary["pearson"]
    assert interval.low < interval.mean < interval.high
    assert interval.mean == good.outcomes[0].metrics["pearson"]
    assert noise.lead is not None
    assert noise.lead.low < noise.lead.mean < noise.lead.high


def test_overlapping_splits_get_a_wider_interval_than_folds() -> None:
    splits = [random_split(GENES, seed) for seed in range(4)]
    (good,) = evaluate(METHODS[:1], VALUES, GENES, splits, QUANTITY)
    plain = over_folds([o.metrics["pearson"] for o in good.outcomes])
    found = good.summary["pearson"]
    assert found.high - found.low == pytest.approx(
        (plain.high - plain.low) * np.sqrt(1 + 4 * 30 / 140)
    )


def test_the_bootstrap_of_one_split_draws_whole_groups() -> None:
    values, genes = np.repeat(VALUES, 5), np.repeat(GENES, 5)
    copies = [Method(m.name, np.repeat(m.features, 5, axis=0), "linear") for m in METHODS]
    split = random_split(genes, 0)

    def widths(groups: np.ndarray) -> list[float]:
        good, noise = evaluate(copies, values, groups, [split], {"pearson": QUANTITY["pearson"]})
        assert noise.lead is not None
        intervals = (good.summary["pearson"], noise.lead)
        return [interval.high - interval.low for interval in intervals]

    rows = np.arange(len(values)).astype(str)
    for by_gene, by_row in zip(widths(genes), widths(rows), strict=True):
        assert by_gene > 1.5 * by_row
