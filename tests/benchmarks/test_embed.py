import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from benchmarks.harness import ProcessResult

from benchmarks import embed, encoder_speed, harness, plain_embed


def test_whole_benchmark(
    main: Callable[..., None], inline: None, fasta: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_speed, "_ceiling", lambda *_: 1e12)
    monkeypatch.setattr(plain_embed, "BATCH_SIZES", dict.fromkeys(plain_embed.METHODS, (1,)))
    words = ("--fasta", fasta, "--limit", 10, "--sample", 8, "--repeats", 1, "--long", 3000)
    main(embed, *words, "--out", tmp_path / "embed.csv", "--figure", tmp_path / "p.png")
    rows = {row["name"]: row for row in harness.read_csv(tmp_path / "embed.csv")}
    same = "relative difference from the plain encoder"
    assert float(rows[f"isoclr float32, {same}"]["value"]) <= 1e-5
    assert 0 < float(rows[f"isoclr bf16, {same}"]["value"]) < 0.05
    assert float(rows["isoclr bf16 / (c) sorted by length"]["value"]) > 0
    assert float(rows["isoclr bf16 / (a) padded to 12,288"]["value"]) > 0
    assert rows["(b) one at a time, FASTA to Parquet"]["note"] == "8 of 10 RNAs, batches of 1"
    share, rate = rows["share of the ceiling, bf16"], rows["encoder only, bf16"]
    # Mnt/s × 139.3 kFLOP (140.8 without the first layer) of 10¹² per second, in %
    assert float(share["value"]) == pytest.approx(13.926 * float(rate["value"]), rel=1e-3)
    assert (tmp_path / "p.png").stat().st_size > 5_000


@pytest.mark.parametrize(("method", "expected"), [("padded", 2 + 10 * 100 / 8), ("sorted", 2 + 10 * 50)])
def test_sample_is_extrapolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, method: str, expected: float) -> None:
    calls: list[Sequence[str]] = []
    timings = {"choosing": 5.0, "embedding": 10.0, "batch": 4, "rnas": 100, "sample": 8, "nt": 5000, "sample_nt": 100}

    def run_python(args: Sequence[str]) -> ProcessResult:
        calls.append(args)
        return ProcessResult(17.0, 1.5, json.dumps(timings))

    monkeypatch.setattr(embed, "run_python", run_python)
    setup = embed.Setup(tmp_path / "x.fa", tmp_path, tmp_path, sample=64, nt=5000)
    seconds, _, peak = embed.run_baseline(setup, method)
    assert seconds == pytest.approx(expected)  # two seconds outside the encoder
    assert peak == 1.5
    assert calls[0][-1] == ("8" if method == "padded" else "64")
    embed.run_baseline(setup, method)
    assert calls[1][-2:] == ["--batch", "4"]  # the best batch size of the first run


def test_ratios_within_rounds() -> None:
    seconds = {"isoclr": [1.0, 2.0], "(c) sorted by length": [5.0, 6.0]}
    (one,) = embed._ratios(seconds, ["isoclr"], ["(c) sorted by length"])
    assert (one.low, one.value, one.high) == (3.0, 4.0, 5.0)


def test_latencies(fasta: Path) -> None:
    import isoclr

    encoder = isoclr.create("isoclr-s", seed=0)
    seconds = encoder_speed.latencies(encoder, ["ACGT" * 30, "GGC"], "float32")
    assert len(seconds) == 2
    assert all(0 < one < 10 for one in seconds)
