"""A function's signature as a command line."""

import functools
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from isoclr.cli import VERBS, _verb
from isoclr.cli._examples import EXAMPLES
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
        _verb.run(optional, words, name="stage")
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
        _verb.run(choosing, ["--help"], name="embed", positional=["shards", "task"])
    told = capsys.readouterr().out
    assert f"A stage.\n\nExample: {EXAMPLES['embed']}\n" in told
    assert "None" not in told
    assert "[STR]" in told
    assert "--split {random,fold}" in told
    assert "--genes INT" in told
    assert "--labels [STR [STR ...]]" in told
    assert "(default: )" not in told
    assert "(default: 0)" in told


def test_nothing_is_no_choice() -> None:
    with pytest.raises(InputError, match="invalid choice 'x'") as caught:
        _verb.run(choosing, ["--split", "x"], name="stage", positional=["shards"])
    assert "None" not in str(caught.value)


def test_every_verb_has_an_example_that_it_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The functions are not called: what their options are is what counts."""
    called = []

    def call(function: Callable[..., object], argv: Sequence[str], **how: Any) -> None:
        def note(*_args: Any, **_options: Any) -> None:
            called.append(how["name"])

        run_verb(functools.wraps(function)(note), argv, **how)
        raise SystemExit(0)

    run_verb = _verb.run
    monkeypatch.setattr(_verb, "run", call)
    verbs = [verb for room in VERBS.values() for verb in room]
    assert list(EXAMPLES) == sorted(EXAMPLES, key=verbs.index)
    assert set(EXAMPLES) == set(verbs)
    for verb, example in EXAMPLES.items():
        words = example.split()
        assert words[:2] == ["isoclr", verb]
        with pytest.raises(SystemExit):
            importlib.import_module(f"isoclr.cli.{verb}").command(words[2:])
    assert called == list(EXAMPLES)
