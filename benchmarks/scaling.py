"""Training on several processes: efficiency measured here on two, communication on paper for 8 and 64 GPUs.

    python -m benchmarks.scaling

The same global batch is trained on by one process with one thread, by two processes (gloo) with one thread each, and
by one process with two threads, in turns. Efficiency is the rate of the two against twice that of the one. What a
step must send is computed from the model's own tensors (:func:`traffic`); writes ``results/scaling.csv``.
"""

import argparse
import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from benchmarks import harness, simulated
from benchmarks.harness import Figure, fresh
from isoclr.models.encoder import create
from isoclr.models.norm import BatchNorm
from isoclr.models.resnet import ProjectionHead

ONE, RANKS, THREADS = "1 process × 1 thread", "2 processes × 1 thread", "1 process × 2 threads"
HISTOGRAM = 1024
"""Pairs of codes that the first layer's statistics are counted over, instead of sums of its activations."""


def run(corpus: Path, batch_size: int, steps: int, *, ranks: int, threads: int) -> dict[str, Any]:
    """What :mod:`benchmarks.step` says of one layout of processes and threads."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
    words = ["-m", "benchmarks.step", str(corpus), "--batch-size", str(batch_size)]
    words += ["--steps", str(steps), "--threads", str(threads)]
    ended = fresh([*launch, *words] if ranks > 1 else words, env={"OMP_NUM_THREADS": str(threads)})
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def measure(corpus: Path, batch_size: int, steps: int, repeats: int) -> list[Figure]:
    """Rates of the three layouts, and efficiencies against the first."""
    layouts = {ONE: (1, 1), RANKS: (2, 1), THREADS: (1, 2)}
    variants = {
        name: partial(run, corpus, batch_size, steps, ranks=ranks, threads=threads)
        for name, (ranks, threads) in layouts.items()
    }
    runs = harness.interleaved(variants, repeats)
    rates = {name: [one["nt_per_second"] for one in found] for name, found in runs.items()}
    figures = [
        Figure.of(name, [each / 1e6 for each in found], "Mnt/s") for name, found in rates.items()
    ]
    for name in (RANKS, THREADS):
        pairs = zip(rates[name], rates[ONE], strict=True)
        shares = [100 * fast / (2 * slow) for fast, slow in pairs]
        figures.append(Figure.of(f"efficiency of {name}", shares, "%"))
    return figures


def traffic(model: str, pairs: int, ranks: int) -> dict[str, float]:
    """Bytes that every rank sends (and receives) in one step, by what they are.

    A sum over R ranks of b bytes costs a rank 2 b (R − 1) / R, a gathering of b bytes in all b (R − 1) / R, as rings
    do it. Projections: 2 N rows of float32. Batch norm: sums, sums of squares and a count in float64 forward, two sums
    backward, of every layer; the first layer's histogram instead of its sums. Gradients: float32.
    """
    encoder = create(model)
    projector = ProjectionHead(encoder.dim)
    modules = nn.ModuleList([encoder.network, projector])
    norms = [len(m.weight) for m in modules.modules() if isinstance(m, BatchNorm)][
        1:
    ]  # not the stem's
    statistics = 8 * (HISTOGRAM + sum(2 * c + 1 for c in norms) + sum(2 * c for c in norms))
    gradients = 4 * sum(p.numel() for p in modules.parameters())
    gathered = 4 * 2 * pairs * projector.last.out_features
    share = (ranks - 1) / ranks
    return {
        "gathered projections": gathered * share,
        "batch norm": 2 * statistics * share,
        "gradients": 2 * gradients * share,
    }


def on_paper(pairs: int) -> list[Figure]:
    """Communication of a step for S and M, on 8 and 64 GPUs."""
    figures = []
    for model in ("isoclr-s", "isoclr-m"):
        for ranks in (8, 64):
            parts = traffic(model, pairs, ranks)
            where = f"{model}, {pairs:,} pairs, {ranks} GPUs"
            figures += [Figure(f"{what}, {where}", b / 1e6, "MB") for what, b in parts.items()]
            figures.append(Figure(f"all a rank sends, {where}", sum(parts.values()) / 1e6, "MB"))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, help="a simulated one by default")
    parser.add_argument("--batch-size", type=int, default=128, help="pairs, over all processes")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=harness.RESULTS / "scaling.csv")
    options = parser.parse_args()
    facts = harness.machine()
    with tempfile.TemporaryDirectory() as folder:
        corpus = options.corpus or simulated.simulate(Path(folder) / "corpus", 4_000)
        figures = measure(corpus, options.batch_size, options.steps, options.repeats)
    figures += on_paper(1024)
    harness.show(f"scaling: {facts['cpu']}, {facts['cores']} cores", figures)
    harness.save(options.out, figures, facts)


if __name__ == "__main__":
    main()
