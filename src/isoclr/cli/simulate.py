"""``isoclr simulate``: make a world whose truth is known."""

from collections.abc import Sequence


def command(argv: Sequence[str]) -> None:
    """Run the verb and print what was made."""
    from isoclr import _console as console
    from isoclr.cli._verb import run
    from isoclr.simulation.simulate import simulate

    world = run(simulate, argv, name="simulate", aliases={"out": ["-o"]})
    columns = ("species", "genes", "gene sets", "transcripts", "coding", "mature nt")
    console.table(str(world.path), columns, world.summary())
    console.say(f"next: isoclr build --out CORPUS {world.inputs}")
