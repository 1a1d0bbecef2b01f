from pathlib import Path

import pytest

import isoclr
from isoclr.cli import main


def test_a_subset_is_made_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rnas.fa").write_text(">t1 gene:g1\nAUGGCUUGA\n>t2 gene:g1\nGGGACGU\n")
    isoclr.build(out=tmp_path / "whole", species="human", transcripts=tmp_path / "rnas.fa")
    words = ["subset", str(tmp_path / "whole"), "-o", str(tmp_path / "part"), "--isoforms", "one"]
    assert main(words) == 0
    assert len(isoclr.open_corpus(tmp_path / "part")) == 1
    assert "1 kept" in capsys.readouterr().out
    assert main(words) == 2
