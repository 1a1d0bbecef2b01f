"""``isoclr merge``."""

from collections.abc import Sequence

from isoclr import _console as console
from isoclr.cli import _verb
from isoclr.corpus.inspect import inspect, tables
from isoclr.corpus.write import merge


def command(argv: Sequence[str]) -> None:
    """Join shards, then show what is in the corpus."""
    corpus = _verb.run(merge, argv, name="merge", positional={"shards"}, aliases={"out": ["-o"]})
    for title, columns, rows in tables(inspect(corpus)):
        console.table(title, columns, rows)
