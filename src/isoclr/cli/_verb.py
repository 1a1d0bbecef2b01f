"""A library function as a verb: its signature becomes the options, its docstring the help."""

import contextlib
import functools
import inspect
import io
import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, TypeVar, get_type_hints

import tyro

from isoclr.errors import InputError

Result = TypeVar("Result")


def run(
    function: Callable[..., Result],
    argv: Sequence[str],
    *,
    name: str,
    positional: Collection[str] = (),
    aliases: Mapping[str, Sequence[str]] | None = None,
) -> Result:
    """Call a library function with options read from the command line.

    Args:
        function: the stage; every parameter is an option of the same name, its docstring the help.
        argv: the words after the verb.
        name: the verb.
        positional: parameters given by position instead of by ``--name``.
        aliases: short forms, such as ``{"out": ["-o"]}``.

    Raises:
        InputError: an option is unknown, missing, of the wrong kind, or given twice.
    """
    _refuse_repeats(argv)
    hints = get_type_hints(function)
    parameters = []
    for parameter in inspect.signature(function).parameters.values():
        hint: Any = hints[parameter.name]
        if parameter.name in positional:
            hint = tyro.conf.Positional[hint]  # type: ignore[misc]  # a type made at run time
        elif aliases and parameter.name in aliases:
            hint = Annotated[hint, tyro.conf.arg(aliases=list(aliases[parameter.name]))]
        hints[parameter.name] = hint
        parameters.append(parameter.replace(annotation=hint, kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(function)
    def verb(**options: Any) -> dict[str, Any]:
        return options

    verb.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    verb.__annotations__ = hints
    del verb.__wrapped__
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            options: dict[str, Any] = tyro.cli(verb, prog=f"isoclr {name}", args=list(argv))
    except SystemExit as end:
        if not end.code:
            raise  # --help
        text = _in_one_line(complaint.getvalue())
        raise InputError(f"{text}; isoclr {name} --help tells all options") from None
    return function(**options)


def _in_one_line(complaint: str) -> str:
    """What tyro says of wrong options, without the title, the frame and the advice around it."""
    lines = (line.strip("╭╮╰╯│─|+ ") for line in complaint.splitlines())
    worded = [line for line in lines if any(map(str.isalnum, line))][1:]
    advice = ("For full helptext", "Argument helptext")
    told = itertools.takewhile(lambda line: not line.startswith(advice), worded)
    return " ".join(" ".join(told).split()) or "wrong options"


def _refuse_repeats(argv: Sequence[str]) -> None:
    seen: set[str] = set()
    for word in argv:
        option = word.partition("=")[0].replace("_", "-")
        if option.startswith("--") and option in seen:
            raise InputError(f"{option} is given twice; several values follow one {option}")
        seen.add(option)
