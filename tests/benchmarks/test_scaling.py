from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import harness, scaling, simulated


def test_traffic_by_hand() -> None:
    sent = scaling.traffic("isoclr-s", 1024, 8)
    projector = 256 * 2048 + 2048 + 2048 * 2048 + 2048 + 4 * 2048 + 2048 * 512
    assert sent["gradients"] == pytest.approx(2 * 7 / 8 * 4 * (787_264 + projector))
    assert sent["gathered projections"] == pytest.approx(7 / 8 * 2048 * 512 * 4)
    encoder = 4 * 64 + 4 * 128 + 4 * 128 + 4 * 256 + 128 + 256  # two norms per block, two shortcuts
    sums = 1024 + 4 * (encoder + 2 * 2048) + 18 + 2
    assert sent["batch norm"] == pytest.approx(2 * 7 / 8 * 8 * sums)


def test_one_rank_sends_nothing() -> None:
    assert sum(scaling.traffic("isoclr-s", 1024, 1).values()) == 0


def test_whole_benchmark(main: Callable[..., None], inline: None, narrow_model: None, tmp_path: Path) -> None:
    words = ("--batch-size", 2, "--steps", 1, "--repeats", 1, "--out", tmp_path / "s.csv")
    main(scaling, "--corpus", simulated.simulate(tmp_path / "corpus", 20), *words)
    rows = {row["name"]: row for row in harness.read_csv(tmp_path / "s.csv")}
    one, two = (float(rows[name]["value"]) for name in (scaling.ONE, scaling.RANKS))
    share = float(rows[f"efficiency of {scaling.RANKS}"]["value"])
    assert abs(share - 50 * two / one) < 0.01 * share
    assert float(rows["total sent per rank, isoclr-m, 1,024 pairs, 64 GPUs"]["value"]) > 50
