"""``isoclr predict``: a measured property of every RNA, with an interval."""

from collections.abc import Sequence

from isoclr._console import say, table
from isoclr.cli import _verb
from isoclr.probing.predict import predict


def command(argv: Sequence[str]) -> None:
    """Predict, and print a summary."""
    found = _verb.run(
        predict, argv, name="predict", positional=("inputs",), aliases={"out": ["-o"]}
    )
    say(f"{found.out}: {found.table.height:,} RNAs")
    table(found.title, found.columns(), found.rows())
