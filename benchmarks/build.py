"""How fast a corpus is built and opened, and in how much memory, against the goals.

One command: ``python benchmarks/build.py --work DIR``. It makes (once, in DIR) a simulated genome and annotation of the
size of GENCODE human, builds it, builds every real transcript under ``--data``, opens a corpus of a million
transcripts, prints seconds and peak memory beside the goals and writes ``benchmarks/results/build.csv``.

Builds run as a subprocess. Its peak memory is the sum over all of its processes of their proportional share
(PSS: shared pages count once), sampled ten times a second; its processor time is the system's account of it. On a
machine that others use too, wall time is theirs as well: compare the processor time.
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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl

from isoclr import _console as console
from isoclr._io import atomic_directory
from isoclr.corpus import write as writer
from isoclr.simulation.simulate import simulate

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks/results/build.csv"
MILLION = 1_000_000
_OPEN = """
import sys, time
from isoclr.corpus.corpus import open_corpus
start = time.perf_counter()
corpus = open_corpus(sys.argv[1])
corpus.codes_of(len(corpus) - 1).sum()
print(time.perf_counter() - start)
"""


@dataclass(frozen=True)
class Result:
    """One measurement beside its goal."""

    what: str
    seconds: float
    goal_seconds: float
    cpu_seconds: float
    peak_gb: float
    goal_gb: float | None
    load: float

    @property
    def met(self) -> bool:
        """Whether both goals were reached."""
        return self.seconds <= self.goal_seconds and self.peak_gb <= (self.goal_gb or np.inf)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "isoclr-bench")
    data = os.environ.get("ISOCLR_DATA", ROOT / "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(data))
    parser.add_argument("--only", nargs="*", choices=("gencode", "transcripts", "open"))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    measures: dict[str, Callable[[], Result]] = {
        "gencode": lambda: build_gencode(options.work),
        "transcripts": lambda: build_transcripts(options.work, options.data),
        "open": lambda: open_million(options.work),
    }
    results = [
        measure() for name, measure in measures.items() if name in (options.only or measures)
    ]
    show(results)
    save(results)


def build_gencode(work: Path) -> Result:
    world = work / "gencode"
    if not world.exists():
        simulate(out=world, size="gencode")
    return build("GENCODE-sized genome, GTF", world / "inputs.toml", work, 90, 4)


def build_transcripts(work: Path, data: Path) -> Result:
    inputs = work / "transcripts.toml"
    listed = (ROOT / "runs/real_data.toml").read_text()
    inputs.write_text(listed.replace("../../shared/data", str(data.resolve())))
    return build("all real transcripts", inputs, work, 60, 4)


def build(what: str, inputs: Path, work: Path, goal_seconds: float, goal_gb: float) -> Result:
    """Run ``isoclr build`` and measure it."""
    corpus = work / f"{inputs.parent.name}-{inputs.stem}.corpus"
    argv = [sys.executable, "-m", "isoclr", "build", "--out", str(corpus), "--overwrite"]
    load = os.getloadavg()[0]
    seconds, cpu, peak = run([*argv, str(inputs)])
    return Result(what, seconds, goal_seconds, cpu, peak, goal_gb, load)


def open_million(work: Path) -> Result:
    """Open a corpus of a million transcripts in a fresh process, and touch its last transcript."""
    path = work / "million.corpus"
    if not path.exists():
        write_million(path)
    load = os.getloadavg()[0]
    times = []
    for _ in range(5):
        argv = [sys.executable, "-c", _OPEN, str(path)]
        times.append(float(subprocess.run(argv, check=True, capture_output=True).stdout))
    _, cpu, peak = run([sys.executable, "-c", _OPEN, str(path)])
    return Result("open 10⁶ transcripts", float(np.median(times)), 0.2, cpu, peak, None, load)


def write_million(path: Path) -> None:
    """A corpus of a million transcripts of 1,000 nt, by the corpus' own writer."""
    number = pl.int_range(MILLION, eager=True)
    name = pl.Series([f"ENST{i:011d}.1" for i in range(MILLION)])
    gene = "ENSG" + (number // 4).cast(pl.String).str.zfill(11)
    table = pl.DataFrame(
        {"transcript_id": name, "gene_id": gene, "start": number * 1000}
    ).with_columns(
        gene_symbol=pl.col("gene_id"),
        gene_set="human|" + pl.col("gene_id"),
        biotype=pl.lit("protein_coding"),
        species=pl.lit("human"),
        cds_source=pl.lit("annotated"),
        source=pl.lit(0),
        length=pl.lit(1000),
        cds_start=pl.lit(100),
        cds_end=pl.lit(700),
        n_exons=pl.lit(5),
    )
    codes = np.random.default_rng(0).integers(0, 4, MILLION * 1000, np.uint8)
    with atomic_directory(path) as folder:
        writer.write(folder, table, [codes], {"species": ["human"], "shard": None})


def run(argv: Sequence[str]) -> tuple[float, float, float]:
    """Seconds, processor seconds and peak memory (GB) of a command with all of its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process:
        peak = [0]
        watch = threading.Thread(target=_watch, args=(process, peak))
        watch.start()
        status = process.wait()
        seconds = time.perf_counter() - start
        watch.join()
    if status:
        raise SystemExit(f"{' '.join(argv)}: ended with {status}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, cpu, peak[0] / 1e9


def _watch(process: subprocess.Popen[bytes], peak: list[int]) -> None:
    while process.poll() is None:
        peak[0] = max(peak[0], sum(_share(pid) for pid in _family(process.pid)))
        time.sleep(0.1)


def _family(pid: int) -> Iterator[int]:
    """A process and its descendants, as the kernel lists them."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:  # the thread ended meanwhile
            continue
        for child in found:
            yield from _family(int(child))


def _share(pid: int) -> int:
    """Bytes of memory of a process, a page shared by n processes counted as 1/n; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def machine() -> dict[str, str]:
    """Where the figures come from."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    packages = ("isoclr", "numpy", "polars", "pysam")
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "cpu": cpu,
        "memory_gb": f"{memory:.0f}",
        "versions": "; ".join(
            [
                f"python {platform.python_version()}",
                *(f"{name} {version(name)}" for name in packages),
            ]
        ),
    }


