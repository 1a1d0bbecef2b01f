"""Embedding mRNAs from FASTA to Parquet, compared with the usual ways of running such an encoder.

    python -m benchmarks.embed

Every run is a fresh process on all cores; the variants alternate. The baselines (:mod:`benchmarks.plain_embed`) embed a
random sample of the RNAs. Their encoder time is extrapolated to all RNAs: by the number of RNAs if each is padded to
12,288 nt, otherwise by nucleotides. Also measured: the differences between the embeddings, the share of the ceiling,
peak memory (also for one RNA of 10⁷ nt), the latency of single mRNAs and the time to load a model. Writes
``results/embed.csv``.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks import docs, harness
from benchmarks.harness import Measurement, ProcessResult, run_python

PRECISIONS = ("float32", "bf16")
BASELINES = {"(a) padded to 12,288": "padded", "(b) one at a time": "single", "(c) sorted by length": "sorted"}
LONG = 10_000_000


@dataclass(frozen=True)
class Setup:
    """Inputs that all runs share."""

    fasta: Path
    model: Path
    work: Path
    sample: int
    nt: int
    batches: dict[str, int] = field(default_factory=dict)
    """Best batch size of each baseline, filled by its first run."""


def run_isoclr(setup: Setup, precision: str, fasta: Path | None = None) -> ProcessResult:
    """One run of ``isoclr embed``."""
    out = setup.work / f"{precision}.parquet"
    args = ["-m", "isoclr", "embed", str(fasta or setup.fasta), "--model", str(setup.model)]
    return run_python([*args, "-o", str(out), "--precision", precision, "--overwrite"])


def run_baseline(setup: Setup, method: str) -> tuple[float, dict[str, Any], float]:
    """Seconds of a baseline extrapolated to all RNAs, the timings it printed, and its peak memory."""
    # with padding all RNAs cost the same, so a few are enough
    sample = max(setup.sample // 8, 1) if method == "padded" else setup.sample
    out = setup.work / f"{method}.parquet"
    args = ["-m", "benchmarks.plain_embed", str(setup.fasta), "--model", str(setup.model)]
    args += ["--out", str(out), "--method", method, "--sample", str(sample)]
    if method in setup.batches:
        args += ["--batch", str(setup.batches[method])]
    process = run_python(args)
    timings = json.loads(process.stdout)
    setup.batches[method] = timings["batch"]
    total, measured = ("rnas", "sample") if method == "padded" else ("nt", "sample_nt")
    overhead = process.seconds - timings["choosing"] - timings["embedding"]
    encoder = timings["embedding"] * timings[total] / timings[measured]
    return overhead + encoder, timings, process.peak_gb


def measure(setup: Setup, repeats: int) -> list[Measurement]:
    """Speed, ratios and peak memory of all variants, from FASTA to Parquet."""
    ours = {f"isoclr {p}": partial(run_isoclr, setup, p) for p in PRECISIONS}
    baselines = {name: partial(run_baseline, setup, how) for name, how in BASELINES.items()}
    runs: dict[str, list[Any]] = harness.interleave({**ours, **baselines}, repeats)
    seconds = {name: [one.seconds for one in runs[name]] for name in ours}
    seconds |= {name: [one[0] for one in runs[name]] for name in baselines}
    peaks = {name: [one.peak_gb for one in runs[name]] for name in ours}
    peaks |= {name: [one[2] for one in runs[name]] for name in baselines}
    notes = dict.fromkeys(ours, "") | {name: _note(runs[name][-1][1]) for name in baselines}
    speeds = [
        Measurement.median(f"{name}, FASTA to Parquet", [setup.nt / s / 1e6 for s in times], "Mnt/s", notes[name])
        for name, times in seconds.items()
    ]
    memory = [Measurement.median(f"{name}, peak memory", peaks[name], "GB") for name in peaks]
    return [*speeds, *_ratios(seconds, list(ours), list(baselines)), *memory]


def _ratios(seconds: Mapping[str, Sequence[float]], ours: Sequence[str], baselines: Sequence[str]) -> list[Measurement]:
    """Speed-ups over the baselines, within each round of runs."""
    return [
        Measurement.median(f"{fast} / {slow}", [b / a for a, b in zip(seconds[fast], seconds[slow], strict=True)], "×")
        for fast in ours
        for slow in baselines
    ]


def _note(timings: Mapping[str, Any]) -> str:
    return f"{timings['sample']:,} of {timings['rnas']:,} RNAs, batches of {timings['batch']}"


def measure_differences(work: Path) -> list[Measurement]:
    """Differences from the plain float32 encoder run on one RNA at a time: largest difference / largest value."""
    files = {"isoclr float32": "float32", "isoclr bf16": "bf16"}
    files |= {name: method for name, method in BASELINES.items() if method != "single"}
    reference = _read_embeddings(work / "single.parquet")
    results = []
    for name, file in files.items():
        pairs = reference.join(_read_embeddings(work / f"{file}.parquet"), on="transcript_id")
        expected, actual = (pairs[c].to_numpy() for c in ("embedding", "embedding_right"))
        difference = np.abs(actual - expected).max(1) / np.abs(expected).max(1)
        label = f"{name}, relative difference from the plain encoder"
        note = f"largest of {len(pairs):,} RNAs, median {np.median(difference):.1g}"
        results.append(Measurement(label, float(difference.max()), "", note=note))
    return results


def _read_embeddings(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path, columns=["transcript_id", "embedding"])


def measure_long_rna(setup: Setup, nt: int) -> list[Measurement]:
    """Time and peak memory for a FASTA file with one very long RNA."""
    fasta = setup.work / "long.fa"
    letters = np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(0).integers(0, 4, nt)]
    fasta.write_bytes(b">long\n" + letters.tobytes() + b"\n")
    results = []
    for precision in PRECISIONS:
        process = run_isoclr(setup, precision, fasta)
        label = f"isoclr {precision}, one RNA of {nt:,} nt"
        results += [
            Measurement(label, process.seconds, "s"),
            Measurement(f"{label}, peak memory", process.peak_gb, "GB"),
        ]
    return results


def measure_encoder(setup: Setup, passes: int) -> list[Measurement]:
    """Loading, single mRNAs, and the encoder's share of the ceiling."""
    args = ["-m", "benchmarks.encoder_speed", str(setup.fasta), "--model", str(setup.model)]
    args += ["--passes", str(passes)]
    runs = [json.loads(run_python(args).stdout) for _ in range(2)]
    loading = [run["load"] for run in runs]
    results = [
        Measurement.median("loading a model, torch already imported", loading, "s"),
        Measurement.median("import torch", [run["import_torch"] for run in runs], "s"),
    ]
    for precision in PRECISIONS:
        results += _latency(runs, precision) + _share_of_ceiling(runs, precision)
    return results


