"""``isoclr build``."""

from collections.abc import Sequence

from isoclr import _console as console
from isoclr.cli import _verb
from isoclr.corpus.build import build
from isoclr.corpus.inspect import inspect, tables

_MANY = ("--input", "--annotation", "--gene-ids")


def command(argv: Sequence[str]) -> None:
    """Build a corpus, then show what is in it."""
    corpus = _verb.run(
        build,
        _gather(argv),
        name="build",
        positional={"inputs"},
        aliases={"out": ["-o"], "jobs": ["-j"]},
    )
    for title, columns, rows in tables(inspect(corpus)):
        console.table(title, columns, rows)


def _gather(argv: Sequence[str]) -> list[str]:
    """Let options of many values be repeated, and TOML files stand behind them.

    ``--input A --input B`` is ``--input A B``; without this the first would be forgotten.
    """
    values: dict[str, list[str]] = {}
    files: list[str] = []
    rest: list[str] = []
    taking: list[str] | None = None
    for word in argv:
        option, equals, value = word.partition("=")
        option = option.replace("_", "-")
        if option in _MANY:
            taking = values.setdefault(option, [])
            taking += [value] if equals else []
        elif word.startswith("-"):
            taking = None
            rest.append(word)
        elif taking is not None and not word.endswith(".toml"):
            taking.append(word)
        else:
            (rest if taking is None else files).append(word)
    many = [word for option, said in values.items() for word in (option, *said)]
    return [*files, *rest, *many]
