"""Training in several processes: measured efficiency with two, computed communication for 8 and 64 GPUs.

    python -m benchmarks.scaling

The same global batch is trained on by one process with one thread, by two processes (gloo) with one thread each, and by
one process with two threads; the three alternate. Efficiency is the speed divided by twice the speed of the first. The
bytes that a step must send are computed from the model's tensors (:func:`traffic`). Writes ``results/scaling.csv``.
"""

import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from benchmarks import harness, simulated
from benchmarks.harness import Measurement, run_python
from isoclr.models.encoder import create
from isoclr.models.norm import BatchNorm
from isoclr.models.resnet import ProjectionHead

ONE, RANKS, THREADS = "1 process × 1 thread", "2 processes × 1 thread", "1 process × 2 threads"
HISTOGRAM = 1024
"""Pairs of codes whose counts give the first layer's batch statistics."""


def run(corpus: Path, batch_size: int, steps: int, *, ranks: int, threads: int) -> dict[str, Any]:
    """The output of :mod:`benchmarks.throughput` for a number of processes and threads."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
    args = ["-m", "benchmarks.throughput", str(corpus), "--batch-size", str(batch_size)]
    args += ["--steps", str(steps), "--threads", str(threads)]
    command = [*launch, *args] if ranks > 1 else args
    process = run_python(command, env={"OMP_NUM_THREADS": str(threads)})
    result: dict[str, Any] = json.loads(process.stdout)
    return result


def measure(corpus: Path, batch_size: int, steps: int, repeats: int) -> list[Measurement]:
    """Speed of the three variants, and the efficiency of the last two."""
    layouts = {ONE: (1, 1), RANKS: (2, 1), THREADS: (1, 2)}
    variants = {
        name: partial(run, corpus, batch_size, steps, ranks=ranks, threads=threads)
        for name, (ranks, threads) in layouts.items()
    }
    runs = harness.interleave(variants, repeats)
    rates = {name: [one["nt_per_second"] for one in results] for name, results in runs.items()}
    results = [Measurement.median(name, [rate / 1e6 for rate in values], "Mnt/s") for name, values in rates.items()]
    for name in (RANKS, THREADS):
        pairs = zip(rates[name], rates[ONE], strict=True)
        efficiency = [100 * fast / (2 * slow) for fast, slow in pairs]
        results.append(Measurement.median(f"efficiency of {name}", efficiency, "%"))
    return results


def traffic(model: str, pairs: int, ranks: int) -> dict[str, float]:
    """Bytes that every rank sends (and receives) in one step, by kind.

    In a ring, summing b bytes over R ranks costs each rank 2 b (R − 1) / R, and gathering b bytes in total costs
    b (R − 1) / R. Projections are 2 N rows of float32. Each batch norm sums a sum, a sum of squares and a count in
    float64 in the forward pass and two sums in the backward pass; the first one sums a histogram instead. Gradients are
    float32.
    """
    encoder = create(model)
    projector = ProjectionHead(encoder.dim)
    modules = nn.ModuleList([encoder.network, projector])
    norms = [len(m.weight) for m in modules.modules() if isinstance(m, BatchNorm)]
    norms = norms[1:]  # without the stem
    statistics = 8 * (HISTOGRAM + sum(2 * c + 1 for c in norms) + sum(2 * c for c in norms))
    gradients = 4 * sum(p.numel() for p in modules.parameters())
    projections = 4 * 2 * pairs * projector.last.out_features
    share = (ranks - 1) / ranks
    return {
        "gathered projections": projections * share,
        "batch norm": 2 * statistics * share,
        "gradients": 2 * gradients * share,
    }


def computed_traffic(pairs: int) -> list[Measurement]:
    """Communication per step of IsoCLR-S and IsoCLR-M on 8 and 64 GPUs."""
    results = []
    for model in ("isoclr-s", "isoclr-m"):
        for ranks in (8, 64):
            sent = traffic(model, pairs, ranks)
            label = f"{model}, {pairs:,} pairs, {ranks} GPUs"
            results += [Measurement(f"{kind}, {label}", b / 1e6, "MB") for kind, b in sent.items()]
            total = sum(sent.values()) / 1e6
            results.append(Measurement(f"total sent per rank, {label}", total, "MB"))
    return results


def main() -> None:
    parser = harness.options_of(__doc__, harness.RESULTS / "scaling.csv")
    parser.add_argument("--corpus", type=Path, help="corpus (default: a simulated one)")
    parser.add_argument("--batch-size", type=int, default=128, help="pairs, over all processes")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    machine = harness.machine()
    with tempfile.TemporaryDirectory() as folder:
        corpus = options.corpus or simulated.simulate(Path(folder) / "corpus", 4_000)
        results = measure(corpus, options.batch_size, options.steps, options.repeats)
    results += computed_traffic(1024)
    harness.report(f"scaling: {machine['cpu']}, {machine['cores']} cores", options.out, results, machine)


if __name__ == "__main__":
    main()
