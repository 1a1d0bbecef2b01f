"""``isoclr tasks``: which supervised tasks there are, and the sequences of those that have their own."""

from collections.abc import Sequence
from pathlib import Path

from isoclr._console import say, table
from isoclr.cli import _verb
from isoclr.errors import InputError
from isoclr.tasks.task import described, read_label_task, read_task, task_names


def command(argv: Sequence[str]) -> None:
    """List the tasks, or write the RNAs of one."""
    _verb.run(tasks, argv, name="tasks", positional=("task",))


def tasks(task: str | None = None, *, data: Path | None = None, fasta: Path | None = None) -> None:
    """The supervised tasks that ship with this package, or one of them or of your own.

    Args:
        task: a name, or a TOML file; all that ship when none is given.
        data: the folder that the task's files are in (default: that of ISOCLR_DATA, or ``data``, for a task that ships,
            else the task file's own).
        fasta: write the RNAs of a reporter assay to this file, with their coding sequences, ready for ``isoclr embed``.

    Raises:
        InputError: no such task, or one whose RNAs are a corpus'.
    """
    names = task_names() if task is None else [task]
    if fasta is not None:
        if task is None:
            raise InputError("--fasta needs the name of one task, such as mrl-5utr")
        count = read_label_task(task, data).write_fasta(Path(fasta))
        say(f"wrote {count:,} RNAs to {fasta}")
        return
    columns = ["task", "what", "species", "RNAs", "split", "labels"]
    table("tasks", columns, described([read_task(name, data) for name in names]))
