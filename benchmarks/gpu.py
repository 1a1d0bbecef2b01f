"""All GPU measurements in one command. **It has not been run on a GPU yet.**

    PYTHONPATH=src python -m benchmarks.gpu

Needs torch, numpy, safetensors, jaxtyping, msgspec and rich, but neither polars nor pysam nor a network. It makes a
simulated corpus of ten species (2.4 GB in ``--work``), which is then held on the device, and times pre-training of
IsoCLR-S and IsoCLR-M for several batch sizes with and without torch.compile, each in a fresh process: real bases per
second through forward pass, backward pass and optimizer, memory, share of the device's peak (measured with a large
bf16 matrix product), and GPU-hours for the paper's 1000 epochs of ten species (160 in the paper). Then it times
embedding. ``--device cpu --transcripts 300`` runs the same code on a small scale. Writes ``results/gpu.csv``.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import harness, simulated
from benchmarks.ceilings import flop_per_nt
from benchmarks.harness import Measurement, run_python, timed
from isoclr import _console as console
from isoclr.corpus.corpus import open_corpus
from isoclr.models.encoder import MODELS, create

EPOCHS = 1000
TRAINING_COST = 3
"""Cost of a forward and backward pass, in forward passes; recomputed activations do not count."""
EMBED_NT = 100_000_000


def peak_flops(device: str) -> float:
    """FLOP/s of a large bf16 matrix product, the most that the device can do."""
    size = 8192 if device.startswith("cuda") else 512
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))

    def multiply() -> None:
        torch.mm(a, b)
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)

    return 2 * size**3 / harness.best_seconds(multiply)


def run_training(
    corpus: Path, *, device: str, model: str, pairs: int, compiled: str, steps: int
) -> dict[str, Any] | None:
    """Throughput of one configuration in a fresh process; None if it failed, for example for lack of memory."""
    args = ["-m", "benchmarks.throughput", str(corpus), "--device", device, "--model", model]
    args += ["--batch-size", str(pairs), "--compile", compiled]
    args += ["--steps", str(steps), "--warmup", "3"]
    try:
        result: dict[str, Any] = json.loads(run_python(args).stdout)
    except SystemExit as error:
        console.info(f"{model}, {pairs:,} pairs, compile {compiled}: {error}")
        return None
    return result


def training_results(run: dict[str, Any], model: str, compiled: str, peak: float) -> list[Measurement]:
    """Speed, memory, share of the peak and GPU-hours of one configuration."""
    name = f"{model}, {run['pairs']:,} pairs, compile {compiled}"
    rate, seconds = run["nt_per_second"], run["seconds"]
    arithmetic = TRAINING_COST * flop_per_nt(MODELS[model]) * rate
    hours = EPOCHS * run["nt"] / run["pairs"] * simulated.GENE_SETS / rate / 3600
    activations = "recomputed" if run["activation_checkpointing"] else "kept"
    note = f"{run['precision']}, activations {activations}, warm-up {run['warmup_seconds']:.0f} s"
    return [
        Measurement(f"{name}: training", rate / 1e6, "Mnt/s", note=note),
        Measurement(f"{name}: peak memory", run["peak_bytes"] / 1e9, "GB"),
        Measurement(f"{name}: share of the peak", 100 * arithmetic / peak, "%"),
        Measurement(f"{name}: {EPOCHS} epochs of ten species", hours, "h"),
        Measurement(f"{name}: views, share of a step", 100 * run["views_seconds"] / seconds, "%"),
        Measurement(f"{name}: loss, share of a step", 100 * run["loss_seconds"] / seconds, "%"),
    ]


def measure_embedding(corpus: Path, device: str, model: str, max_nt: int) -> list[Measurement]:
    """Speed of ``Encoder.embed_codes`` on the device, from and to host memory."""
    rnas = open_corpus(corpus)
    count = int((rnas.index["offset"] + rnas.index["length"] <= max_nt).sum())
    codes = [rnas.codes_of(row) for row in range(count)]
    encoder = create(model, seed=0)
    encoder.network.to(device)
    chunk = 2**22 if device.startswith("cuda") else 2**16
    encoder.embed_codes(codes[: count // 10 + 1], precision="bf16", chunk_nt=chunk)
    _, seconds = timed(lambda: encoder.embed_codes(codes, precision="bf16", chunk_nt=chunk))
    rate = sum(map(len, codes)) / seconds
    return [Measurement(f"{model}: embedding, bf16", rate / 1e6, "Mnt/s", note=f"{count:,} RNAs")]


def measure(options: argparse.Namespace, corpus: Path) -> list[Measurement]:
    """All measurements, model by model."""
    device, steps = options.device, options.steps
    peak = peak_flops(device)
    results = [Measurement("peak, bf16 matrix product", peak / 1e12, "TFLOP/s")]
    for model in options.models:
        for pairs in options.batch_sizes:
            for compiled in options.compile:
                run = run_training(corpus, device=device, model=model, pairs=pairs, compiled=compiled, steps=steps)
                if run:
                    results += training_results(run, model, compiled, peak)
        results += measure_embedding(corpus, device, model, options.embed_nt)
    return results


def describe_machine(device: str) -> dict[str, str]:
    """The machine, with its GPU."""
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "none"
    return {"gpu": name, **harness.machine()}


def main(argv: Sequence[str] | None = None) -> None:
    parser = harness.options_of(__doc__, harness.RESULTS / "gpu.csv")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--models", nargs="+", default=["isoclr-s", "isoclr-m"])
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1024, 4096], help="pairs")
    parser.add_argument("--compile", nargs="+", choices=("on", "off"), default=["off", "on"])
    parser.add_argument("--transcripts", type=int, default=simulated.TEN_SPECIES)
    parser.add_argument("--embed-nt", type=int, default=EMBED_NT)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--work", type=Path, default=harness.WORK, help="folder that keeps the corpus")
    options = parser.parse_args(argv)
    machine = describe_machine(options.device)
    corpus = simulated.simulate(options.work / f"simulated-{options.transcripts}.corpus", options.transcripts)
    results = measure(options, corpus)
    harness.report(f"{machine['gpu']}, {machine['versions']}", options.out, results, machine)


if __name__ == "__main__":
    main()
