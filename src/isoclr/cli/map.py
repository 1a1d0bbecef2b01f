"""``isoclr map``: a coloured map of the embedding space."""

from collections.abc import Sequence

from isoclr._console import say, table
from isoclr.analysis.tsne import map_rnas
from isoclr.cli import _verb


def command(argv: Sequence[str]) -> None:
    """Make a map, and print how far neighbours agree in its colours."""
    aliases = {"out": ["-o"]}
    found = _verb.run(map_rnas, argv, name="map", positional=("embeddings",), aliases=aliases)
    say(f"{found.table.height:,} RNAs, Kullback-Leibler divergence {found.divergence:.2f}")
    rows = [[row["colour"], row["metric"], f"{row['value']:.3f}", row["n"]] for row in found.rows()]
    table(
        "the 10 nearest RNAs of other gene sets, in the embedding",
        ["colour", "metric", "value", "RNAs"],
        rows,
    )
