"""``isoclr mutate``: what every point mutation does to a prediction."""

from collections.abc import Sequence

from isoclr._console import say, table
from isoclr.analysis.ism import mutate
from isoclr.cli import _verb


def command(argv: Sequence[str]) -> None:
    """Mutate, and print mean effects by kind of mutation."""
    aliases = {"out": ["-o"]}
    found = _verb.run(mutate, argv, name="mutate", positional=("inputs",), aliases=aliases)
    for scan in found.scans:
        say(f"{scan.transcript_id}: {scan.target} {scan.value:.4g}, {3 * len(scan):,} mutants")
        means = {(row["consequence"], row["metric"]): row for row in scan.rows()}
        kinds = dict.fromkeys(kind for kind, _ in means)
        rows = [
            [
                kind,
                means[kind, "mean effect"]["n"],
                f"{means[kind, 'mean effect']['value']:+.2g}",
                f"{means[kind, 'mean absolute effect']['value']:.2g}",
            ]
            for kind in kinds
        ]
        title = f"{scan.transcript_id}: effect of point mutations on {scan.target}"
        table(title, ["mutation", "mutants", "mean", "mean absolute"], rows)