def _latency(runs: Sequence[Mapping[str, Any]], precision: str) -> list[Measurement]:
    milliseconds = [1000 * s for run in runs for s in run[f"single_{precision}"]]
    label, note = f"single mRNA, {precision}", f"median length {runs[0]['single_nt']:,.0f} nt"
    percentile = float(np.quantile(milliseconds, 0.95))
    return [
        Measurement.median(f"{label}, median", milliseconds, "ms", note),
        Measurement(f"{label}, 95th percentile", percentile, "ms"),
    ]


def _share_of_ceiling(runs: Sequence[Mapping[str, Any]], precision: str) -> list[Measurement]:
    rates = [rate for run in runs for rate in run["rate"][precision]]
    # the highest, so that other load on the machine does not lower the ceiling
    ceiling = max(rate for run in runs for rate in run["ceiling"][precision])
    flop = runs[0]["flop_per_nt"]
    label, threads = f"encoder only, {precision}", f"{runs[0]['threads']} threads"
    return [
        Measurement.median(label, [rate / 1e6 for rate in rates], "Mnt/s", threads),
        Measurement.median(f"{label}, arithmetic", [r * flop / 1e9 for r in rates], "GFLOP/s"),
        Measurement(f"ceiling, {precision}", ceiling / 1e9, "GFLOP/s"),
        Measurement.median(f"share of the ceiling, {precision}", [100 * r * flop / ceiling for r in rates], "%"),
    ]


def resolve_model(model: Path | None, work: Path) -> Path:
    """The given model, or by default an untrained IsoCLR-S, which costs the same."""
    if model is not None:
        return model.resolve()
    code = "import isoclr, sys; isoclr.create('isoclr-s', seed=0).save(sys.argv[1])"
    run_python(["-c", code, str(work / "model")])
    return work / "model"


def first_records(fasta: Path, limit: int | None, work: Path) -> tuple[Path, int]:
    """A FASTA file with the first ``limit`` records of another, or the other itself; and its nucleotides."""
    from isoclr.genomics.encoding import letters
    from isoclr.genomics.fasta import read_transcripts

    rnas = read_transcripts(fasta)
    if limit is None or limit >= len(rnas):
        return fasta.resolve(), len(rnas.codes)
    names = rnas.table["transcript_id"].to_list()[:limit]
    path = work / "first.fa"
    path.write_text("".join(f">{name}\n{letters(rnas.codes_of(i))}\n" for i, name in enumerate(names)))
    return path, int(rnas.offsets[limit])


def main() -> None:
    parser = harness.options_of(__doc__, harness.RESULTS / "embed.csv")
    default = harness.DATA / "transcripts/human_refseq.fa.gz"
    parser.add_argument("--fasta", type=Path, default=default)
    parser.add_argument("--limit", type=int, help="use only the first LIMIT RNAs")
    parser.add_argument("--model", type=Path, help="a model folder (default: an untrained model)")
    parser.add_argument("--sample", type=int, default=400, help="RNAs that the baselines embed")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--long", type=int, default=LONG, help="length of the very long RNA, nt")
    parser.add_argument("--figure", type=Path, default=harness.ROOT / "docs/performance.png")
    options = parser.parse_args()
    machine = harness.machine()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        fasta, nt = first_records(options.fasta, options.limit, work)
        setup = Setup(fasta, resolve_model(options.model, work), work, options.sample, nt)
        results = measure(setup, options.repeats) + measure_differences(work)
        results += measure_encoder(setup, options.repeats) + measure_long_rna(setup, options.long)
    title = f"embedding {options.fasta.name}, {nt:,} nt: {machine['cpu']}, {machine['cores']} cores"
    harness.report(title, options.out, results, machine)
    docs.draw_performance(options.out.parent, options.figure)


if __name__ == "__main__":
    main()
