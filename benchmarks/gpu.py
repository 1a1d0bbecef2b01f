"""Everything to measure on a GPU, in one command. **It has not been run on a GPU yet.**

    PYTHONPATH=src python -m benchmarks.gpu

Needs torch, numpy, safetensors, jaxtyping and rich; neither polars nor pysam nor a network. It makes a simulated
corpus of ten species (2.4 GB in ``--work``), which then lies on the device, and times pre-training of IsoCLR-S and
IsoCLR-M for several batch sizes with and without torch.compile, each in a fresh process: real bases a second through
forward pass, backward pass and optimiser, memory, share of the device's peak (the rate of a large bf16 matrix
product, measured beside it), GPU-hours for the paper's 1000 epochs of ten species (paper: 160). Then embedding.
``--device cpu --transcripts 300`` runs the same code small. Writes ``results/gpu.csv``.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import harness, simulated
from benchmarks.ceilings import flop_per_nt
from benchmarks.harness import Figure, fresh, timed
from isoclr import _console as console
from isoclr.corpus.corpus import open_corpus
from isoclr.models.encoder import MODELS, create

GOALS = {"isoclr-s": "≥ 100", "isoclr-m": "≥ 40"}
PAPER = "≤ 160"
EPOCHS = 1000
TRAINING = 3
"""Forward and backward pass cost three times a forward pass; what is recomputed does not count as work done."""
EMBEDDED = 100_000_000


def peak(device: str) -> float:
    """FLOP/s of a large bf16 matrix product: what the device can do at most."""
    size = 8192 if device.startswith("cuda") else 512
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))

    def multiply() -> None:
        torch.mm(a, b)
        finish(device)

    return 2 * size**3 / harness.seconds_of(multiply)


def finish(device: str) -> None:
    """Wait for what is queued on the device."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def train(
    corpus: Path, *, device: str, model: str, pairs: int, compiled: str, steps: int
) -> dict[str, Any] | None:
    """Throughput of one way to train, in a fresh process; None when it failed, for want of memory as a rule."""
    words = ["-m", "benchmarks.step", str(corpus), "--device", device, "--model", model]
    words += ["--batch-size", str(pairs), "--compile", compiled]
    words += ["--steps", str(steps), "--warmup", "3"]
    try:
        found: dict[str, Any] = json.loads(fresh(words).stdout)
    except SystemExit as error:
        console.info(f"{model}, {pairs:,} pairs, compile {compiled}: {error}")
        return None
    return found


def training_figures(facts: dict[str, Any], model: str, compiled: str, top: float) -> list[Figure]:
    """Rate, memory, share of the peak and GPU-hours of one way to train."""
    name = f"{model}, {facts['pairs']:,} pairs, compile {compiled}"
    rate = facts["nt_per_second"]
    arithmetic = TRAINING * flop_per_nt(MODELS[model]) * rate
    epoch_nt = facts["nt"] / facts["pairs"] * simulated.GENE_SETS
    recomputed = "activations recomputed" if facts["recompute"] else "activations kept"
    note = f"{facts['precision']}, {recomputed}, warm-up {facts['warmup_seconds']:.0f} s"
    return [
        Figure(f"{name}: training", rate / 1e6, "Mnt/s", goal=GOALS.get(model, ""), note=note),
        Figure(f"{name}: peak memory", facts["peak_bytes"] / 1e9, "GB"),
        Figure(f"{name}: share of the peak", 100 * arithmetic / top, "%"),
        Figure(
            f"{name}: {EPOCHS} epochs of ten species",
            EPOCHS * epoch_nt / rate / 3600,
            "h",
            goal=PAPER,
        ),
        Figure(
            f"{name}: views, share of a step", 100 * facts["views_seconds"] / facts["seconds"], "%"
        ),
        Figure(
            f"{name}: loss, share of a step", 100 * facts["loss_seconds"] / facts["seconds"], "%"
        ),
    ]


def embedding_figures(corpus: Path, device: str, model: str, most_nt: int) -> list[Figure]:
    """Rate of ``Encoder.embed_codes`` on the device, from and to the host's memory."""
    opened = open_corpus(corpus)
    count = int((opened.index["offset"] + opened.index["length"] <= most_nt).sum())
    codes = [opened.codes_of(i) for i in range(count)]
    encoder = create(model, seed=0)
    encoder.network.to(device)
    chunk = 2**22 if device.startswith("cuda") else 2**16
    encoder.embed_codes(codes[: count // 10 + 1], precision="bf16", chunk_nt=chunk)
    _, seconds = timed(lambda: encoder.embed_codes(codes, precision="bf16", chunk_nt=chunk))
    rate = sum(map(len, codes)) / seconds
    return [Figure(f"{model}: embedding, bf16", rate / 1e6, "Mnt/s", note=f"{count:,} RNAs")]


def measure(options: argparse.Namespace, corpus: Path) -> list[Figure]:
    """All figures, model by model."""
    device = options.device
    top = peak(device)
    figures = [Figure("peak, bf16 matrix product", top / 1e12, "TFLOP/s")]
    for model in options.models:
        for pairs in options.batch_sizes:
            for compiled in options.compile:
                facts = train(
                    corpus,
                    device=device,
                    model=model,
                    pairs=pairs,
                    compiled=compiled,
                    steps=options.steps,
                )
                if facts:
                    figures += training_figures(facts, model, compiled, top)
        figures += embedding_figures(corpus, device, model, options.embed_nt)
    return figures


def machine(device: str) -> dict[str, str]:
    """The machine, with its GPU."""
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "none"
    return {"gpu": name, **harness.machine()}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--models", nargs="+", default=["isoclr-s", "isoclr-m"])
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1024, 4096], help="pairs")
    parser.add_argument("--compile", nargs="+", choices=("on", "off"), default=["off", "on"])
    parser.add_argument("--transcripts", type=int, default=simulated.TEN_SPECIES)
    parser.add_argument("--embed-nt", type=int, default=EMBEDDED)
    parser.add_argument("--steps", type=int, default=30)
    folder = Path(tempfile.gettempdir()) / "isoclr-bench"
    parser.add_argument(
        "--work", type=Path, default=folder, help="where the corpus is made and kept"
    )
    parser.add_argument("--out", type=Path, default=harness.RESULTS / "gpu.csv")
    options = parser.parse_args(argv)
    facts = machine(options.device)
    corpus = simulated.simulate(
        options.work / f"simulated-{options.transcripts}.corpus", options.transcripts
    )
    figures = measure(options, corpus)
    harness.show(f"{facts['gpu']}, {facts['versions']}", figures)
    harness.save(options.out, figures, facts)


if __name__ == "__main__":
    main()
