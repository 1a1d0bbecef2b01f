"""``isoclr embed``: one vector an RNA."""

from collections.abc import Sequence

from isoclr.cli import _verb
from isoclr.embedding.embed import embed


def command(argv: Sequence[str]) -> None:
    """Embed, and leave the output."""
    _verb.run(embed, argv, name="embed", positional=("inputs",), aliases={"out": ["-o"]})
