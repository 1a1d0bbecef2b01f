"""The log of a run as JSON lines, TensorBoard events, and the progress display."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rich.progress import TextColumn

from isoclr._console import info, progress
from isoclr._io import atomic_path
from isoclr.errors import MissingExtraError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

LOG = "log.jsonl"
Record = Mapping[str, float | int | str]


class Log:
    """Appends records to a JSON-lines file.

    Records of work that was lost with a killed process, and will be repeated, are removed first, so that the log
    is that of a run which never stopped.

    Args:
        keep: Whether a record of the file is still valid.
        step: Steps done so far, for TensorBoard.

    Raises:
        MissingExtraError: TensorBoard is not installed.
    """

    def __init__(
        self,
        path: Path,
        *,
        keep: Callable[[Mapping[str, Any]], bool] = lambda _: True,
        tensorboard: Path | None = None,
        step: int = 0,
    ) -> None:
        self._events = _summary_writer(tensorboard, step) if tensorboard else None
        lines = [line for line, record in _parse(path) if keep(record)]
        with atomic_path(path) as partial:
            partial.write_text("".join(lines), encoding="utf-8")
        self._stream = path.open("a", encoding="utf-8", buffering=1)

    def write(self, record: Record) -> None:
        """Append a record; for TensorBoard, its ``step`` is the number of steps done."""
        self._stream.write(json.dumps(record) + "\n")
        if self._events:
            for name, value in record.items():
                if name != "step":
                    self._events.add_scalar(name, value, int(record["step"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        if self._events:
            self._events.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """The records of a log, without a last line that a killed process left incomplete."""
    return [record for _, record in _parse(path)]


def _parse(path: Path) -> list[tuple[str, dict[str, Any]]]:
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
    """A progress bar with a few numbers, and messages above it."""

    def __init__(self, shown: bool = True) -> None:
        self._shown = shown
        self._bar = progress(TextColumn("{task.fields[numbers]}", markup=False))
        self._task = self._bar.add_task("", visible=False, numbers="")

    def __enter__(self) -> Self:
        if self._shown:
            self._bar.start()
        return self

    def __exit__(self, *error: Any) -> None:
        if self._shown:
            self._bar.__exit__(*error)

    def start(self, title: str, total: int | None = None) -> None:
        """Begin a new bar."""
        self._bar.reset(self._task, total=total, description=title, visible=True, numbers="")

    def update(self, completed: int, numbers: str = "", *, total: int | None = None) -> None:
        """Show how much is done, of ``total`` where that has changed."""
        self._bar.update(self._task, completed=completed, total=total, numbers=numbers)

    def advance(self, done: int) -> None:
        """Show that so much more is done."""
        self._bar.advance(self._task, done)

    def message(self, text: str) -> None:
        """Show a line above the bar."""
        if self._shown:
            info(text)
