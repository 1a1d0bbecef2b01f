"""What ships: the weights and heads inside the package, as a user finds them."""

import json
from pathlib import Path

import numpy as np
import pytest

import isoclr
from isoclr._io import sha256
from isoclr.models.load import PRETRAINED_DIR, bundled_models
from isoclr.models.pooling import Pooling
from isoclr.probing.head import read_metadata
from isoclr.probing.resolve import shipped_heads

MOST = 4_000_000
"""Bytes of a model's weights."""


def rna(seed: int, length: int = 900) -> str:
    letters = np.random.default_rng(seed).choice(list("ACGU"), length)
    return "AUG" + "".join(letters)


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    path = tmp_path / "rnas.fa"
    path.write_text("".join(f">t{i}\n{rna(i)}\n" for i in range(4)))
    return path


def test_bundled_weights_are_small_and_intact() -> None:
    names = [path.name for path in bundled_models()]
    assert {"isoclr-s.v1", "isoclr-s.v2"} <= set(names)
    for directory in bundled_models():
        weights = directory / "model.safetensors"
        assert weights.stat().st_size <= MOST
        config = json.loads((directory / "config.json").read_text())
        assert config["sha256"] == sha256(weights)


@pytest.mark.parametrize(("name", "pooling", "dim"), [("isoclr-s", "all-std-sqrt", 2304), ("isoclr-s.v1", "all", 1152)])
def test_bundled_model_opens_by_name(name: str, pooling: Pooling, dim: int) -> None:
    model = isoclr.load(name)
    assert (model.name, model.tracks, model.num_parameters) == ("isoclr-s", 6, 787_264)
    assert model.network.architecture.pooling == pooling
    untrained = isoclr.create("isoclr-s", seed=0, pooling=pooling)
    assert model.dim == untrained.dim == dim
    running = model.network.state_dict()["blocks.0.norm1.running_mean"]
    assert float(running.abs().max()) > 0
    found = model.embed([rna(1), rna(2)])
    assert np.isfinite(found).all()
    assert float(np.abs(found[0] - found[1]).max()) > 0


def test_attributions_add_up(tmp_path: Path) -> None:
    corpus = isoclr.build(isoclr.datasets.example().inputs, out=tmp_path / "corpus")
    head = isoclr.load_head(PRETRAINED_DIR / "isoclr-s.v2" / "heads" / "half-life-human")
    result = isoclr.load("isoclr-s").attribution(corpus.codes_of(corpus.find("NM_003745")), head)
    assert abs(result.residual) < 0.05 * abs(result.prediction - result.baseline)


@pytest.mark.parametrize("species", ["human", "mouse"])
def test_its_heads_are_its_own_and_predict(fasta: Path, tmp_path: Path, species: str) -> None:
    out = tmp_path / "half_life.tsv"
    isoclr.predict((fasta,), task="half-life", species=species, out=out)
    header, *rows = [line.split("\t") for line in out.read_text().splitlines()]
    assert len(rows) == 4
    table = [dict(zip(header, row, strict=True)) for row in rows]
    for row in table:
        value, low, high = (float(row[name]) for name in ("value", "lower", "upper"))
        assert low < value < high


def test_bare_rnas_are_read_less_well_than_the_training_rnas(fasta: Path, capsys: pytest.CaptureFixture[str]) -> None:
    isoclr.predict((fasta,), task="half-life", species="human")
    said = " ".join(capsys.readouterr().err.split())
    assert "0% of the RNAs have an annotated coding sequence, but 92% of the training RNAs of head 'half-life'" in said
    assert "less accurate" in said


def test_the_heads_say_how_well_they_did_on_held_out_folds() -> None:
    shas = {json.loads((path / "config.json").read_text())["sha256"] for path in bundled_models()}
    assert {path.name for path in shipped_heads()} >= {"half-life-human", "half-life-mouse"}
    for directory in shipped_heads():
        facts = read_metadata(directory)
        assert facts["model"]["sha256"] in shas
        for target in facts["targets"]:
            metric, least = ("pearson", 0.4) if target["kind"] == "quantity" else ("roc_auc", 0.7)
            assert target["held_out"]["metrics"][metric]["low"] > least


def test_bundled_files_name_no_path_of_a_machine() -> None:
    for path in PRETRAINED_DIR.rglob("*.json"):
        text = path.read_text()
        assert "/home" not in text
        assert "/tmp" not in text
