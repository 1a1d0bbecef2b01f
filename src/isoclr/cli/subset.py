"""``isoclr subset``."""

from collections.abc import Sequence

from isoclr import _console as console
from isoclr.cli import _verb
from isoclr.corpus.inspect import inspect, tables
from isoclr.corpus.subset import subset


def command(argv: Sequence[str]) -> None:
    """Make a corpus from part of another, then show what is in it."""
    made = _verb.run(subset, argv, name="subset", positional={"corpus"}, aliases={"out": ["-o"]})
    for title, columns, rows in tables(inspect(made)):
        console.table(title, columns, rows)
