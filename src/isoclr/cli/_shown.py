"""What several verbs print of their results."""

from collections.abc import Mapping

from isoclr._console import say, table
from isoclr.tasks.leakage import LeakAudit


def say_counts(counts: Mapping[str, int], of: str = "") -> None:
    """Numbers of samples and groups, and of what was left out, by reason; ``of`` stands before the reason."""
    for reason, count in counts.items():
        say(f"{count:>9,}  {of}{reason}")


def leak_table(leaks: LeakAudit, of: str = "") -> None:
    """What test RNAs share with training RNAs; ``of`` tells one audit from another."""
    title = f"leak audit{of}: test RNAs that share with a training part ({leaks.compared})"
    table(title, ["", "test RNAs", "of", "share"], leaks.totals())
