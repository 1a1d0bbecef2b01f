"""Rules of a run: its directory, its options when it is resumed, divergence, graceful stops and the exit code."""

import signal
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Self

from isoclr._config import flag
from isoclr._io import ensure_writable
from isoclr.errors import InputError, IsoclrError

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class DivergedError(IsoclrError):
    """The loss or its gradient is no longer finite."""


def check_run_directory(out: Path, *, resume: bool, markers: Sequence[str]) -> None:
    """Check that a run may write into a directory.

    Args:
        markers: Files of which a run that can be resumed has at least one.
    """
    ensure_writable(out)
    # an interrupted start may leave a temporary file, whose name begins with a dot
    in_use = out.exists() and (not out.is_dir() or any(f.name[0] != "." for f in out.iterdir()))
    if in_use and not resume:
        raise InputError(f"{out}: exists already; add --resume to go on, or choose another --out")
    if in_use and not any((out / marker).exists() for marker in markers):
        raise InputError(f"{out}: is no run to resume, expected one with {' or '.join(markers)}")


def require_same_options(saved: Mapping[str, Any], given: Mapping[str, Any], source: Path) -> None:
    """Check that a run is resumed with the options it was started with."""
    differing = [
        f"{_option(name, saved.get(name))} (given: {_text(name, given.get(name))})"
        for name in dict.fromkeys([*given, *saved])
        if saved.get(name) != given.get(name)
    ]
    if differing:
        raise InputError(f"{source}: cannot be resumed with other options; it was started with {', '.join(differing)}")


def _option(name: str, value: Any) -> str:
    return _text(name, value) if isinstance(value, bool) else f"{flag(name)} {_text(name, value)}"


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return flag(name if value else f"no_{name}")
    return "none" if value in (None, "", []) else str(value)


class GracefulStop:
    """Notes SIGTERM (sent by schedulers) and SIGINT (Ctrl-C) instead of ending the process.

    A second Ctrl-C ends it at once. A SIGTERM after a Ctrl-C does not, because torchrun sends one of its own.
    Outside the main thread, where Python allows no signal handlers, nothing is noted.
    """

    signal: int  # Number of the first signal noted; 0 so far

    def __init__(self) -> None:
        self.signal = 0
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == self.signal == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = self.signal or number


def exit_code(number: int) -> int:
    """128 + the signal that stopped a run, as shells count; 0 for a finished run."""
    return 128 + number if number else 0
