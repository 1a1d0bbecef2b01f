import shutil
from typing import Any

import numpy as np
import pytest

from isoclr.embedding.io import read_embeddings
from isoclr.evaluation import methods
from isoclr.evaluation.cache import Artifact


def test_embeddings_are_named_by_model_rnas_and_precision(world: Any) -> None:
    context = world.context()
    (model,) = context.plan.models
    inputs = {"model": "isoclr-s", "tracks": 6, "pooling": "last"}
    common = {"rnas": context.corpus_identity, "precision": "float32"}
    plain = methods.embeddings(context, model)
    assert plain.inputs == {**inputs, "sha256": context.encoder(model).sha256, **common}
    assert plain.title == "embedding the corpus by small"
    random = methods.untrained(context, model)
    assert random.inputs == {**inputs, "seed": 0}
    assert methods.untrained_embeddings(context, model).inputs == {"untrained": random.key, **common}
    made = Artifact(world.folder, "made", {"seed": 1}, print)
    assert methods.network_embeddings(context, made, "x").inputs == {"network": made.key, **common}
    corpus = Artifact(world.folder, "a corpus", {"seed": 2}, print)
    run = methods.run_embeddings(context, made, corpus)
    assert run.inputs == {"run": made.key, "corpus": corpus.key, "precision": "float32"}


def test_models_and_their_rnas(world: Any) -> None:
    context, model = world.context(), world.folder / "model"
    folder = context.out / "given"
    run = Artifact(folder, "a run", {"run": 1}, lambda path: shutil.copytree(model, path))
    network = Artifact(folder, "networks", {}, lambda path: shutil.copytree(model, path / "encoder"))
    few = methods.corpus_of_transcripts(context, ["T0.1", "T3.2"], "two RNAs")
    expected = read_embeddings(methods.embeddings(context, context.plan.models[0]).path())
    whole = read_embeddings(methods.network_embeddings(context, network, "x").path())
    part = read_embeddings(methods.run_embeddings(context, run, few).path())
    assert whole.table.equals(expected.table)
    assert np.array_equal(whole.matrix, expected.matrix)
    assert part.table["transcript_id"].to_list() == ["T0.1", "T3.2"]
    assert part.matrix == pytest.approx(expected.matrix[[0, 7]], abs=1e-3)
