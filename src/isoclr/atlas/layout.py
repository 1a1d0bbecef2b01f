"""Where the RNAs lie on the atlas's map: given coordinates, t-SNE or UMAP."""

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.analysis.neighbors import Nearest, Vectors
from isoclr.analysis.tsne import MIN_RNAS, place
from isoclr.atlas.vectors import ClusterIndex, Rows, find_exactly
from isoclr.errors import InputError
from isoclr.tasks.labels import read_text_table

Layout = Literal["tsne", "umap"]
PERPLEXITY = 30.0
NEIGHBORS: dict[Layout, int] = {"tsne": 90, "umap": 15}  # Neighbours of each RNA that a layout uses
LANDMARKS = 50_000  # RNAs that are placed if there are too many for it; the others go to their nearest landmarks
AROUND = 5  # Landmarks that place an RNA
MARGIN = 0.02  # Empty border of the map, as a share of its width

Coordinates = NDArray[np.float64]


def read_map(path: Path, table: pl.DataFrame) -> Coordinates:
    """Coordinates ``(n, 2)`` from a table with ``transcript_id, x, y``, as ``isoclr map`` writes."""
    raw = read_text_table(path)
    missing = [name for name in ("transcript_id", "x", "y") if name not in raw.columns]
    if missing:
        raise InputError(f"{path}: no column {missing[0]!r}; expected transcript_id, x and y, as `isoclr map` writes")
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


def coordinates_of(layout: Layout, vectors: Vectors, close: Nearest, seed: int) -> Coordinates:
    """Places ``(n, 2)`` of all RNAs.

    Args:
        vectors: ``(n, d)`` of length 1.
        close: At least :data:`NEIGHBORS` neighbours of each, or all others.
    """
    n = len(vectors)
    if n < MIN_RNAS:
        raise InputError(f"an atlas of {n} RNAs: expected at least {MIN_RNAS}, or --map")
    if not vectors.any():
        raise InputError(f"the embeddings of all {n:,} RNAs are identical, expected some that differ")
    perplexity = min(PERPLEXITY, (n - 1) / 3)
    k = NEIGHBORS["umap"] if layout == "umap" else int(3 * perplexity)
    used = Nearest(close.rows[:, :k], close.similarity[:, :k])
    return _umap(vectors, used, seed) if layout == "umap" else place(vectors, used, perplexity, seed)[0]


def check_layout(layout: Layout) -> None:
    """Check that the method is known and installed."""
    if layout not in NEIGHBORS:
        raise InputError(f"--layout {layout}: expected {' or '.join(NEIGHBORS)}")
    if layout == "umap" and find_spec("umap") is None:
        raise InputError("--layout umap: needs umap-learn; pip install 'isoclr[umap]'")


def _umap(vectors: Vectors, close: Nearest, seed: int) -> Coordinates:
    """UMAP with its defaults (McInnes et al. 2018), from the first principal components."""
    from openTSNE.initialization import pca
    from umap import UMAP

    n = len(vectors)
    rows = np.column_stack([np.arange(n), close.rows]).astype(np.int32)  # itself comes first
    distance = np.sqrt(np.maximum(2.0 - 2.0 * close.similarity, 0.0))
    distances = np.column_stack([np.zeros(n, np.float32), distance]).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of methods that a given graph rules out
        model = UMAP(
            n_neighbors=rows.shape[1],
            precomputed_knn=(rows, distances, None),
            init=pca(vectors, random_state=seed) * 1e5,
            random_state=seed,
            n_jobs=1,
        )
        return np.asarray(model.fit_transform(vectors), np.float64)


def landmark_coordinates(layout: Layout, vectors: Vectors, index: ClusterIndex, seed: int) -> tuple[Coordinates, Rows]:
    """Places of landmarks by a layout; every other RNA lies at the weighted mean of its nearest landmarks.

    A weight is one over the squared cosine distance.

    Returns:
        Coordinates ``(n, 2)`` and the rows of the landmarks.
    """
    n = len(vectors)
    landmarks = np.linspace(0, n - 1, min(LANDMARKS, n)).astype(np.int64)
    chosen = vectors[landmarks]
    close = find_exactly(chosen, AROUND, NEIGHBORS[layout] - AROUND)
    placed = coordinates_of(layout, chosen, close, seed)
    around = index.search(AROUND, landmarks, itself=True)
    found = np.searchsorted(landmarks, np.maximum(around.rows, 0))
    distance = np.maximum(1.0 - around.similarity.astype(np.float64), 0.0)
    weights = np.where(around.rows < 0, 0.0, 1.0 / (distance + 1e-3) ** 2)
    spread = (placed[found] * weights[:, :, None]).sum(1) / weights.sum(1)[:, None]
    spread[landmarks] = placed
    return spread, landmarks


def to_uint16(coordinates: Coordinates) -> NDArray[np.uint16]:
    """``(n, 2)`` coordinates on a square of 65,536 steps, with the same scale in both directions."""
    low, high = coordinates.min(0), coordinates.max(0)
    size = float((high - low).max()) or 1.0
    centered = (coordinates - (low + high) / 2) / size * (1 - 2 * MARGIN) + 0.5
    steps: NDArray[np.uint16] = np.clip(np.rint(centered * 65_535), 0, 65_535).astype(np.uint16)
    return steps
