from pathlib import Path

import pytest

import isoclr
from isoclr.cli import main
from isoclr.embedding.io import read_embeddings


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = isoclr.create("isoclr-s", seed=0).save(tmp_path / "model")
    (tmp_path / "a.fa").write_text(">a\nACGTACGT\n>b\nGGGTTTAC\n")
    out = tmp_path / "e.parquet"
    words = ["embed", str(tmp_path / "a.fa"), "--model", str(model), "-o", str(out)]
    assert main(words) == 0
    assert read_embeddings(out).table["transcript_id"].to_list() == ["a", "b"]
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "2 RNAs × 256" in seen.err
    assert main(words) == 2
    assert "exists already" in capsys.readouterr().err
