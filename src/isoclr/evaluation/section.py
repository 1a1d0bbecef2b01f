"""One table of a plan file, read key by key: every complaint names the file and the key."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isoclr.errors import InputError

_VARIABLE = re.compile(r"\$\{(\w+)\}")


class Section:
    """A table of a TOML file from which keys are taken; what is left at the end was misspelt.

    Args:
        file: the plan.
        name: of the table, as a complaint calls it; empty for the whole file.
        values: its keys.
    """

    def __init__(self, file: Path, name: str, values: object) -> None:
        if not isinstance(values, dict):
            raise InputError(f"{file}: {name} is {values!r}, expected a table")
        self.file = file
        self.name = name
        self._values: dict[str, Any] = dict(values)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def text(self, key: str, default: str | None = None) -> str:
        """A text; ``${NAME}`` in it is the environment's."""
        value = self._take(key, default)
        if not isinstance(value, str) or not value:
            raise self.wrong(key, value, "a text")
        return self._with_variables(key, value)

    def maybe(self, key: str) -> str | None:
        """A text, or nothing."""
        return self.text(key) if key in self else None

    def texts(self, key: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        """A list of different texts."""
        value = self._take(key, list(default) if default is not None else None)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.wrong(key, value, "a list of texts")
        if len(set(value)) < len(value):
            raise self.wrong(key, value, "every one once")
        return tuple(self._with_variables(key, one) for one in value)

    def choice(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        """One of a few words."""
        value = self.text(key, default)
        if value not in choices:
            raise self.wrong(key, value, " or ".join(choices))
        return value

    def choices(
        self, key: str, choices: Sequence[str], default: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """Some of a few words."""
        values = self.texts(key, default)
        for value in values:
            if value not in choices:
                raise self.wrong(key, value, f"of {', '.join(choices)}")
        return values

    def whole(self, key: str, default: int | None = None, *, least: int = 1) -> int:
        """A whole number."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.wrong(key, value, f"a whole number of {least} or more")
        return value

    def shares(self, key: str, default: Sequence[float]) -> tuple[float, ...]:
        """Percentages, each above 0 and at most 100."""
        value = self._take(key, list(default))
        fine = isinstance(value, list) and value
        if not fine or not all(_is_number(one) and 0 < one <= 100 for one in value):
            raise self.wrong(key, value, "a list of percentages above 0, at most 100")
        return tuple(float(one) for one in value)

    def path(self, key: str) -> Path:
        """An existing file or directory, named relative to the plan."""
        found = self.file.parent / Path(self.text(key)).expanduser()
        if not found.exists():
            raise self.wrong(key, str(found), "an existing file or directory")
        return found

    def paths(self, key: str) -> tuple[Path, ...]:
        """Existing files, named relative to the plan; none by default."""
        found = tuple(self.file.parent / Path(one).expanduser() for one in self.texts(key, ()))
        for path in found:
            if not path.is_file():
                raise self.wrong(key, str(path), "an existing file")
        return found

    def options(self, key: str, allowed: Sequence[str]) -> dict[str, Any]:
        """A table of options of another stage."""
        value = self._take(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, value, "a table of options")
        for option in value:
            if option not in allowed:
                raise self.wrong(f"{key}.{option}", value[option], f"one of {', '.join(allowed)}")
        return value

    def table(self, key: str) -> object:
        """Whatever stands under a key, to be read as a section of its own."""
        return self._take(key, None)

    def tables(self, key: str) -> list["Section"]:
        """The tables ``[[key]]``, in their order."""
        value = self._take(key, [])
        if not isinstance(value, list):
            raise self.wrong(key, value, f"tables [[{key}]]")
        where = f"{self.name}.{key}" if self.name else key
        return [Section(self.file, f"[[{where}]] {n}", one) for n, one in enumerate(value, 1)]

    def rest(self, allowed: Sequence[str]) -> dict[str, Any]:
        """Whatever is left, when every key is one of ``allowed``."""
        rest = {key: self._values.pop(key) for key in list(self._values) if key in allowed}
        self.end(allowed)
        return rest

    def end(self, allowed: Sequence[str] = ()) -> None:
        """Refuse keys that nobody asked for.

        Raises:
            InputError: naming the first of them.
        """
        for key, value in self._values.items():
            known = f"one of {', '.join(allowed)}" if allowed else "no such key"
            raise self.wrong(key, value, known)

    def wrong(self, key: str, found: object, expected: str) -> InputError:
        """The complaint about one key."""
        where = f"{self.name}: " if self.name else ""
        said = "is missing" if found is None else f"is {found!r}"
        return InputError(f"{self.file}: {where}{key} {said}, expected {expected}")

    def _take(self, key: str, default: Any) -> Any:
        return self._values.pop(key, default)

    def _with_variables(self, key: str, text: str) -> str:
        def value(found: re.Match[str]) -> str:
            if found[1] not in os.environ:
                raise self.wrong(key, text, f"{found[1]} to be set in the environment")
            return os.environ[found[1]]

        return _VARIABLE.sub(value, text)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
