import json
from collections.abc import Callable
from pathlib import Path

from benchmarks import harness, probe_table


def write_probe(path: Path, mean: float) -> Path:
    interval = {"mean": mean, "low": mean - 0.1, "high": mean + 0.1}
    methods = [
        {"name": name, "probe": "ridge", "summary": {"pearson": interval, "mse": interval}}
        for name in ("embedding", "length alone")
    ]
    report = {
        "options": {"split": "fold", "rnas": "coding"},
        "counts": {"samples": 1200},
        "methods": methods,
    }
    path.write_text(json.dumps(report))
    return path


def test_table_and_csv(main: Callable[..., None], tmp_path: Path) -> None:
    probes = [write_probe(tmp_path / f"{name}.json", 0.5) for name in ("half_life", "load")]
    document = tmp_path / "card.md"
    document.write_text("before\n<!-- probes -->\nold\n<!-- end -->\nafter\n")
    main(probe_table, *probes, "--csv", tmp_path / "p.csv", "--fill", document)
    lines = document.read_text().splitlines()
    assert "| features | half life (n = 1,200) | load (n = 1,200) |" in lines
    assert "| length alone | 0.500 [0.400, 0.600] | 0.500 [0.400, 0.600] |" in lines
    assert "old" not in lines
    assert (lines[0], lines[-1]) == ("before", "after")
    rows = harness.read_csv(tmp_path / "p.csv")
    assert len(rows) == 8
    assert {row["metric"] for row in rows} == {"pearson", "mse"}
