"""Time and memory as functions of the corpus size and the length of an RNA, up to ten species and 10⁷ nt.

    python -m benchmarks.growth

Corpora of several sizes are opened, sampled and trained on for a few steps, each in a fresh process. The largest has
the size of the paper's ten species (926,628 transcripts, 2.4 Gnt; about 2.4 GB in ``--work``). Single RNAs of
increasing length are embedded by ``isoclr embed``. Writes ``results/growth.csv`` and draws ``docs/growth.png``.
"""

import json
import tempfile
from pathlib import Path

from benchmarks import docs, harness, simulated
from benchmarks.embed import Setup, measure_long_rna, resolve_model
from benchmarks.harness import Measurement, run_python

SIZES = (10_000, 100_000, simulated.TEN_SPECIES)
LENGTHS = (10_000, 100_000, 1_000_000, 10_000_000)


def measure_corpus(corpus: Path, batch_size: int, steps: int, threads: int | None) -> list[Measurement]:
    """Times, shares of a step, and peak memory of training on one corpus."""
    args = ["-m", "benchmarks.throughput", str(corpus), "--batch-size", str(batch_size)]
    args += ["--steps", str(steps)] + (["--threads", str(threads)] if threads else [])
    process = run_python(args)
    result = json.loads(process.stdout)
    step, loss, views = (result[key] for key in ("seconds", "loss_seconds", "views_seconds"))
    drawing = views + result["sampling_seconds"] / result["steps_per_epoch"]
    size = f" @ {result['transcripts']:,} transcripts"
    note = f"{result['nucleotides']:,} nt, {result['gene_sets']:,} gene sets; {result['precision']}"
    return [
        Measurement(f"a step of {batch_size:,} pairs{size}", step, "s", note=note),
        Measurement(f"sampling an epoch{size}", result["sampling_seconds"], "s"),
        Measurement(f"making the views of a step{size}", views, "s"),
        Measurement(f"loss of a step{size}", loss, "s"),
        Measurement(f"opening{size}", result["opening_seconds"], "s"),
        Measurement(f"pre-training{size}", process.peak_gb, "GB", note=f"{batch_size:,} pairs"),
        Measurement(f"sampling and views, share of a step{size}", 100 * drawing / step, "%"),
        Measurement(f"loss, share of a step{size}", 100 * loss / step, "%"),
        Measurement(f"speed{size}", result["nt_per_second"] / 1e6, "Mnt/s"),
    ]


def measure_lengths(work: Path, model: Path, lengths: tuple[int, ...]) -> list[Measurement]:
    """Time and peak memory of ``isoclr embed`` on one RNA of each length, start-up included."""
    setup = Setup(fasta=work, model=model, work=work, sample=0, nt=0)
    results = []
    for nt in lengths:
        for one in measure_long_rna(setup, nt):
            name = one.name.partition(",")[0].replace("isoclr", "isoclr embed,")
            results.append(Measurement(f"{name} @ {nt:,} nt", one.value, one.unit))
    return results


def main() -> None:
    parser = harness.options_of(__doc__, harness.RESULTS / "growth.csv")
    parser.add_argument("--work", type=Path, default=harness.WORK, help="folder that keeps the corpora")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="transcripts")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="nt")
    parser.add_argument("--batch-size", type=int, default=1024, help="pairs")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--figure", type=Path, default=harness.ROOT / "docs/growth.png")
    options = parser.parse_args()
    machine, results = harness.machine(), []
    for size in options.sizes:
        corpus = simulated.simulate(options.work / f"simulated-{size}.corpus", size)
        results += measure_corpus(corpus, options.batch_size, options.steps, options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        results += measure_lengths(work, resolve_model(None, work), tuple(options.lengths))
    harness.report(f"growth: {machine['cpu']}, {machine['cores']} cores", options.out, results, machine)
    docs.draw_growth(options.out, options.figure)


if __name__ == "__main__":
    main()
