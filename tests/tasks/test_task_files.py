from pathlib import Path

import pytest

from isoclr.errors import InputError
from isoclr.tasks.task import OntologyTask, Task
from isoclr.tasks.task_files import (
    SHELF,
    is_task,
    read_label_task,
    read_ontology_task,
    read_task,
    task_names,
)

LABELS = 'name = "t"\ntitle = "a label"\n[labels]\nfile = "x.tsv"\n'
ONTOLOGY = (
    'name = "o"\ntitle = "terms"\n[ontology]\nterms = "a.obo"\nannotations = "b"\n'
    '[samples]\nspecies = "human"\n'
)


def write(folder: Path, text: str) -> Path:
    path = folder / "t.toml"
    path.write_text(text)
    return path


def test_every_task_that_ships_can_be_read_and_is_named_as_its_file() -> None:
    assert task_names() == [
        "gene-ontology-human",
        "gene-ontology-mouse",
        "half-life-human",
        "half-life-mouse",
        "mrl-5utr",
        "translation-efficiency-hela",
    ]
    for name in task_names():
        task = read_task(name, data="folder")
        assert task.name == name
        assert task.title
        assert task.citation
        assert task.source == SHELF / f"{name}.toml"


def test_a_task_that_ships_may_be_named_by_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOCLR_DATA", "folder")
    named = read_label_task("mrl-5utr")
    assert read_label_task(named.source).table == named.table
    assert named.table.parts[0] == "folder"


def test_a_task_of_your_own(tmp_path: Path) -> None:
    text = LABELS + 'label = "y"\nunits = "h"\n[labels.columns]\ngene_id = "Gene"\nfold = "cv"\n'
    task = read_task(write(tmp_path, text + '[samples]\nrnas = "coding"\nsplit = "chromosome"\n'))
    assert isinstance(task, Task)
    assert task.table == tmp_path / "x.tsv"
    assert (task.label, task.units, task.species, task.construct) == ("y", "h", None, None)
    assert task.columns == {"gene_id": "Gene", "fold": "cv"}
    assert (task.rnas, task.split) == ("coding", "chromosome")
    assert read_label_task(task.source, data="elsewhere").table == Path("elsewhere/x.tsv")


def test_an_ontology_of_your_own(tmp_path: Path) -> None:
    task = read_task(write(tmp_path, ONTOLOGY))
    assert isinstance(task, OntologyTask)
    assert (task.terms, task.annotations) == (tmp_path / "a.obo", tmp_path / "b")
    assert (task.gene_ids, task.depth, task.classes, task.species) == (None, 3, 10, "human")


def test_where_the_data_of_a_shipped_task_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ISOCLR_DATA", raising=False)
    assert read_label_task("half-life-human").table.is_relative_to("data")
    monkeypatch.setenv("ISOCLR_DATA", "elsewhere")
    assert read_label_task("half-life-human").table.is_relative_to("elsewhere")
    assert read_label_task("half-life-human", data="here").table.is_relative_to("here")


def test_a_table_is_no_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_task("half-life-human")
    assert is_task("mine.toml")
    assert not is_task("labels.tsv")
    monkeypatch.chdir(tmp_path)
    Path("half-life-human").touch()
    assert not is_task("half-life-human")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "t.toml: not readable as TOML"),
        ('title = "x"', "t.toml: no field 'name', expected text"),
        (LABELS.replace("[labels]", "[lables]"), "no field 'labels', expected a table"),
        (LABELS + "[extra]\n", "unknown field 'extra', expected name, title, citation"),
        (LABELS + 'lable = "y"\n', "unknown field 'labels.lable'"),
        (LABELS + '[labels.columns]\ngene = "G"\n', "unknown field 'labels.columns.gene'"),
        (LABELS + '[samples]\nsplit = "gene"\n', "samples.split is 'gene', expected one of random"),
        (LABELS + '[samples]\nrna = "all"\n', "unknown field 'samples.rna'"),
        (LABELS + '[construct]\ninsert = "u"\n', r"\[construct\] before is None"),
        (ONTOLOGY.replace("species", "organism"), "no field 'samples.species'"),
        (
            ONTOLOGY + 'split = "fold"\n',
            "samples.split is 'fold', expected one of homology, random",
        ),
        (ONTOLOGY.replace("[samples]", "depth = 0\n[samples]"), "ontology.depth is 0"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_task(write(tmp_path, text))


def test_a_task_that_is_not_there_or_of_the_other_kind(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing.toml: no such task file"):
        read_task(tmp_path / "nothing.toml")
    with pytest.raises(InputError, match="half-life: no such task; expected a TOML file or one of"):
        read_task("half-life")
    with pytest.raises(InputError, match="has many labels a gene, expected one; `isoclr ontology`"):
        read_label_task("gene-ontology-human")
    with pytest.raises(InputError, match=r"half-life-human has one label, expected \[ontology\]"):
        read_ontology_task("half-life-human")


@pytest.mark.realdata
def test_the_files_of_the_shipped_tasks_are_there(real_data: Path) -> None:
    for name in task_names():
        task = read_task(name, data=real_data)
        if isinstance(task, Task):
            labels = task.labels()
            assert labels.table.height > 10_000
            assert labels.has_folds == name.startswith("half-life")
        else:
            assert task.terms.is_file()
            assert task.annotations.is_file()
            assert task.gene_ids is not None
            assert task.gene_ids.is_file()
