from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from isoclr.corpus.corpus import Corpus
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import read_embeddings
from isoclr.models.encoder import create
from isoclr.probing.evaluate import FeatureSet, baselines_for, evaluate
from isoclr.tasks.dataset import LabelledRnas, LabelSpec, label_rnas
from isoclr.tasks.labels import read_labels
from isoclr.tasks.metrics import QUANTITY, cross_entropy, over_folds, paired, roc_auc
from isoclr.tasks.rnas import rnas_of_embeddings
from isoclr.tasks.splits import SplitConfig, group_folds, random_split

pytestmark = pytest.mark.usefixtures("narrow")


def with_sequences(labels: Path, embeddings: Embeddings, corpus: Corpus) -> LabelledRnas:
    table = read_labels(labels)
    source = rnas_of_embeddings(embeddings, corpus)
    spec = LabelSpec(table, table.name)
    return label_rnas([spec], [source], SplitConfig(), need_sequences=True)


def test_all_methods_see_the_same_rnas_in_the_same_order(
    embeddings_probing: Path, labels_probing: Callable[..., Path], corpus_probing: Corpus
) -> None:
    read = read_embeddings(embeddings_probing)
    study = with_sequences(labels_probing(), read, corpus_probing)
    found = {method.name: method for method in baselines_for(study, read, "linear", seed=3)}
    assert list(found) == [
        "random-init encoder",
        "k-mers + codons",
        "length alone",
        "sequence features",
        "k-mers + features",
        "embedding + k-mers",
        "embedding + k-mers + features",
        "strong features",
        "embedding + strong features",
    ]
    probes = [method.probe for method in found.values()]
    assert probes == ["linear"] + ["ridge"] * 6 + ["grouped"] * 2
    embedding = read.matrix[study.rows]
    assert found["length alone"].features[:, 0] == pytest.approx(np.log2([len(codes) for codes in study.sequences]))
    alone = create("isoclr-s", seed=3).embed_codes(study.sequences[5:6])
    assert found["random-init encoder"].features[5] == pytest.approx(alone[0], rel=1e-5, abs=1e-5)
    both = found["embedding + k-mers"].features
    assert (both[:, :4] == embedding).all()
    assert (both[:, 4:] == found["k-mers + codons"].features).all()
    simple = found["k-mers + features"].features
    assert (simple[:, -16:] == found["sequence features"].features).all()
    assert (found["embedding + k-mers + features"].features[:, 4:] == simple).all()
    strong = found["strong features"]
    assert strong.features.shape[1] == sum(strong.blocks)
    assert (found["embedding + strong features"].features[:, 4:] == strong.features).all()


def test_trees_read_the_same_features_when_asked_for(
    embeddings_probing: Path, labels_probing: Callable[..., Path], corpus_probing: Corpus
) -> None:
    read = read_embeddings(embeddings_probing)
    study = with_sequences(labels_probing(), read, corpus_probing)
    *others, small, large = baselines_for(study, read, "logistic", seed=0, trees=True)
    assert {method.probe for method in others} == {"logistic"}
    assert (small.name, small.probe) == ("trees on features", "trees")
    assert (large.name, large.probe) == ("trees on k-mers + features", "trees")
    named = {method.name: method.features for method in others}
    assert (small.features == named["sequence features"]).all()
    assert (large.features == named["k-mers + features"]).all()


def test_an_embedding_made_elsewhere_has_no_untrained_encoder(
    embeddings_probing: Path, labels_probing: Callable[..., Path], corpus_probing: Corpus
) -> None:
    content = read_embeddings(embeddings_probing)
    read = Embeddings(content.table, content.matrix, {**content.meta, "model": "orthrus"})
    study = with_sequences(labels_probing(), read, corpus_probing)
    names = [method.name for method in baselines_for(study, read, "ridge", seed=0)]
    assert names[0] == "k-mers + codons"
    assert "random-init encoder" not in names