def show(results: Sequence[Result]) -> None:
    columns = ("build", "seconds", "CPU s", "peak GB", "load", "met")
    rows = [
        (
            one.what,
            f"{one.seconds:.3g} (≤ {one.goal_seconds:g})",
            f"{one.cpu_seconds:.3g}",
            f"{one.peak_gb:.2f}" + (f" (≤ {one.goal_gb:g})" if one.goal_gb else ""),
            f"{one.load:.1f}",
            "yes" if one.met else "no",
        )
        for one in results
    ]
    facts = machine()
    console.table(f"{facts['cores']} cores, {facts['cpu']}, {facts['memory_gb']} GB", columns, rows)


def save(results: Sequence[Result]) -> None:
    """Replace the measurements that were made again; keep the others."""
    facts = {"date": datetime.now(UTC).date().isoformat(), **machine()}
    fresh = [
        {
            "what": one.what,
            "seconds": f"{one.seconds:.3f}",
            "goal_seconds": f"{one.goal_seconds:g}",
            "cpu_seconds": f"{one.cpu_seconds:.2f}",
            "peak_gb": f"{one.peak_gb:.2f}",
            "goal_gb": f"{one.goal_gb:g}" if one.goal_gb else "",
            "load_before": f"{one.load:.2f}",
            **facts,
        }
        for one in results
    ]
    names = {row["what"] for row in fresh}
    kept: list[dict[str, str]] = []
    if RESULTS.exists():
        with RESULTS.open(newline="") as stream:
            kept = [row for row in csv.DictReader(stream) if row["what"] not in names]
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with RESULTS.open("w", newline="") as stream:
        table = csv.DictWriter(stream, list(fresh[0]))
        table.writeheader()
        table.writerows(kept + fresh)


if __name__ == "__main__":
    main()
