"""A function's signature as a command line."""

from pathlib import Path
from typing import Literal

import pytest

from isoclr.cli import _verb
from isoclr.errors import InputError


def stage(
    inputs: tuple[Path, ...], *, out: Path, mode: Literal["a", "b"] = "a", orf: bool = True
) -> tuple[tuple[Path, ...], Path, str, bool]:
    """A stage.

    Args:
        inputs: files.
        out: where to.
        mode: how.
        orf: whether.
    """
    return inputs, out, mode, orf


def run(*words: str) -> object:
    return _verb.run(stage, words, name="stage", positional=["inputs"], aliases={"out": ["-o"]})


def test_positions_names_and_short_forms() -> None:
    expected = ((Path("x"), Path("y")), Path("z"), "b", False)
    assert run("x", "y", "-o", "z", "--mode", "b", "--no-orf") == expected
    assert run("x", "y", "--out", "z", "--mode=b", "--no-orf") == expected
    assert run("--out", "z") == ((), Path("z"), "a", True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x"], "--out"),
        (["--out", "z", "--mode", "c"], "c"),
        (["--out", "z", "--what"], "--what"),
        (["--out", "z", "--orf", "maybe", "--what", "q"], "--what"),
    ],
)
def test_a_wrong_command_is_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        run(*words)
    assert str(caught.value).endswith("isoclr stage --help tells all options")
    assert not set("\n│─|") & set(str(caught.value))
    assert capsys.readouterr() == ("", "")


def test_an_option_given_twice_is_not_forgotten() -> None:
    with pytest.raises(InputError, match="--out is given twice"):
        run("--out", "a", "--out=b")


def test_help_is_the_docstring(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--help")
    shown = capsys.readouterr().out
    for words in ("usage: isoclr stage", "A stage.", "where to.", "-o PATH"):
        assert words in shown
