"""``isoclr probe``: a table of how well embeddings and baselines predict a label."""

from collections.abc import Sequence

from isoclr.cli import _verb
from isoclr.console import say, table
from isoclr.probing import probe


def command(argv: Sequence[str]) -> None:
    """Probe, and print the comparison."""
    report = _verb.run(probe, argv, name="probe", positional=("embeddings", "labels"))
    for reason, count in report.counts.items():
        say(f"{count:>9,}  {reason}")
    table(report.title, report.columns(), report.rows())
    if report.leaks is not None:
        table(
            f"leak audit: test RNAs that share with a training part ({report.leaks.compared})",
            ["", "test RNAs", "of", "share"],
            report.leaks.totals(),
        )
