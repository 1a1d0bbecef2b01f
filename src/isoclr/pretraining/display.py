"""What the person at the terminal sees of a run."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.progress import TextColumn

from isoclr import console


class Display:
    """A progress bar with loss, learning rate, nt/s and time left; on the leading rank only.

    Args:
        shown: whether this process shows anything.
    """

    def __init__(self, shown: bool) -> None:
        self._bar = (
            console.progress(TextColumn("{task.fields[figures]}", markup=False)) if shown else None
        )
        self._shown = shown

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
            self._task = self._bar.add_task("pre-training", total=None, figures="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def step(
        self, step: int, total: int, *, loss: float, learning_rate: float, nt_per_second: float
    ) -> None:
        """Show a finished step."""
        if self._bar:
            figures = f"loss {loss:.3f}  lr {learning_rate:.1e}  {nt_per_second / 1e3:,.0f} knt/s"
            self._bar.update(self._task, completed=step, total=total, figures=figures)

    def validation(self, step: int, figures: Mapping[str, float]) -> None:
        """Show a measurement on the held-out gene sets."""
        self.say(
            f"step {step}: held-out loss {figures['loss']:.3f}, "
            f"retrieval {figures['retrieval']:.1%} among {figures['pairs']:.0f} pairs"
        )

    def say(self, message: str) -> None:
        """Say something above the bar."""
        if self._shown:
            console.say(message)
