"""A function's signature as command-line options: names, kinds, defaults and help.

A parameter is the option of the same name, its entry under ``Args:`` the help. A config
(:class:`~isoclr._config.Config`) stands for all its fields, whose docstrings are the help.
"""

import ast
import contextlib
import dataclasses
import functools
import inspect
import io
import itertools
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from isoclr.errors import InputError

WIDTH = 100  # Columns of help on a wide terminal, or without one


def run(
    function: Callable[..., Any],
    argv: Sequence[str],
    *,
    name: str,
    positional: Sequence[str] = (),
    required: Sequence[str] = (),
    one_of: Sequence[str] = (),
    example: str = "",
) -> Any:
    """Call a library function with options read from the command line."""
    import tyro

    argv = [_SHORT.get(word, word) for word in argv]
    _refuse_repeats(argv)
    hints = get_type_hints(function, include_extras=True)
    parameters = dict(inspect.signature(function).parameters)
    for one in required:
        parameters[one] = parameters[one].replace(default=inspect.Parameter.empty)
        kinds = get_args(hints[one])
        if NoneType in kinds:
            (hints[one],) = (kind for kind in kinds if kind is not NoneType)
    configs = {one: p.default for one, p in parameters.items() if _is_config(p.default)}
    if configs:
        argv, recipe = _without_recipe(argv)
        if recipe is not None:
            from isoclr._config import read_recipe

            configs = _without_alternatives(read_recipe(recipe, configs), configs, argv)
    texts = _argument_help(function)
    shown = []
    for one, parameter in parameters.items():
        if one in configs:
            shown += _fields(configs[one])
        else:
            parameter = parameter.replace(annotation=hints[one])
            shown.append(_parameter(parameter, texts.get(one, ""), one in positional))
    if configs:
        shown.append(_recipe_parameter())

    @functools.wraps(function)
    def options(**values: Any) -> dict[str, Any]:
        return values

    options.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    options.__annotations__ = {p.name: p.annotation for p in shown}
    del options.__wrapped__
    empty = inspect.Parameter.empty
    needed = [one for one in positional if parameters[one].default is empty and get_origin(hints[one]) is not tuple]
    with _one_line_errors(name, needed), _help_that_fits():
        values: dict[str, Any] = tyro.cli(
            options, prog=f"isoclr {name}", description=_description(function, example), args=argv
        )
    values.pop(_RECIPE, None)
    if one_of and all(values[one] is None for one in one_of):
        flags = " or ".join(f"--{one.replace('_', '-')}" for one in one_of)
        raise InputError(f"isoclr {name} needs {flags}; see isoclr {name} --help")
    config: Any
    for one, config in configs.items():
        fields = [field.name for field in dataclasses.fields(config)]
        values[one] = dataclasses.replace(config, **{field: values.pop(field) for field in fields})
    return function(**values)


_RECIPE = "recipe_"


def _is_config(value: object) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _without_recipe(argv: Sequence[str]) -> tuple[list[str], str | None]:
    """The words without ``--config NAME``, and the name."""
    words = list(argv)
    for i, word in enumerate(words):
        if word == "--config" and i + 1 < len(words):
            return words[:i] + words[i + 2 :], words[i + 1]
        if word.startswith("--config="):
            return words[:i] + words[i + 1 :], word.partition("=")[2]
    return words, None


def _without_alternatives(configs: dict[str, Any], defaults: Mapping[str, Any], argv: Sequence[str]) -> dict[str, Any]:
    """Configs of a recipe, back to the default where the command line gives an alternative to the recipe's value."""
    given = {word.partition("=")[0].removeprefix("--").replace("-", "_") for word in argv}
    return {
        one: defaults[one]
        if config.ALTERNATIVES and given & {field.name for field in dataclasses.fields(config)}
        else config
        for one, config in configs.items()
    }


def _recipe_parameter() -> inspect.Parameter:
    import tyro

    help_text = "Recipe whose options replace the defaults: a TOML file, or the name of a built-in recipe."
    arg = tyro.conf.arg(name="config", help=help_text, metavar="FILE|NAME", help_behavior_hint="")
    return inspect.Parameter(
        _RECIPE, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, arg]
    )


def _fields(config: Any) -> list[inspect.Parameter]:
    """The options of a config: one per field, with its docstring as help."""
    hints = get_type_hints(type(config), include_extras=True)
    texts = _field_help(type(config))
    return [
        _parameter(
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=getattr(config, field.name),
                annotation=hints[field.name],
            ),
            texts.get(field.name, ""),
            positional=False,
        )
        for field in dataclasses.fields(config)
    ]


def _field_help(kind: type) -> dict[str, str]:
    """Field → the docstring below it, of a config and its bases."""
    texts: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if dataclasses.is_dataclass(base):
            body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0].body  # type: ignore[attr-defined]
            for field, below in itertools.pairwise(body):
                if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                    texts[ast.unparse(field.target)] = _joined(ast.literal_eval(below.value))
    return texts


def _argument_help(function: Callable[..., Any]) -> dict[str, str]:
    """Parameter → its entry under ``Args:``."""
    text = (inspect.getdoc(function) or "").partition("\nArgs:\n")[2]
    entries = re.split(r"^    (\w+): ", re.split(r"^\S", text, maxsplit=1, flags=re.M)[0], flags=re.M)
    return {name: _joined(entry) for name, entry in zip(entries[1::2], entries[2::2], strict=True)}


