"""``isoclr benchmark``: a plan → every result, table and figure, and one page."""

from collections.abc import Sequence

from isoclr._console import say, table
from isoclr.cli import _verb
from isoclr.evaluation.evaluate import Benchmark, benchmark


def command(argv: Sequence[str]) -> None:
    """Run what is missing, and say what is there."""
    done = _verb.run(
        benchmark, argv, name="benchmark", positional=("plan",), aliases={"out": ["-o"]}
    )
    _print(done)


def _print(done: Benchmark) -> None:
    rows = [(one.study, one.results, one.there, one.computed) for one in done.studies]
    table(f"benchmark: {done.out}", ["study", "results", "there", "computed now"], rows)
    for title in done.to_do:
        say(f"to do: {title}")
    if done.report is not None and not done.to_do:
        say(f"the report is {done.report}")
