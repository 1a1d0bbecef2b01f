import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save
from tests.probing.conftest import Heads

import isoclr
from isoclr._io import sha256
from isoclr.embedding.embeddings import Embeddings
from isoclr.errors import InputError
from isoclr.probing.fit import fit
from isoclr.probing.head import Head, load_head, save_head


@pytest.fixture
def head(heads: Heads) -> Head:
    return heads.one


@pytest.fixture
def two(heads: Heads) -> Head:
    return heads.two


@pytest.fixture
def made(heads: Heads, tmp_path: Path) -> Path:
    """A copy of the head of two labels."""
    return Path(shutil.copytree(heads.folder / "two", tmp_path / "head"))


def test_a_quantity_has_an_interval_around_it(head: Head, world: Embeddings) -> None:
    found = head.predict(world.matrix)
    assert found.value.shape == found.lower.shape == found.upper.shape == (120,)
    assert (found.lower <= found.value).all()
    assert (found.value <= found.upper).all()
    wider = head.predict(world.matrix, coverage=0.95)
    assert (wider.upper - wider.lower).mean() > (found.upper - found.lower).mean()
    assert np.array_equal(found.lower, head.predict(world.matrix, coverage=0.9).lower)


def test_a_class_has_a_probability(two: Head, world: Embeddings) -> None:
    found = two.predict(world.matrix, target="stable")
    assert ((found.value > 0.5) == (world.matrix[:, 0] > 0)).mean() > 0.9
    assert ((found.value >= 0) & (found.value <= 1)).all()
    assert np.isnan(found.lower).all()
    assert np.isnan(found.upper).all()


def test_rnas_unlike_the_training_rnas_extrapolate(head: Head, world: Embeddings) -> None:
    few = world.matrix[:6].copy()
    few[0] += 1000
    lengths = np.array([600, 499, 1201, 600, 600, 600])  # training RNAs: 500 to 1,200 nt
    coding = np.array([True, True, True, False, True, True])
    assert head.predict(few).extrapolating.tolist() == [True] + [False] * 5
    found = head.predict(few, lengths=lengths, coding=coding).extrapolating
    assert found.tolist() == [True, True, True, True, False, False]
    assert head.predict(few, lengths=np.full(6, 500)).extrapolating.sum() == 1


def test_a_head_of_all_rnas_asks_for_no_coding_sequence(two: Head, world: Embeddings) -> None:
    found = two.predict(world.matrix, target="stable", coding=np.zeros(120, np.bool_))
    assert not found.extrapolating.any()


def test_bad_requests_end_in_one_line(head: Head, two: Head, world: Embeddings) -> None:
    with pytest.raises(InputError, match=r"\(3, 5\): head 'half_life' expects \(n, 6\)"):
        head.predict(np.zeros((3, 5)))
    with pytest.raises(InputError, match="embedding 2 is not finite"):
        head.predict(np.array([[0.0] * 6, [np.nan] * 6]))
    with pytest.raises(InputError, match=r"coverage 1: expected more than 0 and at most 0\.9917"):
        head.predict(world.matrix, coverage=1.0)
    with pytest.raises(InputError, match="predicts half_life, stable; choose one of them"):
        two.predict(world.matrix)
    with pytest.raises(InputError, match="label 'x': head 'half_life' predicts half_life"):
        head.predict(world.matrix, target="x")


def test_it_says_what_it_is(head: Head) -> None:
    assert repr(head) == "Head('half_life': half_life; species human, isoclr-s)"
    assert head.dim == 6


def test_a_head_of_annotated_rnas_asks_for_an_annotated_coding_sequence(head: Head, world: Embeddings) -> None:
    annotated = np.arange(120) % 2 == 0
    coding = np.ones(120, np.bool_)
    ours = replace(head, rnas="annotated")
    found = ours.predict(world.matrix, coding=coding, annotated=annotated).extrapolating
    assert found[~annotated].all()
    assert not found[annotated].any()
    assert not head.predict(world.matrix, coding=coding, annotated=annotated).extrapolating.any()


def test_a_head_read_back_predicts_the_same_bits(heads: Heads) -> None:
    new = np.random.default_rng(5).normal(size=(50, 6)).astype(np.float32) * 2
    for fitted, name in ((heads.one, "one"), (heads.two, "two")):
        again = isoclr.load_head(heads.folder / name)
        assert [target.name for target in again.targets] == [target.name for target in fitted.targets]
        for target in fitted.targets:
            for coverage in (0.5, 0.9):
                ours = fitted.predict(new, target=target.name, coverage=coverage)
                theirs = again.predict(new, target=target.name, coverage=coverage)
                for field in ("value", "lower", "upper", "extrapolating"):
                    assert np.array_equal(getattr(ours, field), getattr(theirs, field), equal_nan=True)
    alone, of_two = heads.one.predict(new), heads.two.predict(new, target="half_life")
    assert np.array_equal(alone.lower, of_two.lower)


