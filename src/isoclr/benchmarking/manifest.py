"""What made the results: versions, machine, seeds, and every input by its SHA-256."""

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from isoclr._version import __version__
from isoclr.benchmarking.bench import Bench
from isoclr.benchmarking.cell import Cell
from isoclr.benchmarking.store import Store
from isoclr.files import atomic_path, sha256

PACKAGES = (
    "torch",
    "numpy",
    "polars",
    "scipy",
    "scikit-learn",
    "openTSNE",
    "matplotlib",
    "plotly",
    "transformers",
)


def write_manifest(
    bench: Bench, store: Store, cells: Mapping[str, Sequence[Cell]], path: Path
) -> None:
    """Write the manifest of all that is there."""
    text = json.dumps(_manifest(bench, store, cells), indent=1, ensure_ascii=False)
    with atomic_path(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def _manifest(bench: Bench, store: Store, cells: Mapping[str, Sequence[Cell]]) -> dict[str, Any]:
    plan = bench.plan
    there = [cell for mine in cells.values() for cell in mine if store.has(cell)]
    return {
        "isoclr": __version__,
        "command": _command(sys.argv[1:]),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "machine": machine(),
        "plan": {"name": plan.path.name, "sha256": sha256(plan.path)},
        "seed": plan.seed,
        "precision": plan.precision,
        "corpus": {
            "files": bench.corpus.meta["files"],
            "options": bench.corpus.meta["options"],
            "counts": bench.corpus.meta["counts"],
        },
        "models": {model.name: bench.facts(model) for model in plan.models},
        "foreign": {one.name: bench.digest(one.path) for one in plan.foreign},
        "tasks": {name: _task(bench, name) for name in plan.tasks},
        "results": [
            {
                "study": cell.study,
                "title": cell.title,
                "name": cell.key,
                "seconds": store.read(cell).seconds,
            }
            for cell in there
        ],
        "missing": sum(map(len, cells.values())) - len(there),
    }


def _command(words: Sequence[str]) -> str:
    """The command line; of a path that holds on one machine only, its last part."""
    return " ".join(["isoclr", *(Path(w).name if Path(w).is_absolute() else w for w in words)])


def _task(bench: Bench, name: str) -> dict[str, Any]:
    asked = bench.plan.tasks[name]
    return {
        "title": asked.task.title,
        "labels": asked.task.table.name,
        "sha256": bench.digest(asked.task.table),
        "label": asked.task.label,
        "units": asked.task.units,
        "citation": asked.task.citation,
        "species": asked.task.species,
        "rnas": asked.task.rnas,
        "splits": list(asked.splits),
        "repeats": asked.repeats,
        "published": asked.published,
    }


def machine() -> dict[str, Any]:
    """Processor, cores and memory, and the GPU where there is one."""
    import torch

    facts: dict[str, Any] = {"system": platform.platform(), "cpu": _cpu(), "cores": os.cpu_count()}
    if torch.cuda.is_available():
        facts["gpu"] = torch.cuda.get_device_name()
    return facts


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
