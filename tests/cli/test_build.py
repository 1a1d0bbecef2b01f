import subprocess
import sys
from pathlib import Path

import pytest

from isoclr.cli import main
from isoclr.cli.build import _gather
from isoclr.corpus import open_corpus


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tail = 'gene_id "g"; transcript_id "t";'
    (tmp_path / "T.fa").write_text(">t\nATGAAATAACC\n>u\nGGGTTT\n")
    (tmp_path / "G.fa").write_text(">1\nATGAAATAACCGGG\n")
    (tmp_path / "A.gtf").write_text(
        f"chr1\tx\texon\t1\t11\t.\t+\t.\t{tail}\nchr1\tx\tCDS\t1\t6\t.\t+\t0\t{tail}\n"
    )
    (tmp_path / "ids.tsv").write_text("ensembl_gene_id\tentrez_gene_id\tsymbol\ng\t1\tX\n")
    (tmp_path / "inputs.toml").write_text(
        '[[input]]\nspecies = "mouse"\ntranscripts = "T.fa"\nannotation = "A.gtf"\n'
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_transcripts_with_an_annotation(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(
            [
                "build",
                "--out",
                "C",
                "--species",
                "human",
                "--transcripts",
                "T.fa",
                "--annotation",
                "A.gtf",
            ]
        )
        == 0
    )
    printed = capsys.readouterr()
    assert "gene sets" in printed.out  # the tables
    assert "Corpus('C'" in printed.err  # the messages
    assert len(open_corpus("C")) == 2


def test_a_genome_with_an_annotation(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(
            [
                "build",
                "--out",
                "C",
                "--species",
                "worm",
                "--genome",
                "G.fa",
                "--annotation",
                "A.gtf",
            ]
        )
        == 0
    )
    assert "chr1 = 1" in capsys.readouterr().err
    assert open_corpus("C").index["cds_end"].tolist() == [9]


def test_a_toml_file(folder: Path) -> None:
    assert main(["build", "--out", "C", "inputs.toml"]) == 0
    assert open_corpus("C").species == ["mouse"]


@pytest.mark.parametrize("repeat", [True, False])
def test_many_inputs_and_tables_of_gene_ids(folder: Path, repeat: bool) -> None:
    words = ["species=human,transcripts=T.fa", "species=mouse,transcripts=T.fa,annotation=A.gtf"]
    ids = ["human=ids.tsv", "mouse=ids.tsv"]
    inputs = [w for word in words for w in ("--input", word)] if repeat else ["--input", *words]
    tables = [w for word in ids for w in ("--gene-ids", word)] if repeat else ["--gene-ids", *ids]
    assert main(["build", "--out", "C", *inputs, *tables, "--no-orf"]) == 0
    corpus = open_corpus("C")
    assert corpus.species == ["human", "mouse"]
    assert set(corpus.meta["gene_ids"]) == {"human", "mouse"}


def test_options_of_many_values_may_be_repeated_and_toml_files_stand_anywhere() -> None:
    words = ["--input", "a", "-o", "C", "--input=b", "x.toml"]
    assert _gather(words) == ["x.toml", "-o", "C", "--input", "a", "b"]
    words = ["--gene_ids", "h=F", "m=F", "x.toml", "--no-orf"]
    assert _gather(words) == ["x.toml", "--no-orf", "--gene-ids", "h=F", "m=F"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--out C", "nothing to build from"),
        ("--out C --species human --transcripts nowhere.fa", "no file nowhere.fa"),
        ("--out C nowhere.toml", "nowhere.toml: cannot be read"),
        ("--out C inputs.toml --shard 3/2", "shard is '3/2'"),
        ("--out C inputs.toml --gene-ids cow=ids.tsv", "no input of 'cow'"),
        ("--out . inputs.toml", "exists already"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    words: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", *words.split()]) == 2
    line = capsys.readouterr().err
    assert line.startswith("isoclr: error: ")
    assert line.count("\n") == 1
    assert message in line
    assert not (folder / "C").exists()


def test_building_needs_no_torch(folder: Path) -> None:
    code = (
        "import sys; from isoclr.cli import main\n"
        "sys.exit(main('build --out C inputs.toml'.split()) or 'torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
