"""The log of a run: one JSON object a line, always; TensorBoard beside it on request."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.progress import TextColumn

from isoclr._console import info, progress
from isoclr._io import atomic_path
from isoclr.errors import MissingExtraError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


Record = Mapping[str, float | int]


class Log:
    """Appends what happened at a step to a JSON-lines file.

    Steps after ``step`` that are in the file already belong to work that was lost with a killed process, and
    will be done again; they are removed, so that the log is that of a run which never stopped.

    Args:
        path: the file; it need not exist.
        step: steps done so far.
        tensorboard: folder of TensorBoard events to write as well.

    Raises:
        MissingExtraError: TensorBoard is asked for and not installed.
    """

    def __init__(self, path: Path, *, step: int = 0, tensorboard: Path | None = None) -> None:
        self._board = _summary_writer(tensorboard, step) if tensorboard else None
        with atomic_path(path) as partial:
            partial.write_text("".join(_lines_until(path, step)), encoding="utf-8")
        self._stream = path.open("a", encoding="utf-8", buffering=1)

    def write(self, record: Record) -> None:
        """Append one record; its ``step`` is the number of steps done."""
        self._stream.write(json.dumps(record) + "\n")
        if self._board:
            for name, value in record.items():
                if name != "step":
                    self._board.add_scalar(name, value, int(record["step"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()
        if self._board:
            self._board.close()


def read(path: Path) -> list[dict[str, Any]]:
    """The records of a log; a last line cut short by a killed process is left out."""
    return [record for _, record in _parsed(path)]


def _lines_until(path: Path, step: int) -> list[str]:
    return [line for line, record in _parsed(path) if record.get("step", step + 1) <= step]


def _parsed(path: Path) -> list[tuple[str, dict[str, Any]]]:
    if not path.is_file():
        return []
    parsed = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if line.endswith("\n") and isinstance(record, dict):
            parsed.append((line, record))
    return parsed


def _summary_writer(folder: Path, step: int) -> "SummaryWriter":
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise MissingExtraError("tensorboard", "tensorboard", "--tensorboard") from None
    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)


class ProgressDisplay:
    """A progress bar with loss, learning rate, nt/s and time left; on the leading rank only.

    Args:
        shown: whether this process shows anything.
    """

    def __init__(self, shown: bool) -> None:
        self._bar = progress(TextColumn("{task.fields[figures]}", markup=False)) if shown else None
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
            info(message)
