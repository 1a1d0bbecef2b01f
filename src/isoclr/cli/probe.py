"""``isoclr probe``: a table of how well embeddings and baselines predict a label."""

from collections.abc import Sequence

from isoclr._console import table
from isoclr.cli import _shown, _verb
from isoclr.probing.probe import probe


def command(argv: Sequence[str]) -> None:
    """Probe, and print the comparison."""
    report = _verb.run(probe, argv, name="probe", positional=("embeddings", "labels"))
    _shown.say_counts(report.counts)
    table(report.title, report.columns(), report.rows())
    if report.leaks is not None:
        _shown.leak_table(report.leaks)
