"""The process around a command: environment, streams, signals, and errors of the machine in one line."""

import contextlib
import io
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType

from isoclr._atomic import error_number
from isoclr.errors import OutputError


def mend_environment() -> None:
    """Set or mend environment variables that would end the program, or slow it down, in a library it uses."""
    # Waiting threads must soon sleep: on a busy machine spinning ones make steps ten times slower.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    os.environ["MPLBACKEND"] = "agg"  # figures go to files
    if not os.environ.get("POLARS_MAX_THREADS", "1").strip("0").isdecimal():
        del os.environ["POLARS_MAX_THREADS"]
    if shutil.get_terminal_size().columns < _NARROWEST:
        os.environ["COLUMNS"] = str(_NARROWEST)


_NARROWEST = 20  # Columns of a terminal below which help could not be laid out


@contextlib.contextmanager
def standard_output() -> Iterator[None]:
    """Printing on stdout, all of it; a full disk is one line."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is not None or error.strerror is None:
            raise
        raise OutputError(f"standard output: {error.strerror}") from None


def failure_of_the_system(error: Exception, command: str) -> str | None:
    """One line for errors of the machine, such as little memory; None for errors of this program.

    >>> failure_of_the_system(MemoryError(), "embed")
    'embed: not enough memory'
    """
    text = str(error)
    if isinstance(error, MemoryError) or any(words in text for words in _NO_MEMORY):
        return f"{command}: not enough memory"
    number = error_number(error)
    if number is None:
        return None
    name = getattr(error, "filename", None)
    place = os.fsdecode(name) if isinstance(name, str | bytes | Path) else command
    return f"{place}: {os.strerror(number)}"


_NO_MEMORY = ("bad_alloc", "can't allocate memory", "CUDA out of memory", "not enough memory")
"""How torch and C++ say it."""


def mend_streams() -> None:
    """Streams that are closed are read from and written to nothing; what an encoding lacks is shown escaped."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 (stays open)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    encoding = getattr(sys.stderr, "encoding", "utf-8")
    sys.stderr = _BestEffort(
        open(2, "wb", closefd=False),  # noqa: SIM115 (stays open)
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=True,
    )


class _BestEffort(io.TextIOWrapper):
    """Messages: that one cannot be written, on a full disk, is no reason to stop the work."""

    def write(self, text: str) -> int:
        """Write what can be written."""
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        with suppress(OSError):
            super().flush()


class Terminated(KeyboardInterrupt):
    """SIGTERM from a scheduler or a closed terminal; it unwinds as Ctrl-C does, so that nothing is left behind."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def unwind_when_terminated() -> None:
    """Let SIGTERM and SIGHUP unwind the stack, unless they are handled already."""

    def terminate(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once
        raise Terminated(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, terminate)
