"""What the speed benchmarks share: fresh processes, medians with ranges, a table, a CSV that names its machine.

Nothing here imports torch or polars: the process that measures others stays small, and ``benchmarks.gpu`` runs
where only torch and numpy are installed.
"""

import csv
import os
import platform
import subprocess
import sys
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
DATA = Path(os.environ.get("ISOCLR_DATA", ROOT / "../shared/data"))
FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16", "asimd", "bf16", "sve")
"""Processor features that decide how fast float32 and bf16 products run."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Figure:
    """One measured number: the median of its repetitions with the lowest and the highest."""

    what: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    goal: str = ""
    """Such as ``≥ 12``; empty when none was set."""
    note: str = ""

    @classmethod
    def of(cls, what: str, values: Sequence[float], unit: str, **more: str) -> Self:
        """The figure of several repetitions."""
        return cls(what, median(values), unit, min(values), max(values), **more)

    @property
    def met(self) -> str:
        """``yes`` or ``no`` when there is a goal."""
        if not self.goal:
            return ""
        sign, _, limit = self.goal.partition(" ")
        reached = {"≥": self.value >= float(limit), "≤": self.value <= float(limit)}[sign]
        return "yes" if reached else "no"


class Ended(NamedTuple):
    """What a command took."""

    seconds: float
    peak_gb: float
    """Highest resident memory of its process, 10⁹ bytes."""
    stdout: str


def fresh(argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> Ended:
    """Run a Python command (the words after ``python``) in a process of its own.

    Raises:
        SystemExit: the command failed; its last words are in the message.
    """
    settings = {**os.environ, **(env or {})}
    words = [sys.executable, *argv]
    start = time.perf_counter()
    with subprocess.Popen(
        words, cwd=ROOT, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        peak = [0.0]
        watch = threading.Thread(target=_watch, args=(process, peak))
        watch.start()
        stdout, stderr = process.communicate()
        seconds = time.perf_counter() - start
        watch.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(words)}: ended with {process.returncode}\n{stderr[-2000:]}")
    return Ended(seconds, peak[0], stdout)


def _watch(process: subprocess.Popen[str], peak: list[float]) -> None:
    while process.poll() is None:
        peak[0] = max(peak[0], high_water_gb(process.pid))
        time.sleep(0.02)


def high_water_gb(pid: int | str = "self") -> float:
    """Highest resident memory that a process has had, 10⁹ bytes; 0 when it is gone or the system does not say."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024e-9 for line in lines if line[:6] == "VmHWM:"), 0.0)


def interleaved(
    variants: Mapping[str, Callable[[], Result]], repeats: int
) -> dict[str, list[Result]]:
    """Measure A B C A B C …, so that a busy minute of the machine falls on all variants alike."""
    results: dict[str, list[Result]] = {name: [] for name in variants}
    for repeat in range(repeats):
        for name, measure in variants.items():
            console.info(f"{name}, {repeat + 1} of {repeats}")
            results[name].append(measure())
    return results


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What a call returns, and the seconds it took."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def seconds_of(work: Callable[[], object], *, at_least: float = 0.3, rounds: int = 5) -> float:
    """Best time of one call in ``rounds`` rounds, each long enough for the clock; the first call warms up."""
    work()
    best = float("inf")
    for _ in range(rounds):
        calls, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < at_least / rounds or not calls:
            work()
            calls += 1
        best = min(best, spent / calls)
    return best


def machine() -> dict[str, str]:
    """Where figures come from: processor, caches, memory, versions, and how busy it was."""
    cpu = _cpuinfo("model name") or platform.machine()
    present = (_cpuinfo("flags") or _cpuinfo("Features")).split()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": cpu,
        "flags": " ".join(flag for flag in FLAGS if flag in present),
        "cores": str(len(os.sched_getaffinity(0))),
        "l2": _cache(2),
        "l3": _cache(3),
        "memory_gb": f"{memory:.0f}",
        "load": f"{os.getloadavg()[0]:.2f}",
        "versions": "; ".join(
            [f"python {platform.python_version()}", *map(_named_version, ("isoclr", "torch"))]
        ),
    }


def _cpuinfo(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _cache(level: int) -> str:
    """Size of a core's cache of this level, as the kernel writes it (``1024K``)."""
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        if (index / "level").read_text().strip() == str(level):
            return (index / "size").read_text().strip()
    return ""


def _named_version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:  # run from a source tree
        return f"{package} not installed"


def show(title: str, figures: Iterable[Figure]) -> None:
    """Print figures on stdout: median, range, goal."""
    rows = [
        (one.what, f"{number(one.value)} {one.unit}".strip(), spread(one), one.goal, one.met)
        for one in figures
    ]
    console.table(title, ("what", "median", "lowest–highest", "goal", "met"), rows)


def spread(one: Figure) -> str:
    """``lowest–highest``, or nothing when it was measured once."""
    if one.low is None or one.high is None or one.low == one.high:
        return ""
    return f"{number(one.low)}–{number(one.high)}"


def number(value: float) -> str:
    """Three significant digits, and thousands separated."""
    if value == 0 or abs(value) < 1e-3:
        return f"{value:.2g}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def save(path: Path, figures: Sequence[Figure], facts: Mapping[str, str]) -> None:
    """Write figures as CSV, each with the machine as it was when the benchmark began."""
    rows = [{k: _cell(v) for k, v in asdict(one).items()} | {"met": one.met} for one in figures]
    with atomic_path(path) as partial, partial.open("w", newline="") as stream:
        table = csv.DictWriter(stream, [*rows[0], *facts], lineterminator="\n")
        table.writeheader()
        table.writerows(row | dict(facts) for row in rows)
    console.info(f"{path}: {len(rows)} figures")


def _cell(value: float | str | None) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str("" if value is None else value)


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a results file."""
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))
