from pathlib import Path

import pytest

from isoclr.cli import main


def test_mutate(workbench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.fa").write_text(">a\nACGUUAGCUGA\n")
    words = ["mutate", str(tmp_path / "one.fa"), "--head", str(workbench / "head")]
    words += ["--model", str(workbench / "model"), "-o", str(tmp_path / "m.tsv")]
    assert main([*words, "--plot", str(tmp_path / "m.png"), "--zoom", "2", "9"]) == 0
    seen = capsys.readouterr()
    assert "RNA without coding sequence" in seen.out
    assert "a: gc " in seen.err
    assert "33 mutants" in seen.err
    assert len((tmp_path / "m.tsv").read_text().splitlines()) == 12
    assert (tmp_path / "m.png").exists()
    assert main([*words, "--overwrite", "--transcripts", "b"]) == 2
    assert "no RNA named 'b'" in capsys.readouterr().err


def test_motifs(workbench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["motifs", str(workbench / "corpus"), "--head", str(workbench / "head"), "--rnas", "2"]
    words += ["--model", str(workbench / "model"), "-o", str(tmp_path / "m.csv")]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "poly(U)" in shown
    assert "mean effect on gc" in shown
    assert (tmp_path / "m.csv").exists()
