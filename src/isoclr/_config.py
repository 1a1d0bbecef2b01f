"""Configuration: dataclasses that check themselves, and TOML and JSON files read into them.

A config is a frozen dataclass whose fields are the options of a command. A field's annotation holds its type and
range, its docstring is the help text::

    @dataclass(frozen=True, kw_only=True)
    class AugmentConfig(Config):
        mask: Annotated[float, Meta(ge=0, le=1)] = 0.15
        \"""Probability that a position of a view is masked.\"""
"""

import dataclasses
import math
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from isoclr.errors import InputError

__all__ = ["Config", "Meta", "flag", "read_json", "read_recipe", "read_toml"]

T = TypeVar("T")
RECIPES = Path(__file__).parent / "recipes"
MAX_BYTES = 1 << 24  # Larger configuration files are refused

_STRING = re.compile(r"""\"(?:[^"\\\n]|\\.)*+\"|'[^'\n]*+'|#.*""")
_LONG_KEY = re.compile(r"(?<![\w-])(?:[\w-]*+[ \t]*+\.[ \t]*+){100}")


class Config:
    """Base of config dataclasses: every value is checked when an instance is made."""

    ALTERNATIVES: ClassVar[bool] = False
    """Whether at most one field may have a value; one of the command line then replaces that of a recipe."""

    def __post_init__(self) -> None:
        """Check types and ranges."""
        for name, hint in _hints(type(self)).items():
            value = getattr(self, name)
            if isinstance(value, Config):
                continue
            if not _fits(value, hint):
                raise InputError(f"{flag(name)} is {value!r}, expected {_describe(hint)}")

    def flat(self) -> dict[str, Any]:
        """All options by name, those of nested configs too; paths as text."""
        options: dict[str, Any] = {}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, Config):
                options |= value.flat()
            else:
                options[field.name] = str(value) if isinstance(value, Path) else value
        return options


def flag(name: str) -> str:
    """The command-line option of a field: ``learning_rate`` is ``--learning-rate``."""
    return "--" + name.replace("_", "-")


def read_toml(path: Path, kind: type[T], *, what: str = "a TOML file") -> T:
    """Read a TOML file into a typed object; unknown keys and values of a wrong type are refused."""
    try:
        text = _read_text(path, what)
        if _LONG_KEY.search(_STRING.sub("", text)):  # tomllib needs minutes for it
            raise ValueError("a key of a hundred parts or more")
        content = tomllib.loads(text)
    except (RecursionError, ValueError) as error:
        raise InputError(f"{path}: is no TOML ({_reason(error)}), expected {what}") from None
    if unknown := next(_unknown_keys(content, kind), None):
        raise InputError(f"{path}: unknown key {unknown!r}, expected {what}")
    return _convert(content, kind, path)


def read_json(path: Path, kind: type[T], *, what: str = "a JSON file") -> T:
    """Read a JSON file into a typed object; keys that the type does not have are ignored."""
    try:
        content = msgspec.json.decode(_read_text(path, what))
    except (RecursionError, ValueError, msgspec.MsgspecError) as error:
        raise InputError(f"{path}: is no JSON ({_reason(error)}), expected {what}") from None
    return _convert(content, kind, path)


def read_recipe(source: str, defaults: Mapping[str, Config]) -> dict[str, Config]:
    """Configs with the values of a recipe: a TOML file of options as on the command line.

    Args:
        source: A file, or the name of a recipe that ships, such as ``isoclr-s.v1``.
        defaults: Configs by parameter; each option of the recipe goes to the one that has it.
    """
    path = Path(source)
    shipped = RECIPES / f"{path.name}.toml"
    if path.name == source and not path.exists() and path.suffix != ".toml":
        if not shipped.exists():
            names = ", ".join(sorted(file.stem for file in RECIPES.glob("*.toml")))
            raise InputError(f"--config {source}: no such file or recipe; recipes: {names}")
        path = shipped
    options = read_toml(path, dict[str, Any], what="one option per line, as batch-size = 64")
    options = {name.replace("-", "_"): value for name, value in options.items()}
    unknown = options.keys() - {name for config in defaults.values() for name in config.flat()}
    if unknown:
        raise InputError(f"{path}: unknown option {min(unknown).replace('_', '-')!r}")
    try:
        return {name: _replace(config, options) for name, config in defaults.items()}
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _replace(config: Config, options: Mapping[str, Any]) -> Config:
    changes: dict[str, Any] = {}
    for name, hint in _hints(type(config)).items():
        value = getattr(config, name)
        if isinstance(value, Config):
            changes[name] = _replace(value, options)
        elif name in options:
            changes[name] = _from_plain(hint, options[name])
    return dataclasses.replace(config, **changes)  # type: ignore[type-var]


