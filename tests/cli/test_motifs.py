"""The run itself is in ``test_mutate.py``, which has the model, the corpus and the head."""

from pathlib import Path

import pytest

from isoclr.cli import main


def test_it_says_what_it_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["motifs", "corpus", "-o", str(tmp_path / "m.csv")]
    assert main(words) == 2
    assert "expected --head, or --task with --species" in capsys.readouterr().err
    assert main([*words, "--head", str(tmp_path / "nowhere")]) == 2
    assert "head.json: not found" in capsys.readouterr().err
