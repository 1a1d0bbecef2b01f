"""Stopping a run in good order: a signal is noted, the step is finished, a checkpoint is written."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class GracefulStop:
    """Notes SIGTERM (a scheduler's) and SIGINT (Ctrl-C) instead of dying of them.

    A second Ctrl-C stops at once. A SIGTERM after a Ctrl-C does not: torchrun sends one of its own.
    Used off the main thread, where Python allows no handlers, it notes nothing.

    Attributes:
        signal: the number of the first signal noted, 0 so far.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == self.signal == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = self.signal or number
