from collections.abc import Callable
from pathlib import Path

from benchmarks import harness, variants
from isoclr.simulation.simulate import simulate


def test_whole_benchmark(main: Callable[..., None], tmp_path: Path) -> None:
    world = simulate(out=tmp_path / "world", size="tiny", species=1, genes=8).path
    genome, annotation = next(world.rglob("*.fa*")), next(world.rglob("*.gtf*"))
    files = "--genome", genome, "--annotation", annotation, "--out", tmp_path / "v.csv"
    main(variants, *files, "--rows", 40, "--whole", 6, "--repeats", 1, "--threads", 1)
    found = {row["name"]: float(row["value"]) for row in harness.read_csv(tmp_path / "v.csv")}
    assert found["largest difference of a prediction"] < 1e-5
    assert found["ratio, CPU"] > 0
    assert found["scored rows"] > 0
