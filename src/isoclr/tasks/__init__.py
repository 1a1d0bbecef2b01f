"""Supervised tasks: label tables, representative transcripts, splits without leaks, and metrics."""

from isoclr.tasks.labels import Labels, read_labels
from isoclr.tasks.metrics import Interval
from isoclr.tasks.samples import Samples, match
from isoclr.tasks.splits import Split

__all__ = ["Interval", "Labels", "Samples", "Split", "match", "read_labels"]
