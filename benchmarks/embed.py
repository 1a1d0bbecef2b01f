"""Embedding mRNAs, end to end from FASTA to Parquet, beside the ways it is done without isoclr.

    python -m benchmarks.embed

Every run is a fresh process with all cores; the variants take turns. The baselines (:mod:`benchmarks.plain_embed`)
embed a random sample of the RNAs and their time is carried over to all of them, reading and writing included: by the
number of RNAs where each is padded to 12,288 nt, by nucleotides otherwise. Prints the ratios to the baselines, the
share of the ceiling reached inside the encoder, how much results differ, peak memory (also of one RNA of 10⁷ nt),
the latency of single mRNAs and the time to load a model; writes ``results/embed.csv``.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks import harness, pictures
from benchmarks.harness import Ended, Figure, fresh

PRECISIONS = ("float32", "bf16")
BASELINES = {
    "(a) padded to 12,288": "padded",
    "(b) one at a time": "single",
    "(c) sorted by length": "sorted",
}
GOALS = {"(a) padded to 12,288": "≥ 12", "(b) one at a time": "", "(c) sorted by length": "≥ 4"}
LONG = 10_000_000


@dataclass(frozen=True)
class Setting:
    """What all runs of the benchmark share."""

    fasta: Path
    model: Path
    work: Path
    sample: int
    nt: int
    batches: dict[str, int] = field(default_factory=dict)
    """Best batch size of each baseline, once a run has found it."""


def ours(setting: Setting, precision: str, fasta: Path | None = None) -> Ended:
    """One run of ``isoclr embed``."""
    out = setting.work / f"{precision}.parquet"
    words = ["-m", "isoclr", "embed", str(fasta or setting.fasta), "--model", str(setting.model)]
    return fresh([*words, "-o", str(out), "--precision", precision, "--overwrite"])


def baseline(setting: Setting, how: str) -> tuple[float, dict[str, Any], float]:
    """Seconds that a baseline would take for all RNAs, what it said of itself, and its peak memory."""
    # padding makes all RNAs cost the same, so that few will do
    sample = max(setting.sample // 8, 1) if how == "padded" else setting.sample
    words = ["-m", "benchmarks.plain_embed", str(setting.fasta), "--model", str(setting.model)]
    out = setting.work / f"{how}.parquet"
    words += ["--out", str(out), "--how", how, "--sample", str(sample)]
    if how in setting.batches:
        words += ["--batch", str(setting.batches[how])]
    ended = fresh(words)
    facts = json.loads(ended.stdout)
    setting.batches[how] = facts["batch"]
    whole, part = ("rnas", "sample") if how == "padded" else ("nt", "sample_nt")
    outside = ended.seconds - facts["choosing"] - facts["embedding"]
    return outside + facts["embedding"] * facts[whole] / facts[part], facts, ended.peak_gb


def measure(setting: Setting, repeats: int) -> list[Figure]:
    """Rates, ratios and peak memory of all variants, from FASTA to Parquet."""
    mine = {f"isoclr {p}": partial(ours, setting, p) for p in PRECISIONS}
    theirs = {name: partial(baseline, setting, how) for name, how in BASELINES.items()}
    runs: dict[str, list[Any]] = harness.interleaved({**mine, **theirs}, repeats)
    took = {name: [one.seconds for one in runs[name]] for name in mine}
    took |= {name: [one[0] for one in runs[name]] for name in theirs}
    peak = {name: [one.peak_gb for one in runs[name]] for name in mine}
    peak |= {name: [one[2] for one in runs[name]] for name in theirs}
    notes = {name: _note(runs[name][-1][1]) for name in theirs}
    return [
        *(
            Figure.of(
                f"{name}, FASTA to Parquet",
                [setting.nt / s / 1e6 for s in took[name]],
                "Mnt/s",
                note=notes.get(name, ""),
            )
            for name in took
        ),
        *_ratios(took, list(mine), list(theirs)),
        *(Figure.of(f"{name}, peak memory", peak[name], "GB") for name in peak),
    ]


def _ratios(
    took: Mapping[str, Sequence[float]], mine: Sequence[str], theirs: Sequence[str]
) -> list[Figure]:
    """How many times as fast, each round's runs with one another."""
    return [
        Figure.of(
            f"{fast} / {slow}",
            [b / a for a, b in zip(took[fast], took[slow], strict=True)],
            "×",
            goal=GOALS[slow],
        )
        for fast in mine
        for slow in theirs
    ]


def _note(facts: Mapping[str, Any]) -> str:
    return f"{facts['sample']:,} of {facts['rnas']:,} RNAs, {facts['batch']} in a batch"


def differences(work: Path) -> list[Figure]:
    """How far results are from those of one plain float32 RNA at a time: largest difference / largest value."""
    names = {"isoclr float32": "float32", "isoclr bf16": "bf16"}
    names |= {name: how for name, how in BASELINES.items() if how != "single"}
    goals = {"isoclr float32": "≤ 1e-5", "isoclr bf16": "≤ 1e-2"}
    truth = _embeddings(work / "single.parquet")
    figures = []
    for name, file in names.items():
        pairs = truth.join(_embeddings(work / f"{file}.parquet"), on="transcript_id")
        right, found = (pairs[c].to_numpy() for c in ("embedding", "embedding_right"))
        apart = np.abs(found - right).max(1) / np.abs(right).max(1)
        what = f"{name}, relative difference from the plain encoder"
        note = f"largest of {len(pairs):,} RNAs, median {np.median(apart):.1g}"
        figures.append(Figure(what, float(apart.max()), "", goal=goals.get(name, ""), note=note))
    return figures