RNG = np.random.default_rng(0)
N = 200
GENES = np.arange(N).astype(str)
GOOD = RNG.normal(size=(N, 3))
VALUES = 50 + 7 * (GOOD.sum(axis=1) + RNG.normal(size=N))
METHODS = [FeatureSet("good", GOOD, "linear"), FeatureSet("noise", RNG.normal(size=(N, 2)), "ridge")]


def test_folds_give_a_mean_with_an_interval_and_a_paired_lead() -> None:
    done = []
    splits = group_folds(GENES, 4, 0)
    good, noise = evaluate(METHODS, VALUES, GENES, splits, QUANTITY, advance=lambda: done.append(1))
    assert len(done) == 8
    assert good.summary["pearson"] == over_folds([o.metrics["pearson"] for o in good.results])
    assert good.summary["pearson"].low > 0.7
    assert abs(noise.summary["pearson"].mean) < 0.3
    assert good.difference is None
    assert noise.difference is not None
    difference = good.summary["pearson"].mean - noise.summary["pearson"].mean
    assert noise.difference.mean == pytest.approx(difference)
    assert noise.difference.low > 0.3
    assert noise.difference.p < 0.01
    gains = [a.metrics["pearson"] - b.metrics["pearson"] for a, b in zip(good.results, noise.results, strict=True)]
    assert noise.difference == paired(gains, train=150, test=50)


def test_one_split_gets_a_bootstrap_interval_and_labels_are_scaled_by_its_training_part() -> None:
    split = random_split(GENES, 0)
    good, noise = evaluate(METHODS, VALUES, GENES, [split], {name: QUANTITY[name] for name in ("pearson", "mse")})
    (outcome,) = good.results
    train = VALUES[split.train]
    assert outcome.true == pytest.approx((VALUES[split.test] - train.mean()) / train.std())
    assert outcome.metrics["mse"] == pytest.approx(0.25, abs=0.12)
    assert (outcome.train, len(outcome.test)) == (140, 30)
    interval = good.summary["pearson"]
    assert interval.low < interval.mean < interval.high
    assert interval.mean == outcome.metrics["pearson"]
    assert noise.difference is not None
    assert noise.difference.low < noise.difference.mean < noise.difference.high


def test_overlapping_splits_get_a_wider_interval_than_folds() -> None:
    splits = [random_split(GENES, seed) for seed in range(4)]
    (good,) = evaluate(METHODS[:1], VALUES, GENES, splits, QUANTITY)
    plain = over_folds([o.metrics["pearson"] for o in good.results])
    found = good.summary["pearson"]
    assert found.high - found.low == pytest.approx((plain.high - plain.low) * np.sqrt(1 + 4 * 30 / 140))


def test_the_bootstrap_of_one_split_draws_whole_groups() -> None:
    values, genes = np.repeat(VALUES, 4), np.repeat(GENES, 4)
    copies = [FeatureSet(m.name, np.repeat(m.features, 4, axis=0), "linear") for m in METHODS]
    split = random_split(genes, 0)

    def widths(groups: np.ndarray) -> list[float]:
        good, noise = evaluate(copies, values, groups, [split], {"pearson": QUANTITY["pearson"]})
        assert noise.difference is not None
        intervals = (good.summary["pearson"], noise.difference)
        return [interval.high - interval.low for interval in intervals]

    rows = np.arange(len(values)).astype(str)
    for by_gene, by_row in zip(widths(genes), widths(rows), strict=True):
        assert by_gene > 1.5 * by_row


N_MULTILABEL = 300
GOOD_MULTILABEL = RNG.normal(size=(N_MULTILABEL, 6))
LABELS = np.stack(
    [
        GOOD_MULTILABEL[:, 0] > 0,
        GOOD_MULTILABEL[:, 1] + RNG.normal(size=N_MULTILABEL) > 1,
        RNG.random(N_MULTILABEL) < 0.4,
    ],
    axis=1,
)
NOISE = RNG.normal(size=(N_MULTILABEL, 3))
METHODS_MULTILABEL = [FeatureSet("good", GOOD_MULTILABEL, "logistic"), FeatureSet("noise", NOISE, "logistic")]


