"""Reading a TOML table field by field, so that a wrong or unknown one is named."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

from isoclr.errors import InputError

_REQUIRED: Any = object()
Default = TypeVar("Default")


class Fields:
    """A table of a task file; it remembers which fields were asked for.

    Args:
        source: the file, for errors.
        values: the table.
        path: where in the file the table stands, such as ``labels.columns``; empty for the file itself.
    """

    def __init__(self, source: Path, values: Mapping[str, Any], path: str = "") -> None:
        self.source = source
        self.values = values
        self.path = path
        self._asked: list[str] = []

    @overload
    def text(self, key: str) -> str: ...
    @overload
    def text(self, key: str, default: Default) -> str | Default: ...
    def text(self, key: str, default: Any = _REQUIRED) -> Any:
        """A field of text."""
        return self._get(key, str, "text", default)

    def number(self, key: str, default: int) -> int:
        """A field that is a whole number, 1 or more."""
        value = self._get(key, int, "a whole number, 1 or more", default)
        if isinstance(value, bool) or value < 1:
            raise self._wrong(key, value, "a whole number, 1 or more")
        return int(value)

    def choice(self, key: str, choices: Sequence[str], default: str) -> str:
        """A field that is one of a few words."""
        value = self._get(key, str, f"one of {', '.join(choices)}", default)
        if value not in choices:
            raise self._wrong(key, value, f"one of {', '.join(choices)}")
        return str(value)

    def file(self, key: str, folder: Path) -> Path:
        """A file's path, or several of which the first that exists is meant (the first of all when none does)."""
        named = self._get(key, str | list, "a path, or several", _REQUIRED)
        paths = [named] if isinstance(named, str) else named
        if not paths or not all(isinstance(path, str) for path in paths):
            raise self._wrong(key, named, "a path, or several")
        files = [folder / path for path in paths]
        return next((file for file in files if file.exists()), files[0])

    @overload
    def table(self, key: str) -> "Fields": ...
    @overload
    def table(self, key: str, default: dict[str, Any]) -> "Fields": ...
    @overload
    def table(self, key: str, default: None) -> "Fields | None": ...
    def table(self, key: str, default: Any = _REQUIRED) -> "Fields | None":
        """A table within this one."""
        value = self._get(key, dict, "a table", default)
        return None if value is None else Fields(self.source, value, self._name(key))

    def refuse_others(self) -> None:
        """Refuse a field that nothing asked for: a slip of the pen must not pass in silence.

        Raises:
            InputError: there is one.
        """
        unknown = [key for key in self.values if key not in self._asked]
        if unknown:
            raise InputError(
                f"{self.source}: unknown field {self._name(unknown[0])!r}, expected {', '.join(self._asked)}"
            )

    def _get(self, key: str, kind: Any, expected: str, default: Any) -> Any:
        self._asked.append(key)
        if key not in self.values:
            if default is _REQUIRED:
                raise InputError(
                    f"{self.source}: no field {self._name(key)!r}, expected {expected}"
                )
            return default
        value = self.values[key]
        if not isinstance(value, kind):
            raise self._wrong(key, value, expected)
        return value

    def _wrong(self, key: str, value: object, expected: str) -> InputError:
        return InputError(f"{self.source}: {self._name(key)} is {value!r}, expected {expected}")

    def _name(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key