def _embeddings(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path, columns=["transcript_id", "embedding"])


def long_rna(setting: Setting, nt: int) -> list[Figure]:
    """Time and peak memory of a FASTA with one very long RNA."""
    fasta = setting.work / "long.fa"
    letters = np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(0).integers(0, 4, nt)]
    fasta.write_bytes(b">long\n" + letters.tobytes() + b"\n")
    figures = []
    for precision in PRECISIONS:
        ended = ours(setting, precision, fasta)
        what = f"isoclr {precision}, one RNA of {nt:,} nt"
        figures += [
            Figure(what, ended.seconds, "s"),
            Figure(f"{what}, peak memory", ended.peak_gb, "GB"),
        ]
    return figures


def inside(setting: Setting, passes: int) -> list[Figure]:
    """Loading, single mRNAs, and the share of the ceiling reached inside the encoder."""
    words = ["-m", "benchmarks.embed_inside", str(setting.fasta), "--model", str(setting.model)]
    runs = [json.loads(fresh([*words, "--passes", str(passes)]).stdout) for _ in range(2)]
    figures = [
        Figure.of(
            "loading a model, beyond import torch", [r["load"] for r in runs], "s", goal="≤ 0.5"
        ),
        Figure.of("import torch", [r["import_torch"] for r in runs], "s"),
    ]
    for precision in PRECISIONS:
        figures += _singles(runs, precision) + _shares(runs, precision)
    return figures


def _singles(runs: Sequence[Mapping[str, Any]], precision: str) -> list[Figure]:
    each = [1000 * s for run in runs for s in run[f"single_{precision}"]]
    what, note = f"single mRNA, {precision}", f"median length {runs[0]['single_nt']:,.0f} nt"
    return [
        Figure.of(f"{what}, median", each, "ms", goal="≤ 20", note=note),
        Figure(f"{what}, 95 % within", float(np.quantile(each, 0.95)), "ms"),
    ]


def _shares(runs: Sequence[Mapping[str, Any]], precision: str) -> list[Figure]:
    rates = [rate for run in runs for rate in run["rate"][precision]]
    # the highest: what other work on the machine takes away must not lower the ceiling
    ceiling = max(top for run in runs for top in run["ceiling"][precision])
    per_nt = runs[0]["flop_per_nt"]
    shares = [100 * rate * per_nt / ceiling for rate in rates]
    goal, threads = "≥ 50" if precision == "bf16" else "", f"{runs[0]['threads']} threads"
    return [
        Figure.of(
            f"inside the encoder, {precision}", [r / 1e6 for r in rates], "Mnt/s", note=threads
        ),
        Figure.of(
            f"inside the encoder, {precision}, arithmetic",
            [r * per_nt / 1e9 for r in rates],
            "GFLOP/s",
        ),
        Figure(f"ceiling beside it, {precision}", ceiling / 1e9, "GFLOP/s"),
        Figure.of(f"share of the ceiling, {precision}", shares, "%", goal=goal),
    ]


def model_of(given: Path | None, work: Path) -> Path:
    """The model to use: the one given, or an untrained IsoCLR-S, which costs the same."""
    if given is not None:
        return given.resolve()
    code = "import isoclr, sys; isoclr.create('isoclr-s', seed=0).save(sys.argv[1])"
    fresh(["-c", code, str(work / "model")])
    return work / "model"


def first_records(fasta: Path, limit: int | None, work: Path) -> tuple[Path, int]:
    """A plain FASTA with the first records of another, or the file itself; and its nucleotides."""
    from isoclr.genomics.encoding import letters
    from isoclr.genomics.fasta import read_transcripts

    found = read_transcripts(fasta)
    if limit is None or limit >= len(found):
        return fasta.resolve(), len(found.codes)
    names = found.table["transcript_id"].to_list()[:limit]
    path = work / "first.fa"
    path.write_text(
        "".join(f">{name}\n{letters(found.codes_of(i))}\n" for i, name in enumerate(names))
    )
    return path, int(found.offsets[limit])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    default = harness.DATA / "transcripts/human_refseq.fa.gz"
    parser.add_argument("--fasta", type=Path, default=default)
    parser.add_argument("--limit", type=int, help="use the first so many RNAs only")
    parser.add_argument("--model", type=Path, help="a trained model; an untrained one by default")
    parser.add_argument("--sample", type=int, default=400, help="RNAs that baselines embed")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--long", type=int, default=LONG, help="nt of the very long RNA")
    parser.add_argument("--out", type=Path, default=harness.RESULTS / "embed.csv")
    parser.add_argument("--picture", type=Path, default=harness.ROOT / "docs/performance.png")
    options = parser.parse_args()
    facts = harness.machine()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        fasta, nt = first_records(options.fasta, options.limit, work)
        setting = Setting(fasta, model_of(options.model, work), work, options.sample, nt)
        figures = measure(setting, options.repeats) + differences(work)
        figures += inside(setting, options.repeats) + long_rna(setting, options.long)
    title = f"embedding {options.fasta.name}, {nt:,} nt: {facts['cpu']}, {facts['cores']} cores"
    harness.show(title, figures)
    harness.save(options.out, figures, facts)
    pictures.performance(options.out.parent, options.picture)


if __name__ == "__main__":
    main()
