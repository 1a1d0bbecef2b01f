"""Configuration: dataclasses that check themselves, and TOML and JSON files read into them.

A config is a frozen dataclass whose fields are the options of a command. A field's annotation holds its kind and
range, its docstring is the help text::

    @dataclass(frozen=True, kw_only=True)
    class AugmentConfig(Config):
        mask: Annotated[float, Meta(ge=0, le=1)] = 0.15
        \"""Probability that a position of a view is masked.\"""
"""

import dataclasses
import math
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from isoclr.errors import InputError

__all__ = ["Config", "Meta", "flag", "read_json", "read_recipe", "read_toml"]

T = TypeVar("T")
RECIPES = Path(__file__).parent / "recipes"
MAX_BYTES = 1 << 24
"""Larger configuration files are refused."""


class Config:
    """Base of config dataclasses: every value is checked when an instance is made."""

    def __post_init__(self) -> None:
        """Check kinds and ranges.

        Raises:
            InputError: naming the option, its value and what is possible.
        """
        for name, hint in _hints(type(self)).items():
            value = getattr(self, name)
            if isinstance(value, Config):
                continue
            if not _fits(value, hint):
                raise InputError(f"{flag(name)} is {value!r}, expected {_describe(hint)}")

    def flat(self) -> dict[str, Any]:
        """All options by name, those of nested configs too; paths as text."""
        return dict(_flat(self))


def flag(name: str) -> str:
    """The command-line option of a field: ``learning_rate`` is ``--learning-rate``."""
    return "--" + name.replace("_", "-")


def read_toml(path: Path, kind: type[T], *, what: str = "a TOML file") -> T:
    """Read a TOML file into a typed object; unknown keys and values of a wrong kind are refused.

    Args:
        path: the file.
        kind: a dataclass or any other type that msgspec converts to.
        what: what the file should be, for errors.

    Raises:
        InputError: the file cannot be read, is no TOML, or does not fit.
    """
    try:
        found = tomllib.loads(_text(path, what))
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise InputError(f"{path}: is no TOML ({_reason(error)}), expected {what}") from None
    return _converted(found, kind, path)


def read_json(path: Path, kind: type[T], *, what: str = "a JSON file") -> T:
    """Read a JSON file into a typed object, as :func:`read_toml`.

    Raises:
        InputError: the file cannot be read, is no JSON, or does not fit.
    """
    try:
        found = msgspec.json.decode(_text(path, what))
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise InputError(f"{path}: is no JSON ({_reason(error)}), expected {what}") from None
    return _converted(found, kind, path)


def read_recipe(source: str, defaults: Mapping[str, Config]) -> dict[str, Config]:
    """Configs with the values of a recipe: a TOML file of options as on the command line.

    Args:
        source: a file, or the name of a recipe that ships, such as ``isoclr-s.v1``.
        defaults: configs by parameter; each option of the recipe goes to the one that has it.

    Raises:
        InputError: no such recipe, or an option that no config has or takes.
    """
    path = Path(source)
    if not path.suffix and not path.exists():
        path = RECIPES / f"{source}.toml"
        if not path.exists():
            known = ", ".join(sorted(one.stem for one in RECIPES.glob("*.toml")))
            raise InputError(f"--config {source}: no such file or recipe; recipes: {known}")
    options = read_toml(path, dict[str, Any], what="options, one a line: batch-size = 64")
    options = {name.replace("-", "_"): value for name, value in options.items()}
    unknown = options.keys() - {name for config in defaults.values() for name in config.flat()}
    if unknown:
        raise InputError(f"{path}: unknown option {sorted(unknown)[0].replace('_', '-')!r}")
    try:
        return {name: _replaced(config, options) for name, config in defaults.items()}
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _replaced(config: Config, options: Mapping[str, Any]) -> Config:
    changes: dict[str, Any] = {}
    for name, hint in _hints(type(config)).items():
        value = getattr(config, name)
        if isinstance(value, Config):
            changes[name] = _replaced(value, options)
        elif name in options:
            changes[name] = _hook(hint, options[name])
    return dataclasses.replace(config, **changes)  # type: ignore[type-var]


def _flat(config: Config) -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(config):  # type: ignore[arg-type]
        value = getattr(config, field.name)
        if isinstance(value, Config):
            yield from _flat(value)
        else:
            yield field.name, str(value) if isinstance(value, Path) else value


def _text(path: Path, what: str) -> str:
    try:
        if not path.is_file():
            found = (
                "is a folder"
                if path.is_dir()
                else "not found"
                if not path.exists()
                else "is no regular file"
            )
            raise InputError(f"{path}: {found}, expected {what}")
        if path.stat().st_size > MAX_BYTES:
            raise InputError(
                f"{path}: has {path.stat().st_size:,} bytes, expected {what} of at most {MAX_BYTES:,}"
            )
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}, expected {what}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text, expected {what}") from None


def _converted(found: object, kind: type[T], path: Path) -> T:
    try:
        return msgspec.convert(found, kind, dec_hook=_hook)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        place = place.strip("`.")
        message = message.replace("Object contains", "").replace("Object ", "").strip()
        raise InputError(f"{path}: {place + ': ' if place else ''}{message}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except RecursionError:
        raise InputError(f"{path}: is nested too deeply") from None


def _hook(kind: Any, value: Any) -> Any:
    """What msgspec does not convert itself."""
    if kind is Path and isinstance(value, str):
        return Path(value)
    kinds = {get_origin(kind) or kind, *get_args(kind)}
    if Path in kinds and isinstance(value, str):
        return Path(value)
    return tuple(value) if get_origin(kind) is tuple and isinstance(value, list) else value


def _hints(kind: Any) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(kind)}
    return {
        name: hint
        for name, hint in get_type_hints(kind, include_extras=True).items()
        if name in names
    }


def _fits(value: Any, hint: Any) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if isinstance(value, Path):
        return Path in (hint, *get_args(hint))
    if get_origin(hint) is tuple:
        one = get_args(hint)[0]
        return isinstance(value, tuple) and all(_fits(item, one) for item in value)
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError:
        return False
    except TypeError:  # a type that msgspec does not know, such as Path | None: None was given
        return value is None or isinstance(value, Path)
    return True


def _describe(hint: Any) -> str:
    """What a value of this kind can be, in words.

    >>> _describe(Annotated[float, Meta(ge=0, le=1)])
    '0 to 1'
    >>> _describe(Literal["last", "all"])
    'last or all'
    """
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_describe(one) for one in get_args(hint) if one is not NoneType)
    if get_origin(hint) is Literal:
        *words, last = map(str, get_args(hint))
        return f"{', '.join(words)} or {last}" if words else last
    if get_origin(hint) is Annotated:
        kind, *rest = get_args(hint)
        for meta in rest:
            if isinstance(meta, Meta):
                return _range(meta)
        return _describe(kind)
    names = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "text",
        Path: "a path",
    }
    return names.get(hint, getattr(hint, "__name__", str(hint)))


def _range(meta: Meta) -> str:
    low, high = meta.ge, meta.le
    if low is not None and high is not None:
        return f"{low:,} to {high:,}" if max(abs(low), abs(high)) >= 10_000 else f"{low} to {high}"
    if low is not None:
        return f"at least {low}"
    if meta.gt is not None:
        return f"more than {meta.gt}"
    return f"at most {high}"


def _reason(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error).splitlines()[0]
