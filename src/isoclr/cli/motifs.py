"""``isoclr motifs``: what known motifs do to a prediction."""

from collections.abc import Sequence

import polars as pl

from isoclr._console import table
from isoclr.analysis.motifs import motifs
from isoclr.cli import _verb


def command(argv: Sequence[str]) -> None:
    """Plant motifs, and print their mean effects."""
    found = _verb.run(motifs, argv, name="motifs", positional=("corpus",), aliases={"out": ["-o"]})
    means = pl.DataFrame(found.rows())
    lines = []
    for (motif, region), own in means.group_by("motif", "region", maintain_order=True):
        cells = [
            f"{value:+.4f} [{low:+.4f}, {high:+.4f}]"
            for value, low, high in own.select("value", "low", "high").rows()
        ]
        lines.append([motif, region, own["n"][0], *cells])
    columns = ["motif", "region", "mRNAs", "effect", "of its control", "beyond the control"]
    table(f"mean effect on {found.target}", columns, lines)