def _read_text(path: Path, what: str) -> str:
    """The text of a small file; a FIFO or a device is never opened."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "is a directory" if path.is_dir() else "is no regular file"
            raise InputError(f"{path}: {kind}, expected {what}")
        if status.st_size > MAX_BYTES:
            raise InputError(f"{path}: has {status.st_size:,} bytes, expected {what} of at most {MAX_BYTES:,}")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: not found, expected {what}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text, expected {what}") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}, expected {what}") from None
    except ValueError:  # NUL in the name
        raise InputError(f"{path}: no possible file name, expected {what}") from None


def _convert(content: object, kind: type[T], path: Path) -> T:
    try:
        return msgspec.convert(content, kind, dec_hook=_from_plain)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        place = place.strip("`.")
        message = message.replace("Object contains ", "").replace("Object ", "")
        raise InputError(f"{path}: {place + ': ' if place else ''}{message}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _unknown_keys(content: object, kind: Any, place: str = "") -> Iterator[str]:
    """Keys of tables that the dataclass for them has no field for."""
    if get_origin(kind) in (Annotated, Union, UnionType):
        kind = next((one for one in get_args(kind) if one is not NoneType), None)
    inner = get_args(kind)
    if isinstance(content, dict):
        hints = _hints(kind) if dataclasses.is_dataclass(kind) else None
        for key, value in content.items():
            if hints is not None and key not in hints:
                yield place + key
            else:
                hint = hints[key] if hints is not None else inner[-1] if inner else None
                yield from _unknown_keys(value, hint, f"{place}{key}.")
    elif isinstance(content, list) and inner:
        for value in content:
            yield from _unknown_keys(value, inner[0], place)


def _from_plain(kind: Any, value: Any) -> Any:
    """A value of a type that TOML and JSON do not have: a path, a tuple."""
    kinds = {get_origin(kind) or kind, *get_args(kind)}
    if Path in kinds and isinstance(value, str):
        return Path(value)
    if tuple in kinds or any(get_origin(one) is tuple for one in kinds):
        return tuple(value) if isinstance(value, list) else value
    return value


def _hints(kind: Any) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: hint for name, hint in get_type_hints(kind, include_extras=True).items() if name in names}


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type and in its range; numbers must be finite."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in inner)
    if hint is Path:
        return isinstance(value, Path)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(item, inner[0]) for item in value)
    if isinstance(value, float) and not math.isfinite(value):
        return False
    try:
        msgspec.convert(value, hint)
    except (msgspec.ValidationError, TypeError):
        return False
    return True


def _describe(hint: Any) -> str:
    """What a value of this type can be, in words.

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
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path"}
    return names.get(hint, getattr(hint, "__name__", str(hint)))


def _range(meta: Meta) -> str:
    """Bounds in words.

    >>> _range(Meta(gt=0, lt=1))
    'more than 0 and less than 1'
    """
    if meta.ge is not None and meta.le is not None:
        return f"{_number(meta.ge)} to {_number(meta.le)}"
    bounds = {"at least": meta.ge, "more than": meta.gt, "at most": meta.le, "less than": meta.lt}
    return " and ".join(f"{words} {_number(bound)}" for words, bound in bounds.items() if bound is not None)


def _number(value: float) -> str:
    return f"{value:,}" if abs(value) >= 10_000 else f"{value}"


def _reason(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error).splitlines()[0]
