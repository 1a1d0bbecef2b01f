"""Option values without sense end in one line that names the option."""

from pathlib import Path
from typing import Any

import pytest

EMBED = "embed BENCH/two.fa --model BENCH/model -o {o}/e.parquet"
PRETRAIN = "pretrain BENCH/corpus -o {o}/r --batch-size 8 --threads 1"


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        *((EMBED, "--shard", value) for value in ("0/0", "2/1", "-1/2", "a/b", "1", "²/³")),
        (EMBED, "--shard", "1/1" + "0" * 400),
        (EMBED, "--shard", "1" * 5000 + "/2"),
        *((EMBED, "--threads", value) for value in ("0", "-1", "1000000000", "x")),
        *((EMBED, "--chunk-nt", value) for value in ("0", "-5", "1023")),
        *((EMBED, "--device", value) for value in ("zz", "meta")),
        (EMBED, "--precision", "fp8"),
        *((PRETRAIN, "--minutes", value) for value in ("nan", "inf", "0", "-1")),
        *((PRETRAIN, "--steps", value) for value in ("0", "-1", "1.5")),
        *((PRETRAIN, "--learning-rate", value) for value in ("nan", "inf", "-1")),
        *((PRETRAIN, "--temperature", value) for value in ("nan", "0", "-1")),
        *((PRETRAIN, "--mask", value) for value in ("nan", "2", "-0.1")),
        *((PRETRAIN, "--seed", value) for value in ("-1", "x")),
        (PRETRAIN, "--tracks", "7"),
        (PRETRAIN, "--init", "/nowhere"),
    ],
)
def test_option(command: str, option: str, value: str, bench: Path, refuse: Any) -> None:
    words = command.replace("BENCH", str(bench)).split()
    refuse([*words, f"{option}={value}"], option if value != "/nowhere" else value)
