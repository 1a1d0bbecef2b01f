from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import ceilings, harness
from isoclr.models.encoder import MODELS


def test_operations_of_a_forward_pass() -> None:
    assert ceilings.flop_per_nt(MODELS["isoclr-s"]) == 140_800  # 70.4 kMAC, counted by hand
    four = ceilings.flop_per_nt(MODELS["isoclr-s"], tracks=4)
    assert four == 140_800 - 2 * 2 * 2 * 64  # two tracks fewer in the stem


def test_ceiling_is_operations_per_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "best_seconds", lambda *_, **__: 1e-3)  # for 1,000 positions
    shape = MODELS["isoclr-s"]
    rate = ceilings.ceiling(shape, ceilings.DTYPES["bf16"], tiles=(1000,))
    products = ceilings.products(shape)[1:]
    seconds_per_nt = sum(one.positions for one in products) * 1e-6
    assert rate == pytest.approx(sum(one.flop for one in products) / seconds_per_nt)


def test_command(main: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceilings, "COPY_BYTES", 2**20)
    monkeypatch.setattr(ceilings, "TILES", (64,))
    main(ceilings, "--out", tmp_path / "c.csv", "--seconds", 0.001)
    rows = harness.read_csv(tmp_path / "c.csv")
    assert {row["unit"] for row in rows} == {"GFLOP/s", "GB/s"}
    assert all(float(row["value"]) > 0 and row["cpu"] and row["cores"] for row in rows)
