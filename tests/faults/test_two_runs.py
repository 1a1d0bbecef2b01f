"""A second run on the same directory is refused in one line."""

from pathlib import Path
from typing import Any

import pytest

from isoclr._io import exclusive

LABELS = "BENCH/labels.tsv --corpus BENCH/corpus --model BENCH/model --train head --epochs 1"


@pytest.mark.parametrize(
    "command",
    [
        "pretrain BENCH/corpus --steps 1 --batch-size 8 --threads 1 -o OUT",
        f"finetune {LABELS} --threads 1 -o OUT",
        "evaluate BENCH/plan.toml -o OUT",
        "download worm --mirror http://127.0.0.1:9 --retries 0 -o OUT",
    ],
)
def test_second_run(command: str, bench: Path, tmp_path: Path, refuse: Any) -> None:
    (bench / "gc.toml").write_text('name = "gc"\ntitle = "GC"\n[labels]\nfile = "labels.tsv"\n')
    (bench / "plan.toml").write_text(
        'corpus = "corpus"\n[[model]]\nname = "M"\npath = "model"\n[[task]]\ntask = "gc.toml"\n'
        'split = ["random"]\nsplits = 2\n[main]\nmethods = ["length"]\n'
    )
    words = command.replace("BENCH", str(bench)).replace("OUT", str(tmp_path / "out")).split()
    with exclusive(tmp_path / "out"):
        refuse(words, str(tmp_path / "out"), "another run is writing to it")
