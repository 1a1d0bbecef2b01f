"""Shared by the benchmarks: fresh processes, medians and ranges, and CSV files that describe the machine.

This module imports neither torch nor polars, so that the measuring process stays small and ``benchmarks.gpu`` runs
where few packages are installed.
"""

import argparse
import csv
import os
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import NamedTuple, Self, TypeVar

from isoclr import _console as console
from isoclr._io import atomic_path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks/results"
WORK = Path(tempfile.gettempdir()) / "isoclr-bench"
"""Default of ``--work``: the folder that keeps simulated inputs."""
DATA = Path(os.environ.get("ISOCLR_DATA", ROOT / "../shared/data"))
CPU_FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16", "asimd", "bf16", "sve")
"""Processor features that determine the speed of float32 and bf16 arithmetic."""

T = TypeVar("T")


def options_of(doc: str | None, out: Path | None = None) -> argparse.ArgumentParser:
    """Options of a benchmark: the first line of its docstring is the help text, ``out`` the default of ``--out``."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    if out is not None:
        parser.add_argument("--out", type=Path, default=out)
    return parser


@dataclass(frozen=True)
class Measurement:
    """One number: the median of its repetitions, with the lowest and the highest."""

    name: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    note: str = ""

    @classmethod
    def median(cls, name: str, values: Sequence[float], unit: str, note: str = "") -> Self:
        """The median and range of repetitions."""
        return cls(name, median(values), unit, min(values), max(values), note)


class ProcessResult(NamedTuple):
    """Cost and output of a command."""

    seconds: float
    peak_gb: float
    """Highest resident memory of the process, 10⁹ bytes."""
    stdout: str
    cpu_seconds: float = 0.0
    """Processor time of the process and its subprocesses."""


def peak_memory_gb(pid: int) -> float:
    """Highest resident memory of a process so far, 10⁹ bytes; 0 if it has ended or the system does not report it."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024e-9 for line in lines if line[:6] == "VmHWM:"), 0.0)


def run_python(
    args: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    memory: Callable[[int], float] = peak_memory_gb,
    every: float = 0.02,
) -> ProcessResult:
    """Run ``python ARGS`` in a fresh process.

    Args:
        args: Words of the command.
        env: Further environment variables.
        memory: Memory of a process by its id, 10⁹ bytes, of which the highest value counts.
        every: Seconds between two readings of it.

    Raises:
        SystemExit: the command failed; the message ends with its last output.
    """
    command = [sys.executable, *args]
    before, start = _children_seconds(), time.perf_counter()
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        peak = [0.0]

        def watch() -> None:
            while process.poll() is None:
                peak[0] = max(peak[0], memory(process.pid))
                time.sleep(every)

        watcher = threading.Thread(target=watch)
        watcher.start()
        stdout, stderr = process.communicate()
        seconds = time.perf_counter() - start
        watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}\n{stderr[-2000:]}")
    return ProcessResult(seconds, peak[0], stdout, _children_seconds() - before)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def interleave(variants: Mapping[str, Callable[[], T]], repeats: int) -> dict[str, list[T]]:
    """Measure A B C A B C …, so that other load on the machine affects all variants equally."""
    results: dict[str, list[T]] = {name: [] for name in variants}
    for repeat in range(repeats):
        for name, measure in variants.items():
            console.info(f"{name}, {repeat + 1} of {repeats}")
            results[name].append(measure())
    return results


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result of a call and its seconds."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def best_seconds(work: Callable[[], object], *, budget: float = 0.3, rounds: int = 5) -> float:
    """Best time of one call.

    Args:
        work: The call; it is made once without timing to warm up.
        budget: Seconds to spend in all rounds together.
        rounds: Number of rounds, of which the fastest counts.
    """
    work()
    best = float("inf")
    for _ in range(rounds):
        calls, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < budget / rounds or not calls:
            work()
            calls += 1
        best = min(best, elapsed / calls)
    return best


def machine(packages: Iterable[str] = ("isoclr", "torch")) -> dict[str, str]:
    """The machine that results come from: processor, caches, memory, versions and current load."""
    flags = (_cpuinfo("flags") or _cpuinfo("Features")).split()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": _cpuinfo("model name") or platform.machine(),
        "flags": " ".join(flag for flag in CPU_FLAGS if flag in flags),
        "cores": str(len(os.sched_getaffinity(0))),
        "l2": _cache_size(2),
        "l3": _cache_size(3),
        "memory_gb": f"{memory:.0f}",
        "load": f"{os.getloadavg()[0]:.2f}",
        "versions": "; ".join([f"python {platform.python_version()}", *map(_version, packages)]),
    }


def _cpuinfo(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _cache_size(level: int) -> str:
    """Size of one core's cache of a level, in the kernel's notation (``1024K``)."""
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        if (index / "level").read_text().strip() == str(level):
            return (index / "size").read_text().strip()
    return ""


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:  # run from a source tree
        return f"{package} not installed"


def report(
    title: str, path: Path, measurements: Sequence[Measurement], machine: Mapping[str, str], *, update: bool = False
) -> None:
    """Print measurements on stdout, and save them."""
    rows = [(one.name, with_unit(one), value_range(one), one.note) for one in measurements]
    console.table(title, ("benchmark", "median", "range", "note"), rows)
    save(path, measurements, machine, update=update)


def with_unit(one: Measurement) -> str:
    """The median with its unit."""
    return f"{format_number(one.value)} {one.unit}".strip()


def value_range(one: Measurement) -> str:
    """``lowest–highest``, empty if measured once."""
    if one.low is None or one.high is None or one.low == one.high:
        return ""
    return f"{format_number(one.low)}–{format_number(one.high)}"


def format_number(value: float) -> str:
    """Three significant digits, with thousands separators."""
    if value == 0 or abs(value) < 1e-3:
        return f"{value:.2g}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def save(path: Path, measurements: Sequence[Measurement], machine: Mapping[str, str], *, update: bool = False) -> None:
    """Write measurements as CSV, with the machine in every row.

    Args:
        path: The results file.
        measurements: Measurements to write.
        machine: The machine when the benchmark began.
        update: Keep the file's measurements of other names.
    """
    rows = [{k: _cell(v) for k, v in asdict(one).items()} | dict(machine) for one in measurements]
    names = {one.name for one in measurements}
    old = read_csv(path) if update and path.exists() else []
    write_csv(path, [row for row in old if row["name"] not in names] + rows)
    console.info(f"{path}: {len(rows)} measurements")


def _cell(value: float | str | None) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str("" if value is None else value)


def write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows with the same columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as partial, partial.open("w", newline="") as stream:
        table = csv.DictWriter(stream, [*rows[0]], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a results file."""
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))
