"""How well studies of half-life agree: the noise ceiling of the half-life tasks.

    python -m benchmarks.half_life_studies --data ../shared/data

Studies of one laboratory share its method, so the agreement of laboratories is what counts. ``mean of the others`` is
Pearson R of a study with the mean of the studies of all other laboratories, each standardized, on genes that at least
three of those measured. Some studies are of decay rates: those that disagree with the others are turned around, and
have sign −1. ``split halves`` is R of the means over two halves of the laboratories. By the Spearman–Brown
formula it gives the reliability of the mean over all of them, whose square root is the highest R that a perfect
predictor can be expected to have with it. Writes ``results/half_life_studies.csv``.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks import harness
from isoclr.tasks.metrics import pearson

Array = NDArray[np.float64]
SPECIES = ("human", "mouse")
FEWEST = 3
"""Studies of other laboratories that a gene needs."""
SPLITS = 200


def laboratory(study: str) -> str:
    """The laboratory in a study's name, such as Rissland of Rissland2_4sU_3T3_1.

    >>> laboratory("Rissland2_4sU_3T3_1")
    'Rissland'
    """
    return study.split("_")[0].rstrip("0123456789")


def mean_of(values: Array, fewest: int = FEWEST) -> Array:
    """Mean ``(n,)`` over the columns of ``(n, m)`` values; NaN where fewer than ``fewest`` are known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a row without values
        mean = np.nanmean(values, 1) if values.shape[1] else np.full(len(values), np.nan)
    return np.where(np.isfinite(values).sum(1) >= fewest, mean, np.nan)


def agreement(first: Array, second: Array) -> tuple[float, int]:
    """Pearson R where both are known, and of how many."""
    known = np.isfinite(first) & np.isfinite(second)
    return pearson(first[known], second[known]), int(known.sum())


def split_halves(values: Array, laboratories: NDArray[np.str_], seed: int = 0) -> Array:
    """Pearson R ``(SPLITS,)`` of the means over random halves of the laboratories."""
    rng, names = np.random.default_rng(seed), np.unique(laboratories)
    scores = []
    for _ in range(SPLITS):
        half = np.isin(laboratories, rng.permutation(names)[: len(names) // 2])
        scores.append(agreement(mean_of(values[:, half]), mean_of(values[:, ~half]))[0])
    return np.array(scores)


def measure(table: pl.DataFrame, species: str) -> list[dict[str, object]]:
    """One row per study, and the reliability of the mean over all of them."""
    studies = table.columns[2:]
    values = table.select(pl.col(studies).cast(pl.Float64)).to_numpy().astype(np.float64)
    values = (values - np.nanmean(values, 0)) / np.nanstd(values, 0)
    laboratories = np.array([laboratory(one) for one in studies])
    first = with_others(values, laboratories)
    signs = np.where([r < 0 for r, _ in first], -1, 1)
    values = values * signs
    rows: list[dict[str, object]] = [
        _row(species, study, "mean of the others", r, n, int(sign))
        for study, sign, (r, n) in zip(studies, signs, with_others(values, laboratories), strict=True)
    ]
    halves = split_halves(values, laboratories)
    half = float(halves.mean())
    reliability = 2 * half / (1 + half)
    n = int(np.isfinite(mean_of(values, 2 * FEWEST)).sum())
    rows.append(_row(species, "all", "split halves", half, n))
    rows.append(_row(species, "all", "reliability", reliability, n))
    rows.append(_row(species, "all", "highest R", float(np.sqrt(reliability)), n))
    return rows


def with_others(values: Array, laboratories: NDArray[np.str_]) -> list[tuple[float, int]]:
    """Agreement of each study with the mean of the other laboratories'."""
    return [
        agreement(values[:, column], mean_of(values[:, laboratories != own])) for column, own in enumerate(laboratories)
    ]


def _row(species: str, study: str, metric: str, value: float, n: int, sign: int = 1) -> dict[str, object]:
    row = {"species": species, "study": study, "sign": sign, "metric": metric}
    return {**row, "value": round(value, 4), "n": n}


def main(argv: Sequence[str] | None = None) -> None:
    parser = harness.options_of(__doc__, Path("results/half_life_studies.csv"))
    parser.add_argument("--data", type=Path, default=harness.DATA)
    options = parser.parse_args(argv)
    rows = []
    for species in SPECIES:
        path = options.data / "labels_extra" / f"rna_half_life_{species}_by_study.tsv.gz"
        table = pl.read_csv(path, separator="\t", null_values=["NA"], infer_schema_length=None)
        rows += measure(table, species)
    harness.write_csv(options.out, rows)
    for row in rows:
        if row["study"] == "all":
            print(f"{row['species']:6} {row['metric']:14} {row['value']:.3f}")


if __name__ == "__main__":
    main()
