"""Gene pages: shards with isoforms, distances, relatives, neighbours and predictions of some genes each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoclr.analysis.neighbors import Nearest, Vectors
from isoclr.atlas.catalog import Catalog, Rows, exon_lengths, number_exons
from isoclr.atlas.columns import Column
from isoclr.atlas.isoforms import COMPARED, differences
from isoclr.atlas.shards import write_shard
from isoclr.genomics.encoding import Codes

SHARD_RNAS = 400  # RNAs in a shard, about; a gene is never split
MAX_ISOFORMS = 60  # Most isoforms of a gene whose distances are given pair by pair
MAX_COMPARED = 150_000
"""In an atlas of more RNAs, isoforms are compared exon by exon in the page, without splice sites within exons."""
MAX_SET_RNAS = 600  # Most RNAs of a gene set whose genes' distances are given
DISTANCE = 1_000  # Distances are whole numbers of 1/1,000, as the page shows them


@dataclass(frozen=True)
class Prediction:
    """Predictions of one label for the RNAs of an atlas; NaN where the head is for other species."""

    name: str
    units: str
    coverage: float
    value: NDArray[np.float64]  # (n,)
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    extrapolating: NDArray[np.bool_]

    def of(self, rows: slice) -> list[list[float | int | None] | None]:
        """Value, lower and upper end of the interval, and whether the RNA is unusual; None if not predicted."""
        columns = (self.value, self.lower, self.upper, self.extrapolating)
        values = zip(*(column[rows].tolist() for column in columns), strict=True)
        return [
            None if value != value else [_short(value), _short(lower), _short(upper), int(new)]
            for value, lower, upper, new in values
        ]


def _short(value: float) -> float | None:
    """Four digits, and no fewer than a whole number has: it may be an id or a count."""
    return None if value != value else float(f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}")


def shard_bounds(starts: NDArray[np.int64]) -> list[int]:
    """Numbers of the first gene of every shard, and the number of genes.

    >>> shard_bounds(np.array([0, 300, 500, 520]))
    [0, 2, 3]
    """
    bounds, first = [0], 0
    for gene in range(1, len(starts)):
        if starts[gene] - starts[first] >= SHARD_RNAS and gene < len(starts) - 1:
            bounds.append(gene)
            first = gene
    return [*bounds, len(starts) - 1]


def write_genes(
    folder: Path,
    catalog: Catalog,
    vectors: Vectors,
    close: Nearest,
    predictions: Sequence[Prediction],
    labels: Sequence[Column],
) -> Iterator[int]:
    """Write the shards ``genes-0.js``, ``genes-1.js``, …; yields the number of RNAs of each.

    Vectors ``(n, d)`` of length 1, neighbours, predictions and labels are in the order of the catalog.
    """
    values = [(column.values.to_list(), column.is_number) for column in labels]
    biotype, source = (catalog.table[name].to_list() for name in ("biotype", "cds_source"))
    starts, ends = (catalog.corpus.index[name].tolist() for name in ("cds_start", "cds_end"))
    relatives = _Relatives(catalog, vectors)
    for number, (first, end) in enumerate(pairwise(shard_bounds(catalog.starts))):
        genes = []
        own_rows = slice(int(catalog.starts[first]), int(catalog.starts[end]))
        predicted = [*zip(*(prediction.of(own_rows) for prediction in predictions), strict=True)]
        for gene in range(first, end):
            rows = catalog.isoforms(gene)
            codes = [catalog.codes(row) for row in rows]
            exons = [[] if own is None else exon_lengths(own) for own in codes]
            numbered = number_exons(codes, exons) if len(rows) > 1 else [[] for _ in rows]
            isoforms = []
            for row, own, lengths, numbers in zip(rows, codes, exons, numbered, strict=True):
                at = int(catalog.corpus_rows[row])
                one: dict[str, Any] = {"b": biotype[row], "s": source[row]}
                if own is not None:
                    one["x"] = lengths
                    if starts[at] >= 0:
                        one["c"] = [starts[at], ends[at]]
                if numbers:
                    one["h"] = numbers
                if predictions:
                    one["p"] = predicted[row - own_rows.start]
                if values:
                    one["t"] = [
                        _short(float(column[row])) if is_number and column[row] is not None
                        else column[row]
                        for column, is_number in values
                    ]  # fmt: skip
                isoforms.append(one)
            record: dict[str, Any] = {"i": isoforms}
            if 1 < len(rows) <= MAX_ISOFORMS:
                inner = vectors[rows.start : rows.stop]
                record["d"] = _steps((inner @ inner.T)[np.triu_indices(len(rows), 1)]).tolist()
            if len(catalog) <= MAX_COMPARED and (pairs := _pairs(codes)):
                record["q"] = pairs
            if (others := relatives.of(gene)) is not None:
                record["r"] = others
            genes.append(record)
        arrays = neighbour_arrays(close.rows[own_rows], close.similarity[own_rows])
        write_shard(folder, f"genes-{number}", {"first": first, "genes": genes}, arrays)
        catalog.corpus.release_codes()
        yield own_rows.stop - own_rows.start


def neighbour_arrays(rows: Rows, similarity: NDArray[np.float32]) -> dict[str, NDArray[np.uint8]]:
    """Neighbours of the RNAs of a shard: their rows, and by how much each is farther than the one before.

    Both are ``(m, k)``, the nearest first; row −1: none. All lowest bytes come first, then all second ones, and so on,
    which compresses to half of what JSON takes.
    """
    steps = np.diff(_steps(similarity), prepend=0, axis=1)
    return {"rows": _by_byte(rows.astype("<i4")), "farther": _by_byte(steps.astype("<u2"))}


def _by_byte(numbers: NDArray[Any]) -> NDArray[np.uint8]:
    return numbers.reshape(-1, 1).view(np.uint8).T.ravel()


def _pairs(codes: list[Codes | None]) -> list[list[Any]]:
    """Numbers of two isoforms and where they differ, for all pairs of a gene's first isoforms."""
    known = [(number, own) for number, own in enumerate(codes[:COMPARED]) if own is not None]
    return [[i, j, [[*part.a, *part.b] for part in differences(a, b)]] for (i, a), (j, b) in combinations(known, 2)]


