"""Errors a user can act on: one line, no traceback, exit code 2; and words that messages share."""

import re
from importlib import import_module
from typing import Any


class IsoclrError(Exception):
    """Bad input, a wrong request, or an output that cannot be written.

    The message is one line that names the file, the line or record, what it holds and what was expected. The command
    line prints it after ``isoclr: error:`` and exits with code 2.
    """


class InputError(IsoclrError):
    """A file, record or option that cannot be used as it is."""


class OutputError(IsoclrError):
    """An output that cannot be written: a full disk, no permission."""


class MissingExtraError(IsoclrError):
    """An optional package is needed; the message says what to install."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the package {package}: pip install 'isoclr[{extra}]'")


def import_optional(package: str, extra: str, purpose: str) -> Any:
    """Import a package that comes with an extra.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return import_module(package)
    except ImportError:
        raise MissingExtraError(package, extra, purpose) from None


_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters except tab and line feed, characters that turn the direction of text, and lone surrogates."""


def counted(number: int, noun: str) -> str:
    """A number with its noun in the right form.

    >>> counted(1, "RNA"), counted(1200, "RNA")
    ('1 RNA', '1,200 RNAs')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """Text without characters that command a terminal: names in files may hold any.

    >>> printable("gene\x1b[31m")
    'gene\\\\x1b[31m'
    """
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)
