"""The ``config.json`` of somebody else's model: read with care, because a network is made of it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isoclr.errors import InputError

CONFIG = "config.json"
_LARGEST = 10_000_000
"""No size in a config is larger; a damaged file must not fill the memory."""


@dataclass(frozen=True)
class Settings:
    """A config and where it lies.

    Attributes:
        path: the file.
        values: what is in it.
    """

    path: Path
    values: dict[str, Any]

    def size(self, key: str, default: int | None = None) -> int:
        """A positive whole number.

        Raises:
            InputError: it is something else, or missing without a default.
        """
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if type(value) is not int or not 0 < value <= _LARGEST:
            raise self.wrong(key, f"a whole number from 1 to {_LARGEST:,}")
        return value

    def number(self, key: str, default: float) -> float:
        """A number above 0.

        Raises:
            InputError: it is something else.
        """
        value = self.values.get(key, default)
        if type(value) not in (int, float) or not 0 < value < 1e6:
            raise self.wrong(key, "a number above 0")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        """True or false.

        Raises:
            InputError: it is something else.
        """
        value = self.values.get(key, default)
        if type(value) is not bool:
            raise self.wrong(key, "true or false")
        return value

    def must_be(self, key: str, expected: object) -> None:
        """Refuse a variant of the architecture that is not implemented; a missing value is the usual one.

        Raises:
            InputError: the value is another.
        """
        if self.values.get(key, expected) != expected:
            raise self.wrong(key, repr(expected))

    def wrong(self, key: str, expected: str) -> InputError:
        """The error of one value."""
        found = self.values.get(key, "missing")
        return InputError(f"{self.path}: {key} is {found!r}, expected {expected}")


def read_settings(path: Path) -> Settings:
    """Read a config.

    Raises:
        InputError: there is none, or it is no JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: not found; expected a model's config") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a model's config ({error})") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: not a model's config (no JSON object)")
    return Settings(path, values)