def _steps(similarity: NDArray[np.float32]) -> Rows:
    return np.rint(np.clip(1 - similarity, 0, 2) * DISTANCE).astype(np.int64)


class _Relatives:
    """Smallest distances between the isoforms of the genes of one gene set."""

    def __init__(self, catalog: Catalog, vectors: Vectors) -> None:
        self.catalog, self.vectors = catalog, vectors
        sets = catalog.gene_set
        self.begins = np.searchsorted(sets, sets, "left")
        self.ends = np.searchsorted(sets, sets, "right")
        self._at, self._table = -1, np.empty((0, 0), np.float32)

    def of(self, gene: int) -> list[list[int]] | None:
        """``[gene, distance]`` of the other genes of the set, the nearest first; None if it has no others."""
        begin, end = int(self.begins[gene]), int(self.ends[gene])
        starts = self.catalog.starts[begin : end + 1]
        if end - begin < 2 or starts[-1] - starts[0] > MAX_SET_RNAS:
            return None
        if begin != self._at:
            inner = self.vectors[starts[0] : starts[-1]]
            parts = (starts[:-1] - starts[0]).astype(np.intp)
            similarity = inner @ inner.T
            similarity = np.maximum.reduceat(similarity, parts, axis=0)
            self._table, self._at = np.maximum.reduceat(similarity, parts, axis=1), begin
        own = self._table[gene - begin]
        order = [other for other in np.argsort(-own).tolist() if other != gene - begin]
        distances = _steps(own).tolist()
        return [[begin + other, distances[other]] for other in order]
