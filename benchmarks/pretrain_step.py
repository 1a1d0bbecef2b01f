"""Pre-training on a CPU, compared with a plain training loop: same pairs, same loss, same initial weights.

    python -m benchmarks.pretrain_step

*Speed*: ``isoclr pretrain`` with default precision and in float32, and the plain loop (eager, float32, padded to
12,288 nt), alternating in fresh processes, in real bases per second. *Agreement*: without masks, shift and dropout, the
losses of the first steps are compared with a plain loop that keeps padding out of its batch statistics, and with the
original procedure, which does not. Writes ``results/pretrain_step.csv``.
"""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import docs, harness
from benchmarks.harness import Measurement, run_python

Steps = list[dict[str, float]]
"""Loss, nucleotides and seconds of each step of a run."""

PLAIN = "plain, float32, padded to 12,288"
NO_NOISE = ["--mask", "0", "--dropout", "0"]
OURS = {"isoclr": "auto", "isoclr float32": "float32"}


class Comparison:
    """Runs of both kinds on one corpus.

    Args:
        corpus: Directory of the corpus.
        work: Directory for the runs.
        batch_size: Number of pairs.
        threads: Number of CPU threads (default: PyTorch's choice).
    """

    def __init__(self, corpus: Path, work: Path, batch_size: int, threads: int | None) -> None:
        self.corpus, self.work = corpus, work
        self.batch_size = ["--batch-size", str(batch_size)]
        self.env = {"OMP_NUM_THREADS": str(threads)} if threads else {}
        self._runs = 0

    def run_isoclr(self, steps: int, precision: str, *more: str) -> tuple[Steps, Path, float]:
        """The log of ``isoclr pretrain``, its directory and its peak memory."""
        self._runs += 1
        out = self.work / f"run{self._runs}"
        args = ["-m", "isoclr", "pretrain", str(self.corpus), "--out", str(out), *self.batch_size]
        args += ["--steps", str(steps), "--val-fraction", "0", "--precision", precision, *more]
        process = run_python(args, env=self.env)
        lines = (out / "log.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines], out, process.peak_gb

    def run_plain(self, checkpoint: Path, rates: Sequence[float], *more: str) -> tuple[Steps, Path, float]:
        """The steps of the plain loop at the given learning rates, and its peak memory."""
        args = ["-m", "benchmarks.plain_pretrain", str(self.corpus), *self.batch_size, *more]
        args += ["--checkpoint", str(checkpoint), "--learning-rates", *map(str, rates)]
        process = run_python(args, env=self.env)
        return json.loads(process.stdout), checkpoint, process.peak_gb


def initial_weights(runs: Comparison) -> Path:
    """A checkpoint with the initial weights of a run: after one step at learning rate 0."""
    _, out, _ = runs.run_isoclr(1, "float32", *NO_NOISE, "--shift", "0", "--learning-rate", "0")
    return out / "checkpoint.safetensors"


def measure_losses(runs: Comparison, checkpoint: Path, steps: int) -> list[Measurement]:
    """The losses of the first steps of all variants, on the same pairs from the same weights."""
    options = [*NO_NOISE, "--shift", "0", "--learning-rate", "0.001"]
    losses = {name: runs.run_isoclr(steps, p, *options)[0] for name, p in OURS.items()}
    rates = [step["learning_rate"] for step in losses["isoclr float32"]]
    exact = losses["plain, exact"] = runs.run_plain(checkpoint, rates, *NO_NOISE, "--exact")[0]
    losses["plain, padding in batch norm"] = runs.run_plain(checkpoint, rates, *NO_NOISE)[0]
    results = [
        Measurement(f"loss of step {i}, {name}", step["loss"], "")
        for name, log in losses.items()
        for i, step in enumerate(log, start=1)
    ]
    for i, (step, reference) in enumerate(zip(losses["isoclr float32"], exact, strict=True), 1):
        difference = abs(step["loss"] - reference["loss"]) / abs(reference["loss"])
        label = f"relative difference of the loss, step {i}, isoclr float32 and plain, exact"
        results.append(Measurement(label, difference, ""))
    return results


def measure_speed(runs: Comparison, checkpoint: Path, steps: int, plain_steps: int, repeats: int) -> list[Measurement]:
    """Nucleotides per second with masks and dropout, and the speed-up over the plain loop."""
    variants: Mapping[str, Callable[[], Any]] = {
        **{name: partial(runs.run_isoclr, steps + 1, p) for name, p in OURS.items()},
        PLAIN: partial(runs.run_plain, checkpoint, [0.001] * (plain_steps + 1)),
    }
    results = harness.interleave(variants, repeats)
    rates = {name: [median_rate(log) for log, *_ in several] for name, several in results.items()}
    speeds = [
        Measurement.median(f"{name}, training", [rate / 1e6 for rate in values], "Mnt/s")
        for name, values in rates.items()
    ]
    ratios = [
        Measurement.median(f"{name} / {PLAIN}", [a / b for a, b in zip(rates[name], rates[PLAIN], strict=True)], "×")
        for name in OURS
    ]
    memory = [
        Measurement.median(f"{name}, peak memory", [peak for *_, peak in several], "GB")
        for name, several in results.items()
    ]
    return speeds + ratios + memory


def median_rate(steps: Steps) -> float:
    """Real bases per second of a run: the median over its steps without the first one, which warms up."""
    rates = []
    for previous, step in pairwise(steps):
        seconds = step["seconds"]
        # in our log, seconds count from the start of the run; in the plain loop's, from the start of the step
        elapsed = seconds - previous["seconds"] if "step" in step else seconds
        rates.append(step["nt"] / elapsed)
    return median(rates)


def resolve_corpus(corpus: Path | None, work: Path) -> Path:
    """The given corpus, or by default one built from the RefSeq mRNAs."""
    if corpus is not None:
        return corpus.resolve()
    fasta = harness.DATA / "transcripts/human_refseq.fa.gz"
    args = ["-m", "isoclr", "build", "--out", str(work / "corpus"), "--species", "human"]
    run_python([*args, "--transcripts", str(fasta.resolve())])
    return work / "corpus"


def main() -> None:
    parser = harness.options_of(__doc__, harness.RESULTS / "pretrain_step.csv")
    parser.add_argument("--corpus", type=Path, help="corpus (default: RefSeq mRNAs)")
    parser.add_argument("--batch-size", type=int, default=32, help="pairs")
    parser.add_argument("--steps", type=int, default=8, help="timed steps of isoclr")
    parser.add_argument("--plain-steps", type=int, default=2, help="timed steps of the plain loop")
    parser.add_argument("--compared-steps", type=int, default=4, help="steps with losses compared")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--figure", type=Path, default=harness.ROOT / "docs/performance.png")
    options = parser.parse_args()
    machine = harness.machine()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        corpus = resolve_corpus(options.corpus, work)
        runs = Comparison(corpus, work, options.batch_size, options.threads)
        checkpoint = initial_weights(runs)
        results = measure_speed(runs, checkpoint, options.steps, options.plain_steps, options.repeats)
        results += measure_losses(runs, checkpoint, options.compared_steps)
    title = f"pre-training on {options.batch_size} pairs: {machine['cpu']}, {machine['cores']} cores"
    harness.report(title, options.out, results, machine)
    docs.draw_performance(options.out.parent, options.figure)


if __name__ == "__main__":
    main()
