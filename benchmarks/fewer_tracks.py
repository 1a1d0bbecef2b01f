"""Prediction from the same RNAs with fewer input tracks.

    python -m benchmarks.fewer_tracks CORPUS --model isoclr-s --data ../shared/data

Half-life and translation efficiency of the corpus' coding RNAs are predicted by a ridge from embeddings of all six
tracks, without exon ends, of bare sequence, and of bare sequence whose longest open reading frame is taken as the CDS.
Writes Pearson R with its interval to ``results/fewer_tracks.csv``.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

import isoclr
from benchmarks import harness
from isoclr._console import nt_progress
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.genomics.encoding import CODON_START, NUCLEOTIDE_BITS, Codes, encode, longest_orf
from isoclr.models.encoder import Encoder
from isoclr.probing.evaluate import FeatureSet, evaluate
from isoclr.tasks.dataset import LabelledRnas, LabelSpec, label_rnas
from isoclr.tasks.labels import read_labels
from isoclr.tasks.metrics import QUANTITY, Interval
from isoclr.tasks.rnas import rnas_of_corpus
from isoclr.tasks.splits import SplitConfig, SplitKind


class LabelTable(NamedTuple):
    """Labels of a species and how their RNAs are split."""

    species: str
    file: str
    split: SplitKind


TASKS = {
    "half_life_human": LabelTable("human", "rna_half_life_human.tsv.gz", "fold"),
    "half_life_mouse": LabelTable("mouse", "rna_half_life_mouse.tsv.gz", "fold"),
    "translation_efficiency": LabelTable("human", "translation_efficiency_hela.tsv.gz", "homology"),
}


def bare_sequence(codes: Codes) -> Codes:
    """The nucleotides alone."""
    return codes & np.uint8(NUCLEOTIDE_BITS)


def with_longest_orf(codes: Codes) -> Codes:
    """The nucleotides, and the codon starts of their longest open reading frame, as ``isoclr embed`` does for FASTA."""
    bases = bare_sequence(codes)
    return encode(bases, cds=longest_orf(bases))


TRACKS: dict[str, Callable[[Codes], Codes]] = {
    "all six": lambda codes: codes,
    "without exon ends": lambda codes: codes & np.uint8(NUCLEOTIDE_BITS | CODON_START),
    "sequence + longest ORF": with_longest_orf,
    "bare sequence": bare_sequence,
}


def label_corpus(corpus: Corpus, data: Path, table: LabelTable) -> tuple[LabelledRnas, SplitConfig]:
    """The corpus' coding RNAs with labels, and their split."""
    labels = read_labels(data / "labels" / table.file)
    spec = LabelSpec(labels, labels.name, species=table.species, rnas="coding")
    config = SplitConfig(split=table.split)
    return label_rnas([spec], [rnas_of_corpus(corpus)], config), config


def measure(encoder: Encoder, rnas: LabelledRnas, config: SplitConfig) -> dict[str, Interval]:
    """Pearson R for every choice of tracks."""
    features = []
    for name, keep in TRACKS.items():
        codes = [keep(one) for one in rnas.sequences]
        with nt_progress() as bar:
            advance = partial(bar.advance, bar.add_task(name, total=sum(map(len, codes))))
            vectors = encoder.embed_codes(codes, progress=advance)
        features.append(FeatureSet(name, vectors, "ridge"))
    reports = evaluate(features, rnas.values, rnas.groups, rnas.split(config), QUANTITY)
    return {report.name: report.summary["pearson"] for report in reports}


def main(argv: Sequence[str] | None = None) -> None:
    parser = harness.options_of(__doc__, harness.RESULTS / "fewer_tracks.csv")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", default="isoclr-s")
    parser.add_argument("--data", type=Path, default=harness.DATA)
    options = parser.parse_args(argv)
    encoder, corpus = isoclr.load(options.model), open_corpus(options.corpus)
    rows = []
    for task, table in TASKS.items():
        rnas, config = label_corpus(corpus, options.data, table)
        for tracks, interval in measure(encoder, rnas, config).items():
            print(f"{task}  {tracks:24}  {interval}")
            row = {"task": task, "n": len(rnas), "tracks": tracks, "model": encoder.name}
            row |= {"metric": "pearson", "mean": round(interval.mean, 4)}
            rows.append(row | {"low": round(interval.low, 4), "high": round(interval.high, 4)})
    harness.write_csv(options.out, rows)


if __name__ == "__main__":
    main()
