"""What a person sees: tables on stdout, progress and messages on stderr.

Messages go through the logger ``isoclr`` of the standard library, whose handler prints them on stderr as they are. To
silence messages and progress, ``logging.getLogger("isoclr").setLevel("WARNING")``; to have them elsewhere, replace its
handlers.

Names of files, genes or models may hold any characters: everything that is shown here passes through
:func:`isoclr.errors.printable`.
"""

import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Literal

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from isoclr.errors import printable


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the command line: the reader of a table may go."""
        raise


_is_terminal = sys.stdout is not None and sys.stdout.isatty()
# a notebook gets plain text: rich's display for notebooks needs ipywidgets, and Jupyter's kernel asks for colors
# by FORCE_COLOR, with which rich would draw a bar anew for every step
_is_notebook = "ipykernel" in sys.modules and not (sys.stderr is not None and sys.stderr.isatty())
err = _Console(stderr=True, highlight=False, force_jupyter=False, force_terminal=False if _is_notebook else None)
out = _Console(highlight=False, width=None if _is_terminal else 100)


LONGEST_NAME = 32  # Characters of a table's first column that are never broken over lines; numbers never are
_NUMBER = re.compile(r"[-−+–]?[\d.,]*%?")
_within_another_stage = False


class _Handler(logging.Handler):
    """Prints records above a progress display, without a prefix."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        err.print(printable(record.getMessage()), markup=False, emoji=False, soft_wrap=True)


logger = logging.getLogger("isoclr")
if not logger.handlers:
    logger.addHandler(_Handler())
    logger.propagate = False
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)


def info(message: str) -> None:
    """Log one message for the person at the terminal (stderr)."""
    logger.info("%s", message.encode("utf-8", "backslashreplace").decode())


def show(text: str) -> None:
    """Print text on stdout as it is, without breaking lines."""
    out.print(printable(text), markup=False, emoji=False, soft_wrap=True)


def finish(message: str) -> None:
    """Say what a stage has made, unless it works for another stage, which will say what that made."""
    if not _within_another_stage:
        info(message)


@contextmanager
def quiet() -> Iterator[None]:
    """While one stage works for another."""
    global _within_another_stage
    before, _within_another_stage = _within_another_stage, True
    try:
        yield
    finally:
        _within_another_stage = before


class _Description(TextColumn):
    """What is being done; it may be the name of a file."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        """The description as plain text."""
        return Text(printable(task.description))


class _Progress(Progress):
    """A display that leaves nothing behind when an error ends the work: the error is the one line to read."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.stop()
        else:
            self.live.transient = True
            self.live.stop()


def progress(*extra: TextColumn) -> Progress:
    """A progress display on stderr: description, bar, count, any extra columns, time spent and left."""
    return _Progress(
        SpinnerColumn(),
        _Description(),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        *extra,
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=False,
        disable=not logger.isEnabledFor(logging.INFO),
    )


@contextmanager
def progress_bar(title: str, total: float | None) -> Iterator[Callable[..., None]]:
    """A progress display of one task; a call advances it, by 1 or by a given number."""
    with progress() as bar:
        yield partial(bar.advance, bar.add_task(title, total=total))


class _Speed(TextColumn):
    """Nucleotides per second since the start."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        """The speed in Mnt/s or knt/s."""
        speed = task.completed / task.elapsed if task.elapsed else 0.0
        return Text(f"{speed / 1e6:.2f} Mnt/s" if speed >= 1e5 else f"{speed / 1e3:.1f} knt/s")


def nt_progress() -> Progress:
    """A progress display that counts nucleotides, with their speed."""
    return progress(_Speed())


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout; the first column is left-aligned, the others right-aligned.

    Text is shown as it is: a name with brackets is no markup.
    """
    grid = Table(title=Text(printable(title), "table.title"), title_justify="left")
    grid.header_style = "bold"
    lines = [[*map(_cell, row)] for row in rows]
    for i, name in enumerate(columns):
        cells = [line[i] for line in lines]
        short = all(len(cell) <= LONGEST_NAME for cell in cells)
        whole = short if i == 0 else all(_NUMBER.fullmatch(cell.plain) for cell in cells)
        justify: Literal["left", "right"] = "left" if i == 0 else "right"
        grid.add_column(_cell(name), justify=justify, overflow="fold", no_wrap=whole)
    for line in lines:
        grid.add_row(*line)
    out.print(grid)


def _cell(value: object) -> Text:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return Text(printable(text).replace("\n", "\\n").replace("\t", "\\t"))
