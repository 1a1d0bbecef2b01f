"""What is asked for is checked at once."""

import json
from pathlib import Path

import pytest

from isoclr.errors import InputError
from isoclr.finetuning.request import check_folds, enter, read_tasks

RECIPE = {"model": "isoclr-s", "rules": {"epochs": 3, "l2": 1e-5}}


def test_one_word_is_for_all_tables(label_files: dict[str, Path]) -> None:
    paths = list(label_files.values())
    assert [t.species for t in read_tasks(paths, None, ["human", "mouse"])] == ["human", "mouse"]
    assert [t.name for t in read_tasks(paths, None, None)] == ["half_life", "half_life [mouse.tsv]"]
    assert read_tasks(paths[:1], ["half_life"], ["human"])[0].name == "half_life (human)"


def test_a_label_of_one_value_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "flat.tsv"
    path.write_text("gene_id\tx\nA\t1\nB\t1\n")
    with pytest.raises(InputError, match="x is 1 in every row"):
        read_tasks([path], None, None)


def test_every_row_needs_a_fold(tmp_path: Path) -> None:
    path = tmp_path / "folds.tsv"
    path.write_text("gene_id\tx\tfold\nA\t1\t1\nB\t2\t\n")
    with pytest.raises(InputError, match="line 3 has no fold, which --split fold needs"):
        check_folds(read_tasks([path], ["x"], None))
    path.write_text("gene_id\tx\nA\t1\nB\t2\n")
    with pytest.raises(InputError, match="no column 'fold'"):
        check_folds(read_tasks([path], None, None))


def test_a_directory_is_entered_once_or_resumed_with_the_same_recipe(tmp_path: Path) -> None:
    out = tmp_path / "out"
    enter(out, RECIPE, resume=True)  # nothing there yet: begin
    assert json.loads((out / "recipe.json").read_text()) == RECIPE
    enter(out, RECIPE, resume=True)
    with pytest.raises(InputError, match="exists already; add --resume"):
        enter(out, RECIPE, resume=False)
    other = {"model": "isoclr-m", "rules": {"epochs": 4, "l2": 1e-5}}
    with pytest.raises(InputError) as error:
        enter(out, other, resume=True)
    assert "model is 'isoclr-s' there and 'isoclr-m' now; epochs is 3 there and 4 now" in str(
        error.value
    )
    (out / "recipe.json").write_text("{")
    with pytest.raises(InputError, match="not a study's recipe"):
        enter(out, RECIPE, resume=True)
