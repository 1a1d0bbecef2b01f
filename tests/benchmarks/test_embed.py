import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from benchmarks.harness import Ended

from benchmarks import embed, embed_inside, harness, plain_embed


def test_whole_benchmark(
    main: Callable[..., None],
    inline: None,
    fasta: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embed_inside, "_best_ceiling", lambda *_: 1e12)
    monkeypatch.setattr(plain_embed, "BATCHES", dict.fromkeys(plain_embed.WAYS, (1,)))
    words = ("--fasta", fasta, "--limit", 10, "--sample", 8, "--repeats", 1, "--long", 3000)
    main(embed, *words, "--out", tmp_path / "embed.csv", "--picture", tmp_path / "p.png")
    rows = {row["what"]: row for row in harness.read(tmp_path / "embed.csv")}
    same = "relative difference from the plain encoder"
    assert rows[f"isoclr float32, {same}"]["met"] == "yes"
    assert 0 < float(rows[f"isoclr bf16, {same}"]["value"]) < 0.05
    assert float(rows["isoclr bf16 / (c) sorted by length"]["value"]) > 0
    assert rows["isoclr bf16 / (a) padded to 12,288"]["goal"] == "≥ 12"
    assert rows["(b) one at a time, FASTA to Parquet"]["note"] == "8 of 10 RNAs, 1 in a batch"
    share, rate = rows["share of the ceiling, bf16"], rows["inside the encoder, bf16"]
    assert share["goal"] == "≥ 50"
    # Mnt/s × 139.3 kFLOP (140.8 without the first layer, a look-up) of 10¹² a second, in %
    assert float(share["value"]) == pytest.approx(13.926 * float(rate["value"]), rel=1e-3)
    assert (tmp_path / "p.png").stat().st_size > 5_000


@pytest.mark.parametrize(
    ("how", "expected"), [("padded", 2 + 10 * 100 / 8), ("sorted", 2 + 10 * 50)]
)
def test_a_sample_stands_for_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str, expected: float
) -> None:
    asked: list[Sequence[str]] = []
    facts = {
        "choosing": 5.0,
        "embedding": 10.0,
        "batch": 4,
        "rnas": 100,
        "sample": 8,
        "nt": 5000,
        "sample_nt": 100,
    }

    def fresh(argv: Sequence[str]) -> Ended:
        asked.append(argv)
        return Ended(17.0, 1.5, json.dumps(facts))

    monkeypatch.setattr(embed, "fresh", fresh)
    setting = embed.Setting(tmp_path / "x.fa", tmp_path, tmp_path, sample=64, nt=5000)
    seconds, _, peak = embed.baseline(setting, how)
    assert seconds == pytest.approx(
        expected
    )  # two seconds outside the encoder, and all of the rest
    assert peak == 1.5
    assert asked[0][-1] == ("8" if how == "padded" else "64")
    embed.baseline(setting, how)
    assert asked[1][-2:] == ["--batch", "4"]  # what the first run found best


def test_ratios_are_of_the_same_round() -> None:
    took = {"isoclr": [1.0, 2.0], "(c) sorted by length": [5.0, 6.0]}
    (one,) = embed._ratios(took, ["isoclr"], ["(c) sorted by length"])
    assert (one.low, one.value, one.high, one.met) == (3.0, 4.0, 5.0, "yes")


def test_latencies_are_one_for_each_rna(fasta: Path) -> None:
    import isoclr

    encoder = isoclr.create("isoclr-s", seed=0)
    found = embed_inside.latencies(encoder, ["ACGT" * 30, "GGC"], "float32")
    assert len(found) == 2
    assert all(0 < seconds < 10 for seconds in found)
