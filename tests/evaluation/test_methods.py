"""Stored results are found by what products are made from: these facts stay as they are."""

import shutil
from typing import Any

import numpy as np
import pytest

from isoclr.embedding.io import read_embeddings
from isoclr.evaluation import methods as products
from isoclr.evaluation.cache import Artifact


def test_embeddings_are_named_by_model_rnas_and_precision(world: Any) -> None:
    bench = world.bench()
    (model,) = bench.plan.models
    facts = {"model": "isoclr-s", "tracks": 6, "pooling": "last"}
    common = {"rnas": bench.identity, "precision": "float32"}
    plain = products.embeddings(bench, model)
    assert plain.inputs == {**facts, "sha256": bench.encoder(model).sha256, **common}
    assert plain.title == "embedding the corpus by small"
    random = products.untrained(bench, model)
    assert random.inputs == {**facts, "seed": 0}
    assert products.untrained_embeddings(bench, model).inputs == {"untrained": random.key, **common}
    made = Artifact(world.folder, "made", {"seed": 1}, print)
    assert products.tuned_embeddings(bench, made, "x").inputs == {"tuned": made.key, **common}
    corpus = Artifact(world.folder, "a corpus", {"seed": 2}, print)
    run = products.run_embeddings(bench, made, corpus)
    assert run.inputs == {"run": made.key, "corpus": corpus.key, "precision": "float32"}


def test_which_model_embeds_which_rnas(world: Any) -> None:
    bench, model = world.bench(), world.folder / "model"
    folder = bench.out / "given"
    run = Artifact(folder, "a run", {"run": 1}, lambda path: shutil.copytree(model, path))
    tuned = Artifact(folder, "tuned", {}, lambda path: shutil.copytree(model, path / "encoder"))
    few = products.named_corpus(bench, ["T0.1", "T3.2"], "two RNAs")
    wanted = read_embeddings(products.embeddings(bench, bench.plan.models[0]).path())
    whole = read_embeddings(products.tuned_embeddings(bench, tuned, "x").path())
    part = read_embeddings(products.run_embeddings(bench, run, few).path())
    assert whole.table.equals(wanted.table)
    assert np.array_equal(whole.matrix, wanted.matrix)
    assert part.table["transcript_id"].to_list() == ["T0.1", "T3.2"]
    assert part.matrix == pytest.approx(wanted.matrix[[0, 7]], abs=1e-3)
