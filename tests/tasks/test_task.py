import hashlib
from pathlib import Path

import polars as pl
import pytest

from isoclr.cli import main
from isoclr.errors import InputError
from isoclr.genomics.encoding import letters
from isoclr.tasks.dataset import LabelSpec, join_rnas
from isoclr.tasks.labels import Labels
from isoclr.tasks.reporter import families
from isoclr.tasks.rnas import RnaSource, rnas_of_task
from isoclr.tasks.task import (
    BUILTIN_DIR,
    OntologyTask,
    Task,
    TaskList,
    is_task,
    read_label_task,
    read_ontology_task,
    read_task,
    task_names,
)


def test_the_first_existing_file_is_used(tmp_path: Path) -> None:
    text = LABELS.replace('"x.tsv"', '["first.tsv", "second.tsv"]')
    assert read_label_task(write(tmp_path, text)).table == tmp_path / "first.tsv"
    (tmp_path / "second.tsv").touch()
    assert read_label_task(write(tmp_path, text)).table == tmp_path / "second.tsv"


TASK = """name = "t"
title = "t"
[labels]
file = "t.tsv"
label = "y"
[construct]
insert = "utr"
before = "GG"
cds = "ATGGCTTAA"
after = "CC"
"""


@pytest.fixture
def reporter_task(tmp_path: Path) -> Path:
    (tmp_path / "t.tsv").write_text("utr\ty\nACGT\t1\nTTTT\t\nCCCA\t3\n")
    (tmp_path / "t.toml").write_text(TASK)
    return tmp_path / "t.toml"


def test_an_assays_rnas_are_its_constructs_and_differ_in_their_inserts(reporter_task: Path) -> None:
    task = read_label_task(reporter_task)
    rnas = rnas_of_task(task, "digest")
    assert rnas.table.rows()[0] == ("t-00002", "t-00002", "", "", 17, 9, "annotated", False)
    assert rnas.codes_of is not None
    assert rnas.compared_of is not None
    codes, insert = rnas.codes_of(2), rnas.compared_of(2)
    assert codes is not None
    assert insert is not None
    assert letters(codes) == "GGCCCAATGGCTTAACC"
    assert letters(insert) == "CCCA"
    assert rnas.compared_name == "insert of the construct"
    spec = LabelSpec(task.labels(), "y", "cow", "coding")  # constructs have no species
    samples, _ = join_rnas(spec, rnas)
    assert samples.rows.tolist() == [0, 2]
    assert samples.values.tolist() == [1.0, 3.0]


def test_rows_of_samples_are_rows_of_all_rnas() -> None:
    """Whatever choice of species and of coding sequences was made before."""
    table = pl.DataFrame(
        {
            "transcript_id": ["c", "b", "a", "n"],
            "gene_id": ["C", "B", "A", "N"],
            "species": ["cow", "cow", "human", "cow"],
            "length": 9,
            "cds_length": [3, 3, 3, 0],
            "cds_source": ["orf", "annotated", "annotated", "none"],
        }
    )
    rnas = RnaSource(table)
    assert rnas.compared_name == "whole RNA"
    assert rnas.choose(None, "annotated")["transcript_id"].to_list() == ["b", "a"]
    assert rnas.choose("cow", "coding")["transcript_id"].to_list() == ["c", "b"]
    wanted = pl.DataFrame(
        {"line": [2, 3], "id": ["B", "A"], "value": [1.0, 2.0], "fold": None, "chromosome": None},
        schema_overrides={"fold": pl.String, "chromosome": pl.String},
    )
    samples = join_rnas(LabelSpec(Labels(Path("x"), "x", "gene_id", wanted, 0), "x", "human"), rnas)[0]
    assert samples.rows.tolist() == [2]
    assert samples.unmatched == 1
    assert samples.values.tolist() == [2.0]


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
    with pytest.raises(InputError, match=f"no such file, expected one of task {name}; .*--data"):
        read_label_task(name, data=tmp_path).labels()


def test_a_task_of_a_corpus_has_no_sequences() -> None:
    task = read_label_task("half-life-human", data="data")
    with pytest.raises(InputError, match="half-life-human has no sequences of its own"):
        task.sequences()


def test_the_list_says_what_each_is() -> None:
    names = ["half-life-mouse", "gene-ontology-human"]
    rows = TaskList([read_task(name, "d") for name in names]).rows()
    assert [row["task"] for row in rows] == names
    assert [*rows[0].values()][2:5] == ["mouse", "coding", "fold"]
    assert str(rows[1]["labels"]).startswith("d/go/gene2go")


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


