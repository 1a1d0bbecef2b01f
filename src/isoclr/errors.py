"""Errors a user can act on: one line, no traceback, exit code 2."""


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
