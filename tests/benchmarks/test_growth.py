from collections.abc import Callable
from pathlib import Path

from benchmarks import growth, harness


def test_whole_benchmark(main: Callable[..., None], inline: None, narrow_model: None, tmp_path: Path) -> None:
    words = ("--work", tmp_path / "work", "--sizes", 40, 80, "--lengths", 1000, 3000)
    more = ("--batch-size", 3, "--steps", 1, "--figure", tmp_path / "g.png")
    main(growth, *words, *more, "--out", tmp_path / "growth.csv")
    rows = {(row["name"], row["unit"]): row for row in harness.read_csv(tmp_path / "growth.csv")}
    for size in (40, 80):
        share = rows[f"loss, share of a step @ {size} transcripts", "%"]
        loss = rows[f"loss of a step @ {size} transcripts", "s"]
        step = rows[f"a step of 3 pairs @ {size} transcripts", "s"]
        expected = 100 * float(loss["value"]) / float(step["value"])
        assert abs(float(share["value"]) - expected) < 0.01 * expected
    assert rows["isoclr embed, bf16 @ 3,000 nt", "GB"]["value"] == "0.5"
    assert (tmp_path / "g.png").stat().st_size > 10_000
