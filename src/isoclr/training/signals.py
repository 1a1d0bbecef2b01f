"""Graceful stops: a signal is noted, the current step is finished, and a checkpoint is written."""

import signal
import threading
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGTERM, signal.SIGINT)


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