def test_every_class_is_probed_and_compared() -> None:
    done = []
    splits = group_folds(GENES, 4, 0)
    good, noise = evaluate(METHODS_MULTILABEL, LABELS, GENES, splits, advance=lambda: done.append(1))
    assert len(done) == 8
    first, second, chance = good.by_class["roc_auc"]
    assert first.mean > 0.97
    assert 0.7 < second.mean < 0.95
    assert 0.35 < chance.mean < 0.65
    means = [one.mean for one in (first, second, chance)]
    assert good.summary["roc_auc"].mean == pytest.approx(np.mean(means))
    assert good.difference is None
    assert noise.difference is not None
    gain = good.summary["roc_auc"].mean - noise.summary["roc_auc"].mean
    assert noise.difference.mean == pytest.approx(gain)
    assert noise.difference.p < 0.05
    assert (good.name, good.dim, noise.dim) == ("good", 6, 3)


def test_features_of_other_samples_than_the_targets_are_refused() -> None:
    with pytest.raises(ValueError, match="good: features of 300 samples, targets of 299"):
        evaluate(METHODS_MULTILABEL, LABELS[1:], GENES, group_folds(GENES, 3, 0))


def test_the_metrics_are_scikit_learns() -> None:
    (good,) = evaluate(METHODS_MULTILABEL[:1], LABELS, GENES, group_folds(GENES, 3, 0))
    one = good.results[1]
    chances = 1 / (1 + np.exp(-one.predicted))
    for c in range(3):
        true = LABELS[one.test, c]
        assert roc_auc(one.true[:, c], one.predicted[:, c]) == pytest.approx(roc_auc_score(true, chances[:, c]))
        assert cross_entropy(one.true[:, c], one.predicted[:, c]) == pytest.approx(log_loss(true, chances[:, c]))


def test_a_hopeless_class_gets_the_strongest_penalty_and_says_its_share() -> None:
    rng = np.random.default_rng(3)
    labels = rng.random((N_MULTILABEL, 1)) < 0.3
    (report,) = evaluate(
        [FeatureSet("noise", rng.normal(size=(N_MULTILABEL, 40)), "logistic")], labels, GENES, group_folds(GENES, 3, 0)
    )
    entropy = report.summary["cross_entropy"].mean
    assert entropy == pytest.approx(-(0.3 * np.log(0.3) + 0.7 * np.log(0.7)), abs=0.05)
    assert min(one.penalties[0] for one in report.results) >= 100


def test_the_penalty_is_chosen_by_whole_groups() -> None:
    # five copies of each of 40 genes with labels of their own at random: copies vouch for a weak penalty, genes do not
    rng = np.random.default_rng(4)
    genes = np.repeat(np.arange(40), 5)
    x, labels = rng.normal(size=(40, 30))[genes], (rng.random((40, 1)) < 0.5)[genes]
    folds = group_folds(genes.astype(str), 2, 0)
    (by_gene,) = evaluate([FeatureSet("x", x, "logistic")], labels, genes.astype(str), folds)
    (by_copy,) = evaluate([FeatureSet("x", x, "logistic")], labels, np.arange(200).astype(str), folds)
    for a, b in zip(by_gene.results, by_copy.results, strict=True):
        assert a.penalties[0] > b.penalties[0]


def test_one_split_gets_bootstrap_intervals_and_a_class_that_its_test_part_has_not_is_left_out_of_the_mean() -> None:
    labels = LABELS.copy()
    split = random_split(GENES, 0)
    labels[split.test, 2] = False
    good, noise = evaluate(METHODS_MULTILABEL, labels, GENES, [split])
    for metric in ("roc_auc", "cross_entropy"):
        interval = good.summary[metric]
        assert interval.low < interval.mean < interval.high
    assert noise.difference is not None
    assert noise.difference.low > 0
    assert noise.difference.p < 0.05
    by_class = [one.mean for one in good.by_class["roc_auc"]]
    assert np.isnan(by_class[2])
    assert good.summary["roc_auc"].mean == pytest.approx(np.mean(by_class[:2]))
