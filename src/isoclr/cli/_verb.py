"""A library function as a verb: its signature becomes the options, its docstring the help."""

import contextlib
import functools
import inspect
import io
import itertools
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import tyro

from isoclr.cli._examples import EXAMPLES
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
    _refuse_repeats(
        argv, {short: f"--{long}" for long, own in (aliases or {}).items() for short in own}
    )
    hints = get_type_hints(function)
    parameters = []
    for parameter in inspect.signature(function).parameters.values():
        hint: Any = hints[parameter.name]
        shown = _shown(hint, parameter.default, parameter.name in positional)
        if aliases and parameter.name in aliases:
            shown["aliases"] = list(aliases[parameter.name])
        if shown:
            hint = Annotated[hint, tyro.conf.arg(**shown)]
        if parameter.name in positional:
            hint = tyro.conf.Positional[hint]  # type: ignore[misc]  # a type made at run time
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
            options: dict[str, Any] = tyro.cli(
                verb,
                prog=f"isoclr {name}",
                description=_description(function, name),
                args=list(argv),
            )
    except SystemExit as end:
        if not end.code:
            raise  # --help
        text = _in_one_line(complaint.getvalue())
        raise InputError(f"{text}; isoclr {name} --help tells all options") from None
    return function(**options)


def _shown(hint: Any, default: Any, positional: bool) -> dict[str, Any]:
    """How help shows an option that may be left out: no default that says nothing, and a type without ``None``."""
    any_number = positional and get_origin(hint) is tuple  # none, too, as far as the parser knows
    if default not in (None, (), "") and not any_number:
        return {}
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    if default is not None or len(kinds) != 1:
        return {"help_behavior_hint": ""}
    words = get_args(kinds[0])
    if get_origin(kinds[0]) is Literal:
        metavar = "{" + ",".join(words) + "}"
    elif ... in words:
        metavar = "[{0} [{0} ...]]".format(words[0].__name__.upper())
    else:
        metavar = " ".join(kind.__name__.upper() for kind in words or kinds)
    return {"metavar": f"[{metavar}]" if positional else metavar, "help_behavior_hint": ""}


def _description(function: Callable[..., Any], name: str) -> str:
    """What the docstring says before the arguments, and an example."""
    text = (inspect.getdoc(function) or "").partition("\nArgs:")[0].partition("\nReturns:")[0]
    example = EXAMPLES.get(name)
    return f"{text.rstrip()}\n\nExample: {example}" if example else text.rstrip()


def _in_one_line(complaint: str) -> str:
    """What tyro says of wrong options, without the title, the frame and the advice around it."""
    lines = (line.strip("╭╮╰╯│─|+ ") for line in complaint.splitlines())
    worded = [line for line in lines if any(map(str.isalnum, line))][1:]
    advice = ("For full helptext", "Argument helptext")
    told = itertools.takewhile(lambda line: not line.startswith(advice), worded)
    text = " ".join(" ".join(told).split()) or "wrong options"
    text = re.sub(r"'None', |, 'None'", "", text)  # nothing is chosen by leaving the option out
    return _NO_TYPE.sub(r"\1: found \3, expected \2", text)


_NO_TYPE = re.compile(
    r"^Error parsing (\S+): no type matching (?:\{None\}\|)?(.+?) could be instantiated from \[(.*?)\]\. .*$"
)
"""How tyro tells that no kind of an optional value fits; it goes on with what each kind had to say."""


def _refuse_repeats(argv: Sequence[str], long_forms: Mapping[str, str]) -> None:
    seen: set[str] = set()
    for word in argv:
        option = word.partition("=")[0].replace("_", "-")
        option = long_forms.get(option, option)
        if option.startswith("--") and option in seen:
            raise InputError(f"{option} is given twice; several values follow one {option}")
        seen.add(option)
