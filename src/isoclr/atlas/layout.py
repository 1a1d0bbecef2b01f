"""Where the RNAs lie on the atlas's map: given coordinates, or t-SNE."""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.analysis.neighbors import Nearest, Vectors, nearest
from isoclr.analysis.tsne import MIN_RNAS, place
from isoclr.atlas.vectors import ClusterIndex, Rows
from isoclr.errors import InputError
from isoclr.tasks.labels import read_text_table

PERPLEXITY = 30.0
TSNE_NEIGHBORS = 90
LANDMARKS = 50_000
"""RNAs that t-SNE places if there are too many for it; the others go to their nearest landmarks."""
AROUND = 5
"""Landmarks that place an RNA."""
MARGIN = 0.02
"""Empty border of the map, as a share of its width."""

Coordinates = NDArray[np.float64]


def read_map(path: Path, table: pl.DataFrame) -> Coordinates:
    """Coordinates ``(n, 2)`` from a table with ``transcript_id, x, y``, as ``isoclr map`` writes.

    Raises:
        InputError: A column is missing, a value is no number, or an RNA has no coordinates.
    """
    raw = read_text_table(path)
    missing = [name for name in ("transcript_id", "x", "y") if name not in raw.columns]
    if missing:
        raise InputError(
            f"{path}: no column {missing[0]!r}; expected transcript_id, x and y, as `isoclr map` writes"
        )
    by_species = "species" in raw.columns
    keys = ["transcript_id", *(["species"] if by_species else [])]
    numbers = raw.with_columns(pl.col("x", "y").cast(pl.Float64, strict=False))
    bad = numbers.filter(~(pl.col("x").is_finite() & pl.col("y").is_finite()).fill_null(False))
    if bad.height:
        raise InputError(f"{path}: the x or y of {bad['transcript_id'][0]} is no finite number")
    numbers = numbers.unique(keys, keep="first", maintain_order=True)
    if by_species:  # an empty cell was read as null
        numbers = numbers.with_columns(pl.col("species").fill_null(""))
    joined = table.join(numbers.select(*keys, "x", "y"), on=keys, how="left", maintain_order="left")
    absent = joined.filter(pl.col("x").is_null())
    if absent.height:
        raise InputError(
            f"{path}: has no coordinates of {absent.height:,} of {table.height:,} RNAs, such as "
            f"{absent['transcript_id'][0]}; make it with `isoclr map --isoforms --sample None` of the same embeddings"
        )
    return joined.select("x", "y").to_numpy()


def tsne_coordinates(vectors: Vectors, close: Nearest, seed: int) -> Coordinates:
    """t-SNE of all RNAs.

    Args:
        vectors: ``(n, d)`` of length 1.
        close: At least :data:`TSNE_NEIGHBORS` neighbours of each, or all others.
        seed: Random seed.
    """
    n = len(vectors)
    if n < MIN_RNAS:
        raise InputError(f"an atlas of {n} RNAs: expected at least {MIN_RNAS}, or --map")
    if not vectors.any():
        raise InputError(
            f"the embeddings of all {n:,} RNAs are identical, expected some that differ"
        )
    perplexity = min(PERPLEXITY, (n - 1) / 3)
    k = int(3 * perplexity)
    used = Nearest(close.rows[:, :k], close.similarity[:, :k])
    return place(vectors, used, perplexity, seed)[0]


def landmark_coordinates(
    vectors: Vectors, index: ClusterIndex, seed: int
) -> tuple[Coordinates, Rows]:
    """t-SNE of landmarks; every other RNA lies at the weighted mean of its nearest landmarks.

    Returns:
        Coordinates ``(n, 2)`` and the rows of the landmarks.
    """
    n = len(vectors)
    landmarks = np.linspace(0, n - 1, min(LANDMARKS, n)).astype(np.int64)
    chosen = vectors[landmarks]
    rows = np.arange(len(landmarks))
    close = nearest(chosen, rows, TSNE_NEIGHBORS, {"all": rows})["all"]
    placed = tsne_coordinates(chosen, close, seed)
    around = index.search(AROUND, landmarks, itself=True)
    found = np.searchsorted(landmarks, np.maximum(around.rows, 0))
    weights = np.where(around.rows < 0, 0.0, weights_of(around.similarity))
    spread = (placed[found] * weights[:, :, None]).sum(1) / weights.sum(1)[:, None]
    spread[landmarks] = placed
    return spread, landmarks


def weights_of(similarity: NDArray[np.float32]) -> NDArray[np.float64]:
    """Weights of neighbours by cosine similarity: one over the squared distance."""
    distance = np.maximum(1.0 - similarity.astype(np.float64), 0.0)
    return 1.0 / (distance + 1e-3) ** 2


def to_uint16(coordinates: Coordinates) -> NDArray[np.uint16]:
    """``(n, 2)`` coordinates on a square of 65,536 steps, with the same scale in both directions."""
    low, high = coordinates.min(0), coordinates.max(0)
    size = float((high - low).max()) or 1.0
    centered = (coordinates - (low + high) / 2) / size * (1 - 2 * MARGIN) + 0.5
    steps: NDArray[np.uint16] = np.clip(np.rint(centered * 65_535), 0, 65_535).astype(np.uint16)
    return steps
