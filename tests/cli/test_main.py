"""The door: what ends how."""

from collections.abc import Callable
from pathlib import Path

import pytest

from isoclr import cli


def test_no_verb_shows_the_contents(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert cli.main(["--help"]) == 0
    assert cli.main(["--version"]) == 0
    assert "isoclr 0." in capsys.readouterr().out


def failing(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "isoclr: stopped\n"),
        (OSError(28, "No space left on device", "out.parquet"), 2, "out.parquet: No space left"),
        (
            PermissionError(13, "Permission denied", "/x"),
            2,
            "isoclr: error: /x: Permission denied\n",
        ),
    ],
)
def test_how_a_verb_ends(
    error: BaseException,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli, "run", failing(error))
    assert cli.main(["build"]) == code
    assert message in capsys.readouterr().err


def test_a_bug_still_shows_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "run", failing(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(["build"])


def test_an_output_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["simulate", "--size", "tiny", "--out", "/proc/nowhere/world"]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("isoclr: error: ")
    assert shown.count("\n") == 1
