from pathlib import Path

import pytest

from isoclr.cli import main


def test_the_list_and_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks"]) == 0
    out = capsys.readouterr().out
    assert "half-life-human" in out
    assert "gene-ontology-mouse" in out
    assert main(["tasks", "mrl-5utr", "--data", "somewhere"]) == 0
    out = capsys.readouterr().out
    assert "somewhere/labels/mrl_5utr_varlen.tsv.gz" in out
    assert "half-life-human" not in out


def test_the_rnas_of_an_assay(
    assay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "table.tsv").write_text("utr\tload\nAC\t1\n")
    assert main(["tasks", str(assay), "--fasta", str(tmp_path / "a.fa")]) == 0
    assert (tmp_path / "a.fa").read_text() == (
        ">assay-00002 gene:assay-00002 CDS=5-10\nGGACATGTAACC\n"
    )
    assert "wrote 1 RNAs" in capsys.readouterr().err


def test_bad_requests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "--fasta", str(tmp_path / "a.fa")]) == 2
    assert "--fasta needs the name of one task" in capsys.readouterr().err
    assert main(["tasks", "half-life-human", "--fasta", str(tmp_path / "a.fa")]) == 2
    assert "has no sequences of its own" in capsys.readouterr().err
    assert main(["tasks", "nothing"]) == 2
    assert "nothing: no such task" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
