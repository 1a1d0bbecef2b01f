"""What the person at the terminal sees of fine-tuning."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.progress import TextColumn

from isoclr import console
from isoclr.finetuning.checkpoint import State
from isoclr.finetuning.outcomes import Outcome

LONG = 20.0
"""Seconds of an epoch that is worth a line."""


class Display:
    """A progress bar with loss, validation R and nt/s, and a line for every training that is done."""

    def __init__(self) -> None:
        self._bar = console.progress(TextColumn("{task.fields[figures]}", markup=False))
        self._task = self._bar.add_task("", visible=False, figures="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.update(self._task, visible=False)
        self._bar.__exit__(kind, error, trace)

    def stage(self, title: str, total: int) -> Callable[[int], None]:
        """Begin something that counts nucleotides; call the result with those done."""
        self._bar.reset(self._task, total=total, description=title, visible=True, figures="")
        return lambda nt: self._bar.advance(self._task, nt)

    def step(self, nt: int, loss: float, state: State) -> None:
        """A step is done."""
        spent = self._bar.tasks[self._task].elapsed or 0.0
        done = self._bar.tasks[self._task].completed + nt
        figures = f"loss {loss:.3f}  {done / max(spent, 1e-9) / 1e6:.2f} Mnt/s"
        if state.best_epoch:
            figures += f"  best R {state.best:.3f} (epoch {state.best_epoch})"
        self._bar.update(self._task, advance=nt, figures=figures)

    def epoch(self, state: State) -> None:
        """An epoch is done; a long one is told above the bar, which a log file does not show."""
        before = state.history[-2]["seconds"] if len(state.history) > 1 else 0.0
        last = state.history[-1]
        if last["seconds"] - before > LONG:
            self.say(f"epoch {state.epoch}: validation R {last['valid_pearson']:.3f}")

    def done(self, outcome: Outcome) -> None:
        """A training is done."""
        found = ", ".join(f"{m['pearson']:.3f}" for m in outcome.metrics.values())
        self.say(
            f"{outcome.split}, seed {outcome.seed}: R {found} on {outcome.test:,} test RNAs, validation R "
            f"{outcome.best:.3f} in epoch {outcome.best_epoch} of {outcome.epochs}"
        )

    def say(self, message: str) -> None:
        """Say something above the bar."""
        console.say(message)
