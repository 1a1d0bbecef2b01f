"""``isoclr convert``: embeddings of other programs."""

from collections.abc import Sequence

from isoclr.cli import _verb
from isoclr.embedding.convert import convert


def command(argv: Sequence[str]) -> None:
    """Convert, and leave the output."""
    _verb.run(convert, argv, name="convert", positional=("embeddings",), aliases={"out": ["-o"]})
