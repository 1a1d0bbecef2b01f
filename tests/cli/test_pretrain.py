from pathlib import Path

import pytest

from isoclr.cli import main
from isoclr.pretraining.pretrain import PretrainResult
from isoclr.pretraining.trainer import State

FIGURES = {
    "step": 20.0,
    "loss": 1.25,
    "retrieval": 0.5,
    "alignment": 0.125,
    "uniformity": -2.0,
    "pairs": 36.0,
}


def result(stopped_by: int = 0, validation: dict[str, float] | None = None) -> PretrainResult:
    return PretrainResult(Path("RUN"), State(20, 1_234_567, 90, 3.5, validation), 8, 60, stopped_by)


def test_options_reach_the_library_by_their_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: dict[str, object] = {}

    def run(function: object, argv: list[str], **how: object) -> PretrainResult:
        seen.update(argv=argv, **how)
        return result(validation=FIGURES)

    monkeypatch.setattr("isoclr.cli.run", run)
    assert main(["pretrain", "C", "--out", "RUN", "--steps", "20"]) == 0
    assert seen["argv"] == ["C", "--out", "RUN", "--steps", "20"]
    out, err = capsys.readouterr()
    for shown in ("1,234,567", "2.50", "3.500", "36", "50.0%", "-2.000"):
        assert shown in out
    assert "the encoder is in RUN" in err


@pytest.mark.parametrize("number", [15, 2])
def test_a_run_stopped_by_a_signal_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    monkeypatch.setattr("isoclr.cli.run", lambda *_, **__: result(stopped_by=number))
    assert main(["pretrain", "C", "--out", "RUN"]) == 128 + number
    assert "--resume goes on" in capsys.readouterr().err


def test_only_the_leading_rank_talks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr("isoclr.cli.run", lambda *_, **__: result())
    assert main(["pretrain", "C", "--out", "RUN"]) == 0
    assert capsys.readouterr() == ("", "")


def test_no_corpus_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus, run = tmp_path / "none", tmp_path / "run"
    assert main(["pretrain", str(corpus), "--out", str(run), "--steps", "1"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"isoclr: error: {corpus}: ")
    assert err.count("\n") == 1
    assert not run.exists()


def test_help_tells_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["pretrain", "--help"])
    out = capsys.readouterr().out
    for option in ("--model", "--out", "--steps", "--epochs", "--minutes", "--resume", "--seed"):
        assert option in out
