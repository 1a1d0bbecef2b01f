"""A function's signature as a command line."""

import functools
from pathlib import Path
from typing import Any, Literal

import pytest

from isoclr.cli import BY_NAME, Command, load_function
from isoclr.cli import run as run_command
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


@pytest.fixture(autouse=True)
def commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BY_NAME, "stage", Command("", "", "", ("inputs",)))
    example = "isoclr choose a b"
    monkeypatch.setitem(BY_NAME, "choose", Command("", "", example, ("shards", "task")))


def run(*words: str) -> object:
    return run_command(stage, words, name="stage")


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
    assert str(caught.value).endswith("see isoclr stage --help")
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


@pytest.mark.parametrize("words", [("-o", "a", "-o", "b"), ("-o", "a", "--out", "b")])
def test_a_short_form_given_twice_is_not_forgotten(words: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="--out is given twice"):
        run(*words)


def optional(*, genes: int | None = None, zoom: tuple[int, int] | None = None) -> object:
    """A stage.

    Args:
        genes: how many.
        zoom: from where to where.
    """
    return genes, zoom


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--genes", "3.5"], "--genes: found '3.5', expected INT;"),
        (["--zoom", "30"], "--zoom: found '30', expected {INT INT};"),
    ],
)
def test_a_wrong_optional_value_is_told_shortly(words: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        run_command(optional, words, name="stage")
    assert str(caught.value).startswith(message)


def choosing(
    shards: tuple[Path, ...],
    task: str | None = None,
    *,
    split: Literal["random", "fold"] | None = None,
    genes: int | None = None,
    labels: tuple[str, ...] | None = None,
    files: tuple[Path, ...] = (),
    seed: int = 0,
) -> None:
    """A stage.

    Args:
        shards: all of them.
        task: which.
        split: how.
        genes: how many.
        labels: of what.
        files: from what.
        seed: of all chance.
    """


def test_help_has_no_words_of_the_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        run_command(choosing, ["--help"], name="choose")
    told = capsys.readouterr().out
    assert "A stage.\n\nExample: isoclr choose a b\n" in told
    assert "None" not in told
    assert "[STR]" in told
    assert "--split {random,fold}" in told
    assert "--genes INT" in told
    assert "--labels [STR [STR ...]]" in told
    assert "(default: )" not in told
    assert "(default: 0)" in told


def test_nothing_is_no_choice() -> None:
    with pytest.raises(InputError, match="invalid choice 'x'") as caught:
        run_command(choosing, ["--split", "x"], name="choose")
    assert "None" not in str(caught.value)


@pytest.mark.parametrize("name", list(BY_NAME))
def test_every_command_has_an_example_that_it_takes(name: str) -> None:
    """The function is not called: only its options count."""
    called = []
    function = load_function(BY_NAME[name].function)

    def note(*_args: Any, **_options: Any) -> None:
        called.append(name)

    words = BY_NAME[name].example.split()
    assert words[:2] == ["isoclr", name]
    run_command(functools.wraps(function)(note), words[2:], name=name)
    assert called == [name]
