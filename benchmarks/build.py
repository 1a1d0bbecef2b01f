"""Speed and memory of building and opening corpora.

    python -m benchmarks.build --work DIR

Simulates a genome and annotation of the size of human GENCODE (once, in DIR), builds it, builds all real transcripts
in ``--data``, and opens a corpus of a million transcripts. Updates ``results/build.csv``.

Builds run as subprocesses. Peak memory is the sum over their processes of the proportional set size (PSS: shared pages
count once), sampled ten times a second. On a shared machine, compare processor time rather than wall time.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl

from benchmarks import harness
from benchmarks.harness import ROOT, Measurement, ProcessResult
from isoclr._io import atomic_directory
from isoclr.corpus.write import write
from isoclr.simulation.simulate import simulate

MILLION = 1_000_000
_OPEN = """
import sys, time
from isoclr.corpus.corpus import open_corpus
start = time.perf_counter()
corpus = open_corpus(sys.argv[1])
corpus.codes_of(len(corpus) - 1).sum()
print(time.perf_counter() - start)
"""


def build_gencode(options: argparse.Namespace) -> list[Measurement]:
    """Build a simulated corpus of the size of human GENCODE."""
    simulated = options.work / "gencode"
    if not simulated.exists():
        simulate(out=simulated, size="gencode")
    return build("GENCODE-sized genome, GTF", simulated / "inputs.toml", options.work)


def build_transcripts(options: argparse.Namespace) -> list[Measurement]:
    """Build the real corpus of ``runs/real_data.toml``."""
    inputs = options.work / "transcripts.toml"
    text = (ROOT / "runs/real_data.toml").read_text()
    inputs.write_text(text.replace("../../shared/data", str(options.data.resolve())))
    return build("all real transcripts", inputs, options.work)


def build(name: str, inputs: Path, work: Path) -> list[Measurement]:
    """Run and measure ``isoclr build``."""
    corpus = work / f"{inputs.parent.name}-{inputs.stem}.corpus"
    return describe(name, run("-m", "isoclr", "build", str(inputs), "--out", str(corpus), "--overwrite"))


def open_million(options: argparse.Namespace) -> list[Measurement]:
    """Open a corpus of a million transcripts in a fresh process and read its last transcript."""
    path = options.work / "million.corpus"
    if not path.exists():
        write_large_corpus(path, MILLION)
    runs = [run("-c", _OPEN, str(path)) for _ in range(5)]
    return describe("open 10⁶ transcripts", runs[-1]._replace(seconds=median(float(one.stdout) for one in runs)))


def run(*args: str) -> ProcessResult:
    """Run ``python ARGS`` and measure it with all of its subprocesses."""
    return harness.run_python(args, memory=memory_of_all, every=0.1)


def describe(name: str, process: ProcessResult) -> list[Measurement]:
    """Measurements of one command."""
    return [
        Measurement(name, process.seconds, "s"),
        Measurement(f"{name}, processor time", process.cpu_seconds, "s"),
        Measurement(f"{name}, peak memory", process.peak_gb, "GB"),
    ]


def write_large_corpus(path: Path, transcripts: int) -> None:
    """A corpus of random transcripts of 1,000 nt, four per gene."""
    number = pl.int_range(transcripts, eager=True)
    names = pl.Series([f"ENST{i:011d}.1" for i in range(transcripts)])
    genes = "ENSG" + (number // 4).cast(pl.String).str.zfill(11)
    table = pl.DataFrame({"transcript_id": names, "gene_id": genes, "start": number * 1000}).with_columns(
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
    codes = np.random.default_rng(0).integers(0, 4, transcripts * 1000, np.uint8)
    with atomic_directory(path) as folder:
        write(folder, table, [codes], {"species": ["human"]})


def memory_of_all(pid: int) -> float:
    """Memory of a process and its descendants, 10⁹ bytes."""
    return sum(map(_proportional_set_size, _descendants(pid))) / 1e9


def _descendants(pid: int) -> Iterator[int]:
    """A process and its descendants."""
    yield pid
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = path.read_text().split()
        except OSError:  # the thread has ended
            continue
        for child in children:
            yield from _descendants(int(child))


def _proportional_set_size(pid: int) -> int:
    """Memory of a process in bytes, with a page that n processes share counted as 1/n; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


BENCHMARKS: dict[str, Callable[[argparse.Namespace], list[Measurement]]] = {
    "gencode": build_gencode,
    "transcripts": build_transcripts,
    "open": open_million,
}


def main() -> None:
    parser = harness.options_of(__doc__, harness.RESULTS / "build.csv")
    parser.add_argument("--work", type=Path, default=harness.WORK)
    parser.add_argument("--data", type=Path, default=harness.DATA)
    parser.add_argument("--only", nargs="*", choices=BENCHMARKS, default=[*BENCHMARKS])
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    machine = harness.machine(("isoclr", "numpy", "polars", "pysam"))
    results = [one for name in options.only for one in BENCHMARKS[name](options)]
    harness.report(f"{machine['cores']} cores, {machine['cpu']}", options.out, results, machine, update=True)


if __name__ == "__main__":
    main()