def _joined(text: str) -> str:
    return " ".join(text.replace("``", "").split())


def _parameter(parameter: inspect.Parameter, text: str, positional: bool) -> inspect.Parameter:
    """A parameter as tyro shows it."""
    import tyro

    hint = parameter.annotation
    arg: dict[str, Any] = {"help": text, **_shown(hint, parameter.default, positional)}
    if parameter.name == "out":
        arg["aliases"] = ["-o"]
    hint = Annotated[hint, tyro.conf.arg(**arg)]
    if positional:
        hint = tyro.conf.Positional[hint]  # type: ignore[misc, valid-type]  # made at run time
    return parameter.replace(annotation=hint, kind=inspect.Parameter.KEYWORD_ONLY)


def _shown(hint: Any, default: Any, positional: bool) -> dict[str, Any]:
    """How help shows an option that may be left out: no empty default, and a type without ``None``."""
    any_number = positional and get_origin(hint) is tuple  # also none, as far as the parser knows
    if default not in (None, (), "") and not any_number:
        return {}
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    if default is not None or len(kinds) != 1:
        return {"help_behavior_hint": ""}
    if get_origin(kinds[0]) is Annotated:
        kinds = [get_args(kinds[0])[0]]
    words = get_args(kinds[0])
    if get_origin(kinds[0]) is Literal:
        metavar = "{" + ",".join(words) + "}"
    elif ... in words:
        metavar = "[{0} [{0} ...]]".format(words[0].__name__.upper())
    else:
        metavar = " ".join(kind.__name__.upper() for kind in words or kinds)
    return {"metavar": f"[{metavar}]" if positional else metavar, "help_behavior_hint": ""}


def _description(function: Callable[..., Any], example: str) -> str:
    """What the docstring says before the arguments, and an example."""
    text = (inspect.getdoc(function) or "").partition("\nArgs:")[0].partition("\nReturns:")[0]
    parts = [
        part.replace("``", "") if part.startswith("    ") else _joined(part) for part in text.rstrip().split("\n\n")
    ]
    return "\n\n".join([*parts, f"Example: {example}"] if example else parts)


@contextlib.contextmanager
def _help_that_fits() -> Iterator[None]:
    """Wrap the lines of help that the parser leaves long: what stands above the tables of options."""
    # the parser draws frames if the encoding of what it prints to has them
    shown = io.TextIOWrapper(
        io.BytesIO(),
        encoding=getattr(sys.stdout, "encoding", None) or "utf-8",
        errors=getattr(sys.stdout, "errors", None) or "replace",
    )
    try:
        with contextlib.redirect_stdout(shown):
            yield
    finally:
        width = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)
        shown.seek(0)
        lines = re.sub(r"\n{3,}", "\n\n", shown.read()).splitlines()
        for line in lines:
            is_table = line[:1] in "╭│╰" or line.startswith("    ")
            print(line if is_table else textwrap.fill(line, width, break_on_hyphens=False))


@contextlib.contextmanager
def _one_line_errors(name: str, needed: Sequence[str]) -> Iterator[None]:
    """Turn the parser's box of advice into one line."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            yield
    except SystemExit as end:
        if not end.code:
            raise  # --help
        missing = _missing(complaint.getvalue(), needed)
        text = f"isoclr {name} needs {' and '.join(missing)}" if missing else _in_one_line(complaint.getvalue())
        raise InputError(f"{text}; see isoclr {name} --help") from None


def _missing(complaint: str, needed: Sequence[str]) -> list[str]:
    """The arguments, of those that are needed, and options that tyro misses; it lists them with their help."""
    _, found, listed = complaint.partition("Missing from ")
    entries = re.findall(r"^[^\w] {5}(\S.*)", listed.partition("For full helptext")[0], re.M) if found else []
    options = ["/".join(re.findall(r"(?<!\S)--?[a-z][\w-]*", one)) for one in entries]
    unnamed = options.count("")  # words fill arguments from the left
    return [*needed[len(needed) - unnamed :], *filter(None, options)]


def _in_one_line(complaint: str) -> str:
    """What tyro says about wrong options, without the title, the frame and the advice around it."""
    lines = (line.strip("╭╮╰╯│─|+ ") for line in complaint.splitlines())
    worded = [line for line in lines if any(map(str.isalnum, line))][1:]
    advice = ("For full helptext", "Argument helptext")
    text = " ".join(itertools.takewhile(lambda line: not line.startswith(advice), worded))
    text = " ".join(text.split()) or "wrong options"
    text = re.sub(r"'None', |, 'None'", "", text)  # None is chosen by leaving the option out
    return _NO_TYPE.sub(r"\1: found \3, expected \2", text)


_NO_TYPE = re.compile(
    r"^Error parsing (\S+): no type matching (?:\{None\}\|)?(.+?) could be instantiated from \[(.*?)\]\. .*$"
)
"""How tyro says that no type of an optional value fits; it goes on with what each type had to say."""
_SHORT: Mapping[str, str] = {"-o": "--out", "-j": "--jobs", "-k": "--k"}


def _refuse_repeats(argv: Sequence[str]) -> None:
    seen: set[str] = set()
    for word in argv:
        option = word.partition("=")[0].replace("_", "-")
        if option.startswith("--") and option in seen:
            raise InputError(f"{option} is given twice; several values follow one {option}")
        seen.add(option)
