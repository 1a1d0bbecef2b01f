"""How well an encoder predicts when less is known of an RNA: the same RNAs with fewer of their tracks.

    python -m benchmarks.poorer CORPUS --model isoclr-s --data ../shared/data

Half-life and translation efficiency of the corpus' coding RNAs, read by a ridge from embeddings of all six tracks, of
those without exon ends, of bare sequence, and of bare sequence whose coding sequence is then called as the longest open
reading frame. Prints Pearson R with its interval; writes ``results/poorer.csv``.
"""

import argparse
import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

import isoclr
from benchmarks import harness
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.embedding.embed import nt_progress
from isoclr.embedding.embeddings import SCHEMA, Embeddings
from isoclr.genomics.encoding import CODON_START, NUCLEOTIDE_BITS, Codes, encode, longest_orf
from isoclr.models.encoder import Encoder
from isoclr.probing.evaluate import FeatureSet, evaluate
from isoclr.tasks.dataset import LabelledRnas, build_dataset
from isoclr.tasks.labels import read_labels
from isoclr.tasks.metrics import QUANTITY
from isoclr.tasks.splits import SplitKind, make_splits

TASKS: dict[str, tuple[str, str, SplitKind]] = {
    "half_life_human": ("human", "rna_half_life_human.tsv.gz", "fold"),
    "half_life_mouse": ("mouse", "rna_half_life_mouse.tsv.gz", "fold"),
    "translation_efficiency": ("human", "translation_efficiency_hela.tsv.gz", "homology"),
}
COLUMNS = ["task", "n", "tracks", "model", "metric", "mean", "low", "high"]


def bare(codes: Codes) -> Codes:
    """The sequence alone."""
    return codes & np.uint8(NUCLEOTIDE_BITS)


def with_orf(codes: Codes) -> Codes:
    """The sequence, and the codons of its longest open reading frame, as ``isoclr embed`` calls it for a FASTA."""
    bases = bare(codes)
    return encode(bases, cds=longest_orf(bases))


TRACKS: dict[str, Callable[[Codes], Codes]] = {
    "all six": lambda codes: codes,
    "without exon ends": lambda codes: codes & np.uint8(NUCLEOTIDE_BITS | CODON_START),
    "sequence + longest ORF": with_orf,
    "bare sequence": bare,
}


def studies(corpus: Corpus, data: Path) -> Iterator[tuple[str, LabelledRnas, SplitKind]]:
    """The samples of every task, taken from the corpus."""
    table = corpus.transcripts
    facts = table.with_columns(
        cds_length=pl.max_horizontal(pl.col("cds_end") - pl.col("cds_start"), 0)
    ).select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())
    nothing = np.zeros((table.height, 1), np.float32)
    everything = Embeddings(facts, nothing, {"model": "none"})
    for task, (species, labels, split) in TASKS.items():
        rnas = everything.select(species, "coding")
        found = read_labels(data / "labels" / labels)
        yield task, build_dataset(found, rnas, corpus, split=split, sequences=True), split


def measure(encoder: Encoder, study: LabelledRnas, split: SplitKind) -> dict[str, dict[str, float]]:
    """Pearson R with its interval for every choice of tracks."""
    assert study.codes is not None
    methods = []
    for name, poorer in TRACKS.items():
        rnas = [poorer(codes) for codes in study.codes]
        with nt_progress() as bar:
            task = bar.add_task(name, total=sum(map(len, rnas)))
            features = encoder.embed_codes(
                rnas, precision="bf16", progress=partial(bar.advance, task)
            )
        methods.append(FeatureSet(name, features, "ridge"))
    splits, _ = make_splits(split, study.groups, study.samples, folds=None, seeds=10, seed=0)
    found = evaluate(methods, study.samples.values, study.groups, splits, QUANTITY)
    return {
        report.name: {
            key: round(value, 4) for key, value in asdict(report.summary["pearson"]).items()
        }
        for report in found
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", default="isoclr-s")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=harness.RESULTS / "poorer.csv")
    options = parser.parse_args(argv)
    encoder = isoclr.load(options.model)
    with options.out.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for task, study, split in studies(open_corpus(options.corpus), options.data):
            for tracks, interval in measure(encoder, study, split).items():
                row = {"task": task, "n": len(study.samples), "tracks": tracks}
                row |= {"model": encoder.name, "metric": "pearson", **interval}
                writer.writerow(row)
                print(
                    f"{task}  {tracks:24}  {row['mean']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
                )


if __name__ == "__main__":
    main()
