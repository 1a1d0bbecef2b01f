from pathlib import Path

import pytest

import isoclr
from isoclr.errors import InputError
from isoclr.predicting.choosing import choose, encoder_of, model_of


def test_a_users_head_and_the_model_given_for_it(workbench: Path) -> None:
    head, model = choose(workbench / "head", None, "", "mine")
    assert (head.name, model) == ("gc", "mine")
    assert model_of(head, "mine") == "mine"
    assert encoder_of(head, str(workbench / "model")).sha256 == head.model["sha256"]
    with pytest.raises(InputError, match=r"head 'gc' belongs to weights .*give that model with"):
        model_of(head, None)


def test_a_shipped_head_brings_its_model(shipped: Path) -> None:
    head, model = choose(None, "gc", "human", "isoclr-s")
    assert model is None  # it said whose head to take
    assert model_of(head, model) == str(shipped / "isoclr-s.v1")
    with pytest.raises(InputError, match="--task gc --species human: no head of isoclr-m ships"):
        choose(None, "gc", "human", "isoclr-m")


def test_bad_requests(workbench: Path, tmp_path: Path) -> None:
    for head, task in ((None, None), (workbench / "head", "gc")):
        with pytest.raises(InputError, match="expected --head, or --task with --species"):
            choose(head, task, "human", None)
    isoclr.create("isoclr-s", seed=1).save(tmp_path / "other")
    chosen, _ = choose(workbench / "head", None, "", None)
    with pytest.raises(InputError, match=r"other: weights \w{12}, embeddings of 256; head 'gc'"):
        encoder_of(chosen, str(tmp_path / "other"))