def test_a_label_can_be_named_like_a_part_of_another(two: Head, world: Embeddings, tmp_path: Path) -> None:
    one, other = two.targets
    own = replace(other.detector, rest=other.detector.rest + 1)
    targets = [
        replace(one, name="X", metadata=one.metadata | {"name": "X"}),
        replace(other, name="X/Y", detector=own, metadata=other.metadata | {"name": "X/Y"}),
    ]
    metadata = two.metadata | {"targets": [target.metadata for target in targets]}
    save_head(Head.from_metadata(metadata, targets), tmp_path / "head")
    found = load_head(tmp_path / "head")
    for name, target in (("X", "half_life"), ("X/Y", "stable")):
        ours, theirs = found.predict(world.matrix, target=name), two.predict(world.matrix, target=target)
        assert np.array_equal(ours.value, theirs.value)


def test_the_same_input_gives_the_same_bytes(heads: Heads, world: Embeddings, tmp_path: Path) -> None:
    given: Any = world
    fit(given, heads.folder / "labels.tsv", out=tmp_path / "again", label=("half_life", "stable"), folds=3)
    for name in ("head.json", "head.safetensors"):
        assert sha256(heads.folder / "two" / name) == sha256(tmp_path / "again" / name)


def test_a_head_that_was_read_can_be_saved(made: Path, tmp_path: Path) -> None:
    save_head(load_head(made), tmp_path / "copy")
    assert (tmp_path / "copy/head.json").read_bytes() == (made / "head.json").read_bytes()
    with pytest.raises(InputError, match="copy: exists already"):
        save_head(load_head(made), tmp_path / "copy")
    save_head(load_head(made), tmp_path / "copy", overwrite=True)


def test_labels_of_the_same_rnas_share_a_detector(heads: Heads) -> None:
    stored = load((heads.folder / "two/head.safetensors").read_bytes())
    assert [name for name in stored if name.endswith("/axes")] == ["half_life/axes"]


def edit(made: Path, **changes: Any) -> None:
    facts = json.loads((made / "head.json").read_text()) | changes
    (made / "head.json").write_text(json.dumps(facts))


def test_damage_is_reported_in_one_line(made: Path, tmp_path: Path) -> None:
    numbers = made / "head.safetensors"
    whole = numbers.read_bytes()
    numbers.write_bytes(whole[:-9] + b"\x00" + whole[-8:])
    with pytest.raises(InputError, match=r"head\.safetensors: SHA-256 differs"):
        load_head(made)
    numbers.write_bytes(b"half of it")
    with pytest.raises(InputError, match=r"head\.safetensors: not a safetensors file"):
        load_head(made)
    numbers.unlink()
    with pytest.raises(InputError, match=r"head\.safetensors: not found, expected a head"):
        load_head(made)
    with pytest.raises(InputError, match=r"nowhere/head\.json: not found, expected a head"):
        load_head(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "isoclr-model"}, r"head\.json: format: "),
        ({"schema": 2}, r"head\.json: schema: .*2"),
        ({"targets": None}, r"head\.json: targets: "),
        ({"targets": []}, r"head\.json: targets is empty"),
        ({"coverage": "most"}, r"head\.json: coverage: "),
        ({"model": {}}, r"head\.json: model: "),
        ({"model": {"model": "m", "sha256": 1}}, r"head\.json: model.sha256: "),
        ({"species": [["human"]]}, r"head\.json: species"),
        ({"rnas": "some"}, r"head\.json: rnas: "),
        ({"targets": ["half_life"]}, r"head\.json: targets"),
        ({"targets": [[]]}, r"head\.json: targets"),
        ({"targets": [{"name": "other", "kind": "quantity"}]}, r"head\.json: targets.*lengths"),
        (
            {"targets": [{"name": "o", "kind": "class", "lengths": [1, 2], "penalty": 1.0}]},
            r"does not match head\.json",
        ),
    ],
)
def test_another_description_is_refused(made: Path, changes: dict[str, Any], message: str) -> None:
    edit(made, **changes)
    with pytest.raises(InputError, match=message):
        load_head(made)


def test_text_that_is_no_json(made: Path) -> None:
    (made / "head.json").write_text("{")
    with pytest.raises(InputError, match=r"head\.json: is no JSON"):
        load_head(made)


def test_numbers_of_other_shapes_or_sizes_do_not_fit(made: Path) -> None:
    (content, _) = json.loads((made / "head.json").read_text())["targets"]
    tensors = load((made / "head.safetensors").read_bytes())
    for key, value in (
        ("intercept", np.zeros(0)),
        ("members/penalties", np.zeros((3, 1))),
        ("coefficients", np.zeros(5)),
        ("coefficients", np.full(6, np.inf)),
    ):
        (made / "head.safetensors").write_bytes(save(tensors | {f"half_life/{key}": value}))
        edit(made, sha256=sha256(made / "head.safetensors"), targets=[content])
        with pytest.raises(InputError, match=r"does not match head\.json"):
            load_head(made)


def test_only_a_head_is_replaced(made: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/kept").touch()
    with pytest.raises(InputError, match=r"other: holds 'kept'"):
        save_head(load_head(made), tmp_path / "other", overwrite=True)
    assert (tmp_path / "other/kept").exists()
