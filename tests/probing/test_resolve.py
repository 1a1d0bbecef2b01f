import json
from pathlib import Path

import pytest

import isoclr
from isoclr.errors import InputError
from isoclr.models import load as loading
from isoclr.probing.resolve import encoder_of, find_head, resolve_head, shipped_heads


def test_a_users_head_and_the_model_given_for_it(workbench: Path) -> None:
    head, model = resolve_head(workbench / "head", None, "", "mine")
    assert (head.name, model) == ("gc", "mine")
    assert encoder_of(head, str(workbench / "model")).sha256 == head.model["sha256"]
    with pytest.raises(InputError, match=r"head 'gc' needs weights .*give it with"):
        encoder_of(head, None)


def test_a_shipped_head_brings_its_model(shipped: Path) -> None:
    head, model = resolve_head(None, "gc", "human", "isoclr-s")
    assert model is None  # it said whose head to take
    assert encoder_of(head, model).sha256 == loading.load(shipped / "isoclr-s.v1").sha256
    with pytest.raises(InputError, match="--task gc --species human: no built-in head of isoclr-m"):
        resolve_head(None, "gc", "human", "isoclr-m")


def test_bad_requests(workbench: Path, tmp_path: Path) -> None:
    for head, task in ((None, None), (workbench / "head", "gc")):
        with pytest.raises(InputError, match="expected --head, or --task with --species"):
            resolve_head(head, task, "human", None)
    isoclr.create("isoclr-s", seed=1).save(tmp_path / "other")
    chosen, _ = resolve_head(workbench / "head", None, "", None)
    with pytest.raises(InputError, match=r"other: weights \w{12}, embeddings of 256; head 'gc'"):
        encoder_of(chosen, str(tmp_path / "other"))


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(loading, "PRETRAINED_DIR", tmp_path / "weights")
    return tmp_path / "weights"


def ship(bundled: Path, model: str, sha256: str, **heads: float) -> None:
    (bundled / model).mkdir(parents=True)
    (bundled / model / "config.json").write_text(json.dumps({"sha256": sha256}))
    for name, r in heads.items():
        folder = bundled / model / "heads" / name.replace("_", "-")
        folder.mkdir(parents=True)
        target: dict[str, object] = {"name": "x", "kind": "quantity", "lengths": [1, 9], "penalty": 1.0}
        target |= {"held_out": {"metrics": {"pearson": {"mean": r}, "rmse": {"mean": 9.0}}}}
        facts = {
            "format": "isoclr-head",
            "schema": 1,
            "name": "half-life",
            "sha256": "0",
            "model": {"model": model, "sha256": sha256},
            "species": ["human"],
            "rnas": "coding",
            "coverage": 0.9,
            "targets": [target],
        }
        (folder / "head.json").write_text(json.dumps(facts))


def test_models_by_name_and_newest_version_first(bundled: Path) -> None:
    for version in (2, 10, 1):
        ship(bundled, f"isoclr-s.v{version}", str(version))
    ship(bundled, "isoclr-m.v1", "m")
    (bundled / "README.md").touch()
    found = [path.name for path in loading.bundled_models()]
    assert found == ["isoclr-m.v1", "isoclr-s.v10", "isoclr-s.v2", "isoclr-s.v1"]
    assert loading.bundled_model("2") == bundled / "isoclr-s.v2"
    assert loading.bundled_model("none") is None


def test_the_newest_head_of_the_best_model_is_taken_unless_one_is_named(bundled: Path) -> None:
    ship(bundled, "isoclr-s.v1", "1", half_life_human=0.7, half_life_mouse=0.4)
    ship(bundled, "isoclr-s.v2", "2", half_life_human=0.6)
    ship(bundled, "isoclr-m.v1", "m", half_life_human=0.55)
    assert len(shipped_heads()) == 4
    heads = {
        model: find_head("half-life", "human", model).parent.parent.name
        for model in (None, "isoclr-m", "isoclr-s", "isoclr-s.v1")
    }
    assert heads == {
        None: "isoclr-s.v2",
        "isoclr-m": "isoclr-m.v1",
        "isoclr-s": "isoclr-s.v2",
        "isoclr-s.v1": "isoclr-s.v1",
    }
    assert find_head("half-life", "mouse").name == "half-life-mouse"
    assert find_head("half-life", "Mus musculus").name == "half-life-mouse"


def test_available_heads_are_listed(bundled: Path) -> None:
    with pytest.raises(InputError, match="no built-in head; make one with `isoclr fit`"):
        find_head("half-life", "human")
    ship(bundled, "isoclr-s.v1", "1", half_life_human=0.5, te_mouse=0.4)
    known = "--task half-life --species human, --task te --species mouse"
    with pytest.raises(InputError, match=f"--task mood --species human: .* there are {known}"):
        find_head("mood", "human")
    with pytest.raises(InputError, match=r"--task half-life: needs --species, which is human$"):
        find_head("half-life", "")
    with pytest.raises(InputError, match="no built-in head of isoclr-l"):
        find_head("half-life", "human", "isoclr-l")
