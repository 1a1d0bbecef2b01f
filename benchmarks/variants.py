"""Scored point mutations a second, against embedding each mutant whole; how far the two differ.

``python -m benchmarks.variants`` takes the coding transcripts of a megabase of human chromosome 9, the genes' longest,
and random point mutations of their exons. A row has everything that ``isoclr variants`` writes: consequences, HGVS
names, prediction and interval. Both ways are measured in turn, so that other load on the machine affects both.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import harness
from benchmarks.harness import DATA, Measurement, interleave, timed
from isoclr._threads import use_threads
from isoclr.genomics.encoding import letters
from isoclr.variants.placement import Variant
from isoclr.variants.rows import ReferenceCheck, VariantRow, place_record
from isoclr.variants.scoring import Scorer
from isoclr.variants.transcripts import TranscriptIndex, load_transcripts
from isoclr.variants.variants import open_scorer, score_rows
from isoclr.variants.vcf import Record


def main() -> None:
    parser = harness.options_of(__doc__, harness.RESULTS / "variants.csv")
    parser.add_argument("--genome", type=Path, default=DATA / "genomes/human_chr9_1Mb.fa.gz")
    parser.add_argument("--annotation", type=Path, default=DATA / "genomes/human_chr9_1Mb.ensembl91.gtf.gz")
    parser.add_argument("--rows", type=int, default=3_000, help="rows scored at a time")
    parser.add_argument("--whole", type=int, default=60, help="mutants embedded whole at a time")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    machine = harness.machine()
    use_threads(options.threads)
    index = load_transcripts([options.annotation], genome=options.genome)
    scorer = open_scorer([], "half-life", "human", None, "cpu")
    rows = point_mutations(index, options.rows)
    some = random.Random(1).sample(rows, options.whole)
    score(rows[:200], index, scorer)  # warm up
    ways = {
        "incremental": partial(rate, partial(score, rows, index, scorer), len(rows)),
        "whole": partial(rate, partial(whole, some, scorer), len(some)),
    }
    rates = interleave(ways, options.repeats)
    first, second = rates["incremental"], rates["whole"]
    error = float(abs(score(some, index, scorer) - whole(some, scorer)).max())
    nt = sum(len(row.transcript.rna) for row in rows) / len(rows)
    transcripts = len({row.transcript.transcript_id for row in rows})
    note = f"{transcripts} transcripts, mean {nt:,.0f} nt a row, {options.threads} threads"
    measured = [
        Measurement.median("scored rows", [one.wall for one in first], "rows/s", note),
        Measurement.median("each mutant embedded whole", [one.wall for one in second], "rows/s", note),
        Measurement.median("ratio", [a.wall / b.wall for a, b in zip(first, second, strict=True)], "×"),
        Measurement.median("scored rows, CPU", [one.cpu for one in first], "rows/CPU s"),
        Measurement.median("each mutant embedded whole, CPU", [one.cpu for one in second], "rows/CPU s"),
        Measurement.median("ratio, CPU", [a.cpu / b.cpu for a, b in zip(first, second, strict=True)], "×"),
        Measurement("largest difference of a prediction", error, "z-score", note=f"{len(some)} mutants"),
    ]
    harness.report("variants", options.out, measured, machine)


class Rate(NamedTuple):
    """Rows a second."""

    wall: float
    cpu: float
    """Of the processor's time, which other programs on the machine disturb less."""


def rate(work: Callable[[], object], rows: int) -> Rate:
    """Rows a second of a call."""
    start = time.process_time()
    _, seconds = timed(work)
    return Rate(rows / seconds, rows / (time.process_time() - start))


def point_mutations(index: TranscriptIndex, n: int) -> list[VariantRow]:
    """Rows of random point mutations in the coding transcripts, equally many in each."""
    rng = random.Random(0)
    rows: list[VariantRow] = []
    coding = [one for one in index.transcripts if one.rna.cds is not None]
    checks = ReferenceCheck(Path("random point mutations"))
    while len(rows) < n:
        one = rng.choice(coding)
        exon = rng.randrange(len(one.exon_starts))
        position = int(one.exon_starts[exon]) + rng.randrange(int(one.exon_lengths[exon]))
        place = one.to_rna(position)
        assert place is not None
        ref = letters(one.oriented(letters(one.rna.bases[place : place + 1])))
        alt = rng.choice([base for base in "ACGT" if base != ref])
        record = Record(len(rows), ".", Variant(one.chrom, position, ref, alt))
        own = place_record(record, index, Counter(), checks)
        rows += [row for row in own if row.transcript is one and not row.flag]
    return rows


def score(rows: list[VariantRow], index: TranscriptIndex, scorer: Scorer) -> NDArray[np.float64]:
    """Predictions for the mutants, with everything else of the table, computed anew."""
    fresh = [VariantRow(row.records, row.transcript, row.placements) for row in rows]
    return score_rows(fresh, index, scorer, score_splice=False, rank=False)["alt"].to_numpy()


def whole(rows: list[VariantRow], scorer: Scorer) -> NDArray[np.float64]:
    """Predictions from embedding each mutant whole, on all threads."""
    predict = scorer.targets[0].predictor.value  # type: ignore[union-attr]
    mutants = [rna.codes for row in rows if (rna := row.edited) is not None]
    return np.asarray(predict(scorer.encoder.embed_codes(mutants)))


if __name__ == "__main__":
    main()
