"""``isoclr push``: a model to the hub."""

from collections.abc import Sequence

from isoclr import _console as console
from isoclr.cli import _verb
from isoclr.models.hub import push


def command(argv: Sequence[str]) -> None:
    """Push, then print the commit and the line that loads it."""
    pushed = _verb.run(push, argv, name="push", positional={"directory", "repo"})
    console.say(pushed.url)
    print(f"commit {pushed.address.revision}")
    print(pushed.load_line)
