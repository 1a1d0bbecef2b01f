from pathlib import Path

import pytest

from isoclr.cli import main


def test_a_task_of_one_label_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["ontology", "nowhere.parquet", "half-life-human", "--corpus", str(tmp_path)]
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.startswith("isoclr: error: nowhere.parquet: no such file")
    assert err.count("\n") == 1


def test_the_corpus_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ontology", "nowhere.parquet"]) == 2
    assert "corpus" in capsys.readouterr().err
