"""What is asked for is checked at once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isoclr.errors import InputError
from isoclr.files import sha256
from isoclr.finetuning.dealing import Dealing
from isoclr.finetuning.request import choose_split, enter, read_tasks, recipe_of
from isoclr.finetuning.rules import Rules
from isoclr.finetuning.starting import Start

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


def test_a_task_file_says_column_species_rnas_and_split(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("Gene\ty\tz\tcv\nA\t1\t5\t1\nB\t2\t6\t2\n")
    file = tmp_path / "own.toml"
    file.write_text(
        'name = "own"\ntitle = "own"\n[labels]\nfile = "x.tsv"\nlabel = "y"\n[labels.columns]\n'
        'gene_id = "Gene"\nfold = "cv"\n[samples]\nspecies = "cow"\nrnas = "coding"\nsplit = "fold"\n'
    )
    (task,) = read_tasks([file])
    assert (task.name, task.species, task.rnas) == ("y (cow)", "cow", "coding")
    assert task.labels.table["id"].to_list() == ["A", "B"]
    assert task.labels.table["fold"].to_list() == ["1", "2"]
    assert choose_split([task], None) == "fold"
    (other,) = read_tasks([file], ["z"], ["yak"], "all")
    assert (other.name, other.species, other.rnas) == ("z (yak)", "yak", "all")


def test_tasks_of_different_splits_need_a_choice(
    label_files: dict[str, Path], assay: Path, tmp_path: Path
) -> None:
    folded = tmp_path / "folded.toml"
    table = f'[labels]\nfile = "{label_files["human"]}"\n[samples]\nsplit = "fold"\n'
    folded.write_text('name = "folded"\ntitle = "folded"\n' + table)
    assert choose_split(read_tasks([label_files["human"], assay]), None) == "random"
    tasks = read_tasks([folded, label_files["mouse"]])
    assert choose_split(tasks, "homology") == "homology"
    with pytest.raises(InputError, match=r"fold of half_life, random of .*; choose one with --spl"):
        choose_split(tasks, None)


def test_a_construct_is_of_no_species(assay: Path) -> None:
    assert read_tasks([assay], None, ["human"])[0].species is None


def test_a_recipe_names_all_that_a_task_file_and_chromosomes_decide(
    assay: Path, model: Path, dealing: Callable[..., Dealing], rules: Rules
) -> None:
    start = Start(str(model), scratch=False, tune="full")

    def recipe(file: Path, *chromosomes: Path) -> dict[str, Any]:
        return recipe_of(start, read_tasks([file]), None, rules, dealing(), chromosomes, {})

    other = assay.with_name("other.toml")
    other.write_text(assay.read_text().replace('after = "CC"', 'after = "CA"'))
    assert recipe(other) != recipe(assay)
    assert "chromosomes" not in recipe(assay)
    assert recipe(assay, assay)["chromosomes"] == [sha256(assay)]


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


def test_nothing_but_a_study_is_resumed(tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    killed.mkdir()
    (killed / ".recipe.json.x1.part.json").touch()  # killed while it began
    enter(killed, RECIPE, resume=True)
    assert (killed / "recipe.json").exists()
    (tmp_path / "model.safetensors").write_text("mine")
    for out in (tmp_path, tmp_path / "model.safetensors"):
        with pytest.raises(InputError, match="is no study to resume, expected one with recipe"):
            enter(out, RECIPE, resume=True)
    with pytest.raises(InputError, match="is a file, expected a folder"):
        enter(tmp_path / "model.safetensors" / "out", RECIPE, resume=False)
    assert not (tmp_path / "recipe.json").exists()
