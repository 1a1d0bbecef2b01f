"""Pre-training on a CPU beside the plain loop: the same pairs, the same loss, from the same weights.

    python -m benchmarks.pretrain_step

*Is it the same?* Without masks, shift and dropout both start from the same weights; the losses of the first steps,
which see the same pairs, are compared number by number with the plain loop that keeps padding out of its
statistics, and with the original procedure, which does not. *How fast?* ``isoclr pretrain`` as it is by default and in
float32, and the plain loop (eager, float32, padded to 12,288 nt), each in fresh processes that take turns, in
nucleotides of real bases a second. Writes ``results/pretrain_step.csv``.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import harness, pictures
from benchmarks.harness import Figure, fresh

Steps = list[dict[str, float]]

PLAIN = "plain, float32, padded to 12,288"
BARE = ["--mask", "0", "--dropout", "0"]
OURS = {"isoclr": "auto", "isoclr float32": "float32"}


class Comparison:
    """Runs of both kinds on one corpus.

    Args:
        corpus: directory.
        work: where runs are written.
        batch_size: pairs.
        threads: of the CPU; torch's choice by default.
    """

    def __init__(self, corpus: Path, work: Path, batch_size: int, threads: int | None) -> None:
        self.corpus, self.work, self.threads = corpus, work, threads
        self.size = ["--batch-size", str(batch_size)]
        self.env = {"OMP_NUM_THREADS": str(threads)} if threads else {}
        self._runs = 0

    def ours(self, steps: int, precision: str, *more: str) -> tuple[Steps, Path, float]:
        """The log of ``isoclr pretrain``, its directory and its peak memory."""
        self._runs += 1
        out = self.work / f"run{self._runs}"
        words = ["-m", "isoclr", "pretrain", str(self.corpus), "--out", str(out), *self.size]
        words += ["--steps", str(steps), "--held-out", "0", "--precision", precision, *more]
        ended = fresh(words, env=self.env)
        lines = (out / "log.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines], out, ended.peak_gb

    def plain(
        self, checkpoint: Path, rates: Sequence[float], *more: str
    ) -> tuple[Steps, Path, float]:
        """The steps of the plain loop, at the learning rates given, and its peak memory."""
        words = ["-m", "benchmarks.plain_pretrain", str(self.corpus), *self.size, *more]
        words += ["--checkpoint", str(checkpoint), "--learning-rates", *map(str, rates)]
        ended = fresh(words, env=self.env)
        return json.loads(ended.stdout), checkpoint, ended.peak_gb


def initial_weights(compared: Comparison) -> Path:
    """A checkpoint with the weights a run begins with: after one step at learning rate 0."""
    _, out, _ = compared.ours(1, "float32", *BARE, "--shift", "0", "--learning-rate", "0")
    return out / "checkpoint.safetensors"


def losses(compared: Comparison, checkpoint: Path, steps: int) -> list[Figure]:
    """The loss of each of the first steps, ours and plain, on the same pairs from the same weights."""
    bare = [*BARE, "--shift", "0", "--learning-rate", "0.001"]
    mine = {name: compared.ours(steps, p, *bare)[0] for name, p in OURS.items()}
    rates = [step["learning_rate"] for step in mine["isoclr float32"]]
    plain = {
        "plain, exact": compared.plain(checkpoint, rates, *BARE, "--exact")[0],
        "plain, padding in the statistics": compared.plain(checkpoint, rates, *BARE)[0],
    }
    figures = [
        Figure(f"loss of step {i + 1}, {name}", step["loss"], "")
        for name, found in (mine | plain).items()
        for i, step in enumerate(found)
    ]
    exact, goal = plain["plain, exact"], "≤ 1e-4"
    for i, step in enumerate(mine["isoclr float32"]):
        apart = abs(step["loss"] - exact[i]["loss"]) / abs(exact[i]["loss"])
        what = f"relative difference of the loss, step {i + 1}, isoclr float32 and plain, exact"
        figures.append(Figure(what, apart, "", goal="" if i else goal))
    return figures


def speeds(
    compared: Comparison, checkpoint: Path, steps: int, plain_steps: int, repeats: int
) -> list[Figure]:
    """Nucleotides a second with masks and dropout on, and how many times as fast as the plain loop."""
    variants: Mapping[str, Callable[[], Any]] = {
        **{name: partial(compared.ours, steps + 1, p) for name, p in OURS.items()},
        PLAIN: partial(compared.plain, checkpoint, [0.001] * (plain_steps + 1)),
    }
    runs = harness.interleaved(variants, repeats)
    rates = {name: [rate(found) for found, *_ in several] for name, several in runs.items()}
    figures = [
        Figure.of(f"{name}, training", [each / 1e6 for each in found], "Mnt/s")
        for name, found in rates.items()
    ]
    figures += [
        Figure.of(
            f"{name} / {PLAIN}",
            [a / b for a, b in zip(rates[name], rates[PLAIN], strict=True)],
            "×",
            goal="≥ 3",
        )
        for name in OURS
    ]
    return figures + [
        Figure.of(f"{name}, peak memory", [peak for *_, peak in several], "GB")
        for name, several in runs.items()
    ]


def rate(steps: Steps) -> float:
    """Real bases a second of a run: the median of its steps, the first one, which warms up, left out."""
    per_step = []
    for before, step in pairwise(steps):
        seconds = step["seconds"]
        # the log's clock runs through; the plain loop's is that of each step
        spent = seconds - before["seconds"] if "step" in step else seconds
        per_step.append(step["nt"] / spent)
    return median(per_step)


def corpus_of(given: Path | None, work: Path) -> Path:
    """The corpus to train on: the one given, or one built of the RefSeq mRNAs."""
    if given is not None:
        return given.resolve()
    fasta = harness.DATA / "transcripts/human_refseq.fa.gz"
    words = ["-m", "isoclr", "build", "--out", str(work / "corpus"), "--species", "human"]
    fresh([*words, "--transcripts", str(fasta.resolve())])
    return work / "corpus"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, help="RefSeq mRNAs by default")
    parser.add_argument("--batch-size", type=int, default=32, help="pairs")
    parser.add_argument("--steps", type=int, default=8, help="timed steps of isoclr")
    parser.add_argument("--plain-steps", type=int, default=2, help="timed steps of the plain loop")
    parser.add_argument("--compared-steps", type=int, default=4, help="steps with losses compared")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path, default=harness.RESULTS / "pretrain_step.csv")
    parser.add_argument("--picture", type=Path, default=harness.ROOT / "docs/performance.png")
    options = parser.parse_args()
    facts = harness.machine()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        corpus = corpus_of(options.corpus, work)
        compared = Comparison(corpus, work, options.batch_size, options.threads)
        checkpoint = initial_weights(compared)
        figures = speeds(
            compared, checkpoint, options.steps, options.plain_steps, options.repeats
        ) + losses(compared, checkpoint, options.compared_steps)
    title = f"pre-training on {options.batch_size} pairs: {facts['cpu']}, {facts['cores']} cores"
    harness.show(title, figures)
    harness.save(options.out, figures, facts)
    pictures.performance(options.out.parent, options.picture)


if __name__ == "__main__":
    main()
