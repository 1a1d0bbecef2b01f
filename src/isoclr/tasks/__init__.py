"""Supervised tasks: task files, label tables, representative transcripts, splits without leaks, and metrics."""

from isoclr.tasks.labels import Labels, read_labels
from isoclr.tasks.metrics import Interval
from isoclr.tasks.samples import Samples, match
from isoclr.tasks.splits import Split
from isoclr.tasks.task import OntologyTask, Task
from isoclr.tasks.task_files import read_task

__all__ = [
    "Interval",
    "Labels",
    "OntologyTask",
    "Samples",
    "Split",
    "Task",
    "match",
    "read_labels",
    "read_task",
]
