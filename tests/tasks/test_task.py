import hashlib
from pathlib import Path

import pytest

from isoclr.corpus.codes import letters
from isoclr.errors import InputError
from isoclr.tasks.task import Task, described
from isoclr.tasks.task_files import read_label_task, read_task

TABLE = "utr\tload\tset\nAC\t1.5\ta\nTTT\t\tb\nAC\t2.5\tb\n"


@pytest.fixture
def task(assay: Path, tmp_path: Path) -> Task:
    (tmp_path / "table.tsv").write_text(TABLE)
    return read_label_task(assay)


def test_labels_and_sequences_of_constructs_have_the_same_ids(task: Task) -> None:
    labels, sequences = task.labels(), task.sequences()
    assert labels.level == "transcript_id"
    assert labels.table["id"].to_list() == ["assay-00002", "assay-00004"]
    assert labels.table["value"].to_list() == [1.5, 2.5]
    assert labels.missing == 1
    assert {name: letters(codes) for name, codes in sequences.items()} == {
        "assay-00002": "GGACATGTAACC",
        "assay-00003": "GGTTTATGTAACC",
        "assay-00004": "GGACATGTAACC",
    }
    assert task.inserts() == {"assay-00002": "AC", "assay-00003": "TTT", "assay-00004": "AC"}


def test_the_fasta_has_all_rows(task: Task, tmp_path: Path) -> None:
    assert task.write_fasta(tmp_path / "a.fa") == 3
    assert (tmp_path / "a.fa").read_text().splitlines()[2:4] == [
        ">assay-00003 gene:assay-00003 CDS=6-11",
        "GGTTTATGTAACC",
    ]


def test_a_table_without_inserts_is_refused(task: Task) -> None:
    task.table.write_text("utr\tload\nAC\t1\n\t2\n")
    with pytest.raises(InputError, match=r"table.tsv: line 3: utr is empty, expected a sequence"):
        task.sequences()
    task.table.write_text("utr5\tload\nAC\t1\n")
    with pytest.raises(InputError, match=r"no column 'utr' with the inserts; the columns are utr5"):
        task.labels()


@pytest.mark.parametrize("name", ["half-life-human", "mrl-5utr"])
def test_a_table_that_is_not_there_says_how_to_tell_where(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"no such file, expected one of task {name}; --data or"):
        read_label_task(name, data=tmp_path).labels()


def test_a_task_of_a_corpus_has_no_sequences() -> None:
    task = read_label_task("half-life-human", data="data")
    with pytest.raises(InputError, match="half-life-human has no sequences of its own"):
        task.sequences()


def test_the_list_says_what_each_is() -> None:
    rows = described([read_task("half-life-mouse", "d"), read_task("gene-ontology-human", "d")])
    assert [row[0] for row in rows] == ["half-life-mouse", "gene-ontology-human"]
    assert rows[0][2:5] == ["mouse", "coding", "fold"]
    assert rows[1][5].startswith("d/go/gene2go")


def test_the_reporter_of_the_shipped_assay_is_the_published_one() -> None:
    construct = read_label_task("mrl-5utr", data="data").construct
    assert construct is not None
    downstream = (construct.cds + construct.after).encode()
    assert len(downstream) == 780
    # the SHA-256 that others publish for what follows the insert in this library
    known = "b78735cd31b316ea2de07646db65a6c07e051fc0e1cefc8c2b8d668ef680e6f1"
    assert hashlib.sha256(downstream).hexdigest() == known
    assert len(construct.cds) == 732
    assert construct.before == "GGGACATCGTAGAGAGTCGTACTTA"


@pytest.mark.realdata
def test_every_construct_of_the_real_table_can_be_made(real_data: Path) -> None:
    task = read_label_task("mrl-5utr", data=real_data)
    sequences = task.sequences()
    assert len(sequences) == 15_200 == task.labels().table.height
    assert {len(codes) for codes in sequences.values()} == set(range(830, 906))
