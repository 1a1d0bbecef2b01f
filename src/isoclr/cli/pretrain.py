"""``isoclr pretrain``: corpus → encoder."""

import os
from collections.abc import Sequence

from isoclr import _console as console
from isoclr.cli import _verb
from isoclr.pretraining.pretrain import Pretrained, pretrain


def command(argv: Sequence[str]) -> None:
    """Pre-train, then print how it went; a run stopped by a signal ends with 128 + its number."""
    result = _verb.run(
        pretrain, argv, name="pretrain", positional=["corpus"], aliases={"out": ["-o"]}
    )
    if int(os.environ.get("RANK", 0)) == 0:
        _print(result)
    if result.stopped_by:
        raise SystemExit(128 + result.stopped_by)


def _print(result: Pretrained) -> None:
    state = result.state
    rows: list[tuple[str, object]] = [
        ("steps", state.step),
        ("epochs", f"{state.step / result.steps_per_epoch:.2f}"),
        ("gene sets trained on", result.gene_sets),
        ("nucleotides seen", state.nt),
        ("minutes", f"{state.seconds / 60:.1f}"),
    ]
    if state.loss is not None:
        rows.append(("loss", f"{state.loss:.3f}"))
    if state.validation:
        figures = state.validation
        rows += [
            ("held-out pairs", int(figures["pairs"])),
            ("held-out loss", f"{figures['loss']:.3f}"),
            ("held-out retrieval", f"{figures['retrieval']:.1%}"),
            ("alignment", f"{figures['alignment']:.3f}"),
            ("uniformity", f"{figures['uniformity']:.3f}"),
        ]
        if "composition" in figures:
            rows.append(("composition explained", f"{figures['composition']:.1%}"))
    console.table(f"pre-training: {result.out}", ["", "value"], rows)
    if result.stopped_by:
        console.say(f"stopped after step {state.step}; the same command with --resume goes on")
    else:
        console.say(f"the encoder is in {result.out}")
