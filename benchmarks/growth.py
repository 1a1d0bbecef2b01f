"""Memory and time against the size of the corpus and the length of an RNA, up to ten species and 10⁷ nt.

    python -m benchmarks.growth

Corpora of several sizes, up to a simulated one of ten species (926,628 transcripts, 2.4 Gnt; about 2.4 GB in
``--work``), are each opened, sampled and trained on for a few steps in a fresh process; single RNAs of growing length
are embedded by ``isoclr embed``. Prints the shares of a step that sampling, making views and the loss take, writes
``results/growth.csv`` and draws ``docs/growth.png``.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import harness, pictures, simulated
from benchmarks.embed import Setting, long_rna, model_of
from benchmarks.harness import Figure, fresh

SIZES = (10_000, 100_000, simulated.TEN_SPECIES)
LENGTHS = (10_000, 100_000, 1_000_000, 10_000_000)


def corpus_figures(corpus: Path, batch_size: int, steps: int, threads: int | None) -> list[Figure]:
    """Times, shares and peak memory of training on one corpus."""
    words = ["-m", "benchmarks.step", str(corpus), "--batch-size", str(batch_size)]
    words += ["--steps", str(steps)] + (["--threads", str(threads)] if threads else [])
    ended = fresh(words)
    facts = json.loads(ended.stdout)
    size = f" @ {facts['transcripts']:,} transcripts"
    sampling = facts["sampling_seconds"] / facts["steps_per_epoch"]
    note = f"{facts['nucleotides']:,} nt, {facts['gene_sets']:,} gene sets; {facts['precision']}"
    return [
        Figure(f"a step of {batch_size:,} pairs{size}", facts["seconds"], "s", note=note),
        Figure(f"sampling an epoch{size}", facts["sampling_seconds"], "s"),
        Figure(f"making the views of a step{size}", facts["views_seconds"], "s"),
        Figure(f"loss of a step{size}", facts["loss_seconds"], "s"),
        Figure(f"opening{size}", facts["opening_seconds"], "s"),
        Figure(f"pre-training{size}", ended.peak_gb, "GB", note=f"{batch_size:,} pairs"),
        _share("sampling and views", facts["views_seconds"] + sampling, facts, size),
        _share("loss", facts["loss_seconds"], facts, size),
        Figure(f"speed{size}", facts["nt_per_second"] / 1e6, "Mnt/s"),
    ]


def _share(what: str, seconds: float, facts: dict[str, Any], size: str) -> Figure:
    return Figure(
        f"{what}, share of a step{size}", 100 * seconds / facts["seconds"], "%", None, None, "≤ 5"
    )


def length_figures(work: Path, model: Path, lengths: tuple[int, ...]) -> list[Figure]:
    """Time and peak memory of ``isoclr embed`` on one RNA of each length, start-up included."""
    setting = Setting(fasta=work, model=model, work=work, sample=0, nt=0)
    figures = []
    for nt in lengths:
        for one in long_rna(setting, nt):
            name = one.what.partition(",")[0].replace("isoclr", "isoclr embed,")
            figures.append(Figure(f"{name} @ {nt:,} nt", one.value, one.unit))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    folder = Path(tempfile.gettempdir()) / "isoclr-bench"
    parser.add_argument("--work", type=Path, default=folder, help="where corpora are made and kept")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="transcripts")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="nt")
    parser.add_argument("--batch-size", type=int, default=1024, help="pairs")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path, default=harness.RESULTS / "growth.csv")
    parser.add_argument("--picture", type=Path, default=harness.ROOT / "docs/growth.png")
    options = parser.parse_args()
    facts, figures = harness.machine(), []
    for size in options.sizes:
        corpus = simulated.simulate(options.work / f"simulated-{size}.corpus", size)
        figures += corpus_figures(corpus, options.batch_size, options.steps, options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        figures += length_figures(work, model_of(None, work), tuple(options.lengths))
    harness.show(f"growth: {facts['cpu']}, {facts['cores']} cores", figures)
    harness.save(options.out, figures, facts)
    pictures.growth(options.out, options.picture)


if __name__ == "__main__":
    main()
