"""``isoclr fit``: a head that predicts a label, and how well it does."""

from collections.abc import Sequence

from isoclr._console import say, table
from isoclr.cli import _shown, _verb
from isoclr.probing.fit import fit


def command(argv: Sequence[str]) -> None:
    """Fit, and print what held-out folds say."""
    report = _verb.run(
        fit, argv, name="fit", positional=("embeddings", "labels"), aliases={"out": ["-o"]}
    )
    for label, counts in report.counts.items():
        _shown.say_counts(counts, of=f"{label}: ")
    say(f"{report.out}: {report.head}")
    table(f"held-out folds: {report.folds}", report.columns(), report.rows())
    if any(report.coverage_rows()):
        table("prediction intervals", report.coverage_columns(), report.coverage_rows())
