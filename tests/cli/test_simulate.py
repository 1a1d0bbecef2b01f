"""``isoclr simulate`` on the command line."""

from pathlib import Path

import pytest

from isoclr.cli import main


def test_a_world_is_made_and_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "world"
    assert main(["simulate", "--out", str(out), "--size", "tiny", "--genes", "12"]) == 0
    said, messages = capsys.readouterr()
    assert "human" in said
    assert "mouse" in said
    assert "isoclr build --out CORPUS" in messages
    assert (out / "inputs.toml").is_file()


def test_bad_options_end_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--out", str(tmp_path), "--genes", "3"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["simulate", "--out", str(tmp_path / "w"), "--species", "0"]) == 2
    assert "--species is 0" in capsys.readouterr().err
