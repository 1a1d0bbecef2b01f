"""``isoclr finetune``: an encoder trained on labels, and how well it predicts."""

from collections.abc import Sequence

from isoclr._console import say, table
from isoclr.cli import _shown, _verb
from isoclr.finetuning.finetune import finetune


def command(argv: Sequence[str]) -> None:
    """Fine-tune, then print how well it went; a study stopped by a signal ends with 128 + its number."""
    report = _verb.run(
        finetune, argv, name="finetune", positional=("labels",), aliases={"out": ["-o"]}
    )
    if report.stopped_by:
        say(
            f"stopped after {len(report.outcomes)} trainings; the same command with --resume goes on"
        )
        raise SystemExit(128 + report.stopped_by)
    _shown.say_counts(report.counts)
    table(report.title, report.columns(), report.table())
    if report.leaks is not None:
        _shown.leak_table(report.leaks)
    say(f"the best model is in {report.out}")
