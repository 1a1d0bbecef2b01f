import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from benchmarks.strong_baselines import FeatureBlocks, fit_predict_kernel

from benchmarks import harness, strong_baselines
from isoclr.corpus.corpus import open_corpus
from isoclr.probing.blocks import fit_predict_blocks
from isoclr.tasks.metrics import pearson

TASK = """name = "gc"
title = "G + C"
[labels]
file = "labels.tsv"
label = "gc"
"""


def test_whole_benchmark(main: Callable[..., None], workbench: Path, tmp_path: Path) -> None:
    shutil.copy(workbench / "labels.tsv", tmp_path)
    (tmp_path / "gc.toml").write_text(TASK)
    words = [workbench / "corpus", "--tasks", tmp_path / "gc.toml", "--data", tmp_path]
    main(strong_baselines, *words, "--list", tmp_path / "ids.txt")
    assert sorted(set((tmp_path / "ids.txt").read_text().split())) == sorted(f"t{i}" for i in range(40))
    words += ["--folder", tmp_path / "kept", "--out", tmp_path / "out.csv"]
    main(strong_baselines, *words, "--models", f"small={workbench / 'e.parquet'}")
    rows = {row["method"]: row for row in harness.read_csv(tmp_path / "out.csv")}
    strongest = strong_baselines.STRONGEST
    assert [*rows] == [
        "k-mers + codons",
        "composition",
        "strong features",
        strongest,
        "small",
        "small given composition",
        f"small + {strongest}",
    ]
    assert {row["n"] for row in rows.values()} == {"40"}
    assert all(float(rows[name]["mean"]) > 0.8 for name in ("composition", strongest, "small"))
    assert float(rows["small given composition"]["mean"]) < float(rows["small"]["mean"]) - 0.1
    (best,) = {row["strongest_simple"] for row in rows.values()}
    simple = [*rows][:4]
    assert best == max(simple, key=lambda name: float(rows[name]["mean"]))
    difference = float(rows["small"]["mean"]) - float(rows[best]["mean"])
    assert float(rows["small"]["difference_mean"]) == pytest.approx(difference, abs=2e-4)


def test_composition_is_that_of_the_auxiliary_loss(workbench: Path) -> None:
    from isoclr.pretraining.augmentations import DeviceCorpus
    from isoclr.pretraining.auxiliary import sequence_features

    corpus = open_corpus(workbench / "corpus")
    codes = strong_baselines.codes_of_corpus(corpus)
    found = strong_baselines.composition(codes, step=7)
    expected = sequence_features(DeviceCorpus(corpus), np.arange(40)).numpy()
    assert found.values == pytest.approx(strong_baselines.standardized(expected), abs=1e-4)
    assert sum(found.widths) == expected.shape[1]


def test_components_explained_by_other_features_are_removed() -> None:
    rng = np.random.default_rng(0)
    known, own = rng.normal(size=(500, 3)), rng.normal(size=(500, 1))
    embedding = np.hstack([known @ rng.normal(size=(3, 2)), own]).astype(np.float32)
    left = strong_baselines.given(FeatureBlocks(embedding, (3,)), FeatureBlocks(known.astype(np.float32), (3,)))
    assert left.values[:, :2].std() < 0.05
    assert np.corrcoef(left.values[:, 2], own[:, 0])[0, 1] > 0.99


def test_components_of_an_embedding_keep_its_distances() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 80)).astype(np.float32)
    found = strong_baselines.components(values)
    assert (found.values.shape[1], found.widths) == (80, (64, 16))
    scaled = (values - values.mean(0)) / values.std(0)
    assert found.values @ found.values.T == pytest.approx(scaled @ scaled.T, abs=1e-2)


def test_a_kernel_sees_what_a_linear_model_cannot() -> None:
    rng, rows = np.random.default_rng(0), np.arange(600)
    features = rng.normal(size=(600, 4))
    values = np.abs(features[:, 0]) + 0.1 * features[:, 1]
    train, test = rows[:400], rows[400:]
    linear = fit_predict_blocks(features, values, train, test)
    kernel = fit_predict_kernel(features, values, rows.astype(str), train, test, (4,))
    assert pearson(values[test], kernel) > 0.8 > pearson(values[test], linear) + 0.3
    values[test] = 1e6  # only the training part is read
    assert fit_predict_kernel(features, values, rows.astype(str), train, test, (4,)) == pytest.approx(kernel)