@pytest.mark.realdata
def test_the_real_tables_of_several_columns_and_of_coding_sequences(real_data: Path) -> None:
    ratio = read_label_task("protein-to-mrna-ratio", data=real_data).labels()
    assert (ratio.table.height, ratio.level, ratio.name) == (11_312, "gene_id", "median")
    compartments = read_label_task("mrna-localisation", data=real_data).labels().one_vs_rest()
    counts = [int(one.table["value"].sum()) for one in compartments]
    assert counts == [12_089, 17_704, 2_344, 9_784, 5_293, 3_256, 1_996]
    codons = read_label_task("decay-rate-icodon", data=real_data)
    rnas = rnas_of_task(codons)
    assert rnas.table["gene_id"].n_unique() == 3_102
    assert (rnas.table["length"] == rnas.table["cds_length"]).all()
    reporter = read_label_task("utr3-reporter-siegel", data=real_data)
    inserts = list(reporter.inserts().values())
    assert len(inserts) == 30_253
    assert len(set(families(inserts[:3000], reporter.family_nt or 0).tolist())) == 1_100


def test_an_assay_keeps_genes_or_families_of_inserts_together(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("utr\ty\nACGTACGTAA\t1\nCCACGTACGT\t2\nTTTTTTTTTT\t3\n")
    path = write(tmp_path, TASK + "family_nt = 8\n")
    assert read_label_task(path).genes() == ["t-00002", "t-00002", "t-00004"]
    (tmp_path / "t.tsv").write_text("gene_id\tutr\ty\nA\tACGT\t1\nB\tACGA\t2\nA\tTTT\t3\n")
    task = read_label_task(path)
    assert task.genes() == rnas_of_task(task).table["gene_id"].to_list() == ["A", "B", "A"]
    task.write_fasta(tmp_path / "t.fa")
    assert (tmp_path / "t.fa").read_text().splitlines()[4].startswith(">t-00004 gene:A CDS=")


def test_the_genes_of_an_assay_are_in_the_column_that_the_task_names(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("Gene\tutr\ty\nA\tACGT\t1\nB\tACGA\t2\nA\tTTT\t3\n\tTTT\t4\n")
    path = write(tmp_path, TASK.replace("[construct]", '[labels.columns]\ngene_id = "Gene"\n[construct]'))
    assert read_label_task(path).genes() == ["A", "B", "A", "t-00005"]
    (tmp_path / "t.tsv").write_text("utr\ty\nACGT\t1\n")
    with pytest.raises(InputError, match=r"t\.tsv: no column 'Gene'"):
        read_label_task(path).genes()


def test_a_label_is_the_median_of_columns_and_a_gene_has_one(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("gene_id\tA\tB\tC\nG1\t1\t5\t2\nG2\t\t4\t\nG1\t3\t3\t4\nG3\t\t\t\n")
    columns = 'median_of = ["A", "B", "C"]\ncolumns = { gene_id = "gene_id" }\n'
    labels = read_label_task(write(tmp_path, LABELS + columns)).labels()
    assert labels.name == "median"
    assert labels.table.select("id", "value").rows() == [("G1", 2.5), ("G2", 4.0)]
    assert labels.missing == 1
    assert labels.table["line"].to_list() == [2, 3]
    (tmp_path / "x.tsv").write_text("gene_id\tA\tB\tC\nG1\t1\t5\t2\nG1\t3\t3\t4\n\t1\t2\t3\n")
    with pytest.raises(InputError, match="line 4: the id is empty"):
        read_label_task(tmp_path / "t.toml").labels()
    (tmp_path / "x.tsv").write_text("gene_id\tA\tB\tC\nG1\t1\t5\t2\nG1\t3\tn.d.\t4\n")
    with pytest.raises(InputError, match=r"line 3: B is 'n\.d\.', expected a finite number$"):
        read_label_task(tmp_path / "t.toml").labels()
    path = write(tmp_path, LABELS + columns.replace('"C"', '"D"'))
    with pytest.raises(InputError, match="no column 'D'"):
        read_label_task(path).labels()


def test_every_construct_of_a_gene_has_its_own_median(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("gene\tutr\tA\tB\nG1\tACGT\t1\t3\nG1\tAC\t2\t4\n")
    names = 'median_of = ["A", "B"]\ncolumns = { gene_id = "gene" }'
    task = read_label_task(write(tmp_path, TASK.replace('label = "y"', names)))
    assert task.labels().table["value"].to_list() == [2.0, 3.0]
    assert task.genes() == ["G1", "G1"]


LABELS = 'name = "t"\ntitle = "a label"\n[labels]\nfile = "x.tsv"\n'
ONTOLOGY = 'name = "o"\ntitle = "terms"\n[ontology]\nterms = "a.obo"\nannotations = "b"\n[samples]\nspecies = "human"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "t.toml"
    path.write_text(text)
    return path


def test_every_task_that_ships_can_be_read_and_is_named_as_its_file() -> None:
    assert task_names() == [
        "decay-rate-icodon",
        "gene-ontology-human",
        "gene-ontology-mouse",
        "half-life-human",
        "half-life-human-by-study",
        "half-life-mouse",
        "half-life-mouse-by-study",
        "mrl-5utr",
        "mrna-localisation",
        "protein-to-mrna-ratio",
        "translation-efficiency-hela",
        "utr3-reporter-siegel",
    ]
    for name in task_names():
        task = read_task(name, data="folder")
        assert task.name == name
        assert task.title
        assert task.citation
        assert task.source == BUILTIN_DIR / f"{name}.toml"


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
        ("name = ", "t.toml: is no TOML"),
        ('title = "x"', "t.toml: missing required field `name`"),
        (LABELS.replace("[labels]", "[lables]"), "unknown field `lables`"),
        ('name = "t"\ntitle = "t"\n', "missing \\[labels\\] or \\[ontology\\]"),
        (LABELS + "[extra]\n", "unknown field `extra`"),
        (LABELS + 'lable = "y"\n', "labels: .*unknown field `lable`"),
        (LABELS + '[labels.columns]\ngene = "G"\n', "labels.columns: .*unknown field `gene`"),
        (LABELS + '[samples]\nsplit = "gene"\n', "samples.split: .*'gene'"),
        (LABELS + '[samples]\nrna = "all"\n', "samples: .*unknown field `rna`"),
        (TASK + "family_nt = 2\n", "construct.family_nt: .*>= 8"),
        (TASK.replace('"GG"', '"G*"'), "construct: expected one \\*, in cds or in after"),
        (LABELS + '[construct]\ninsert = "u"\n', "construct: missing required field `before`"),
        (ONTOLOGY.replace("species", "organism"), "samples: .*unknown field `organism`"),
        (ONTOLOGY.replace('species = "human"', ""), "samples: missing species"),
        (ONTOLOGY + 'split = "fold"\n', "samples.split is 'fold'"),
        (ONTOLOGY.replace("[samples]", "depth = 0\n[samples]"), "ontology.depth: .*>= 1"),
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
    with pytest.raises(InputError, match="has many labels per gene, expected one; use `isoclr ontology`"):
        read_label_task("gene-ontology-human")
    with pytest.raises(InputError, match=r"half-life-human has one label, expected \[ontology\]"):
        read_ontology_task("half-life-human")


@pytest.mark.realdata
def test_the_files_of_the_shipped_tasks_are_there(real_data: Path) -> None:
    for name in task_names():
        task = read_task(name, data=real_data)
        if isinstance(task, Task):
            labels = task.labels()
            assert labels.table.height > 4_000
            assert labels.has_folds == (name in ("half-life-human", "half-life-mouse"))
        else:
            assert task.terms.is_file()
            assert task.annotations.is_file()
            assert task.gene_ids is not None
            assert task.gene_ids.is_file()


def test_command_lists_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks"]) == 0
    out = capsys.readouterr().out
    assert "half-life-human" in out
    assert "gene-ontology-mouse" in out
    assert main(["tasks", "mrl-5utr", "--data", "somewhere"]) == 0
    out = capsys.readouterr().out
    assert "somewhere/labels" in out  # the rest is on the next lines of the cell
    assert "half-life-human" not in out


def test_command_writes_the_rnas_of_an_assay(assay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "table.tsv").write_text("utr\tload\nAC\t1\n")
    assert main(["tasks", str(assay), "--fasta", str(tmp_path / "a.fa")]) == 0
    assert (tmp_path / "a.fa").read_text() == (">assay-00002 gene:assay-00002 CDS=5-10\nGGACATGTAACC\n")
    assert "wrote 1 RNA to" in capsys.readouterr().err


def test_command_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "--fasta", str(tmp_path / "a.fa")]) == 2
    assert "--fasta needs the name of one task" in capsys.readouterr().err
    assert main(["tasks", "half-life-human", "--fasta", str(tmp_path / "a.fa")]) == 2
    assert "has no sequences of its own" in capsys.readouterr().err
    assert main(["tasks", "nothing"]) == 2
    assert "nothing: no such task" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
