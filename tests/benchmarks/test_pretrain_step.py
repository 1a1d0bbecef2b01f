from collections.abc import Callable
from pathlib import Path

import pytest

import isoclr
from benchmarks import harness, plain_pretrain, pretrain_step


@pytest.fixture
def small(fasta: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus of six gene sets of two RNAs of at most 300 nt, and a plain loop that pads to 384 nt only."""
    monkeypatch.setattr(plain_pretrain, "WIDTH", 384)
    lines = fasta.read_text().splitlines()
    fasta.write_text("".join(line[:300] + "\n" for line in lines))
    isoclr.build(out=tmp_path / "corpus", species="human", transcripts=fasta)
    return tmp_path / "corpus"


def test_whole_benchmark(main: Callable[..., None], inline: None, small: Path, tmp_path: Path) -> None:
    words = ("--corpus", small, "--batch-size", 4, "--steps", 1, "--plain-steps", 1)
    more = ("--compared-steps", 1, "--repeats", 1, "--figure", tmp_path / "p.png")
    main(pretrain_step, *words, *more, "--out", tmp_path / "pretrain_step.csv")
    rows = {row["name"]: row for row in harness.read_csv(tmp_path / "pretrain_step.csv")}
    same = "relative difference of the loss, step 1, isoclr float32 and plain, exact"
    assert float(rows[same]["value"]) < 1e-4
    naive = float(rows["loss of step 1, plain, padding in batch norm"]["value"])
    exact = float(rows["loss of step 1, plain, exact"]["value"])
    assert abs(naive - exact) > 1e-3 * abs(exact)
    assert float(rows["isoclr / plain, float32, padded to 12,288"]["value"]) > 0


def test_rate_excludes_the_first_step() -> None:
    log = [{"step": i, "nt": 100.0, "seconds": s} for i, s in enumerate((50.0, 51.0, 53.0), 1)]
    assert pretrain_step.median_rate(log) == (100 + 50) / 2
    plain = [{"nt": 100.0, "seconds": s} for s in (50.0, 4.0)]
    assert pretrain_step.median_rate(plain) == 25
