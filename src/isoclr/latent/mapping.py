"""A map of the embedding space: t-SNE, and how far neighbours agree in what the map is coloured by."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from isoclr.errors import InputError
from isoclr.latent.colours import Colour
from isoclr.latent.nearest import Nearest, Numbers, directions, nearest
from isoclr.latent.retrieving import Row

SMALLEST = 10
NEIGHBOURS = 10
EARLY, LATE = 250, 500
"""Steps of gradient descent with clusters drawn together, and after it."""
INTERPOLATED = 5_000
"""Above so many points forces are interpolated on a grid, whose cost grows linearly."""


@dataclass(frozen=True)
class Map:
    """Where RNAs lie on a map.

    Attributes:
        table: one row an RNA: its names, ``x`` and ``y``, and a column for every colouring.
        colours: the colourings, by the name of their column.
        divergence: Kullback and Leibler's, of the map from the embedding: what t-SNE minimises.
        agreement: one row a number; see :meth:`rows`.
    """

    table: pl.DataFrame
    colours: Mapping[str, Colour]
    divergence: float
    agreement: pl.DataFrame

    def rows(self) -> list[Row]:
        """How far an RNA agrees with its 10 nearest of other gene sets, in the embedding (not on the map).

        For a quantity, Spearman's R with the mean of those neighbours; for a class, the share of those neighbours that
        are of it, and the share that chance would give.
        """
        return self.agreement.to_dicts()


def tsne(
    features: NDArray[np.floating],
    table: pl.DataFrame,
    gene_set: Numbers,
    colours: Sequence[Colour] = (),
    *,
    perplexity: float = 30.0,
    seed: int = 0,
) -> Map:
    """t-SNE of standardised features by cosine; the same map for the same seed, on any number of cores.

    Args:
        features: ``(n, d)``.
        table: who the RNAs are, one row each.
        gene_set: ``(n,)`` number of the gene set of each.
        colours: what to colour the map by, values in the order of the rows.
        perplexity: how many neighbours an RNA should be near, about.
        seed: of the start.

    Raises:
        InputError: too few RNAs for a map, all alike, or a perplexity or seed that is none.
    """
    n = len(features)
    if n < SMALLEST:
        raise InputError(f"a map of {n} RNAs: expected at least {SMALLEST}")
    if not 1 < perplexity <= (n - 1) / 3:
        raise InputError(
            f"perplexity {perplexity:g}: expected more than 1 and at most a third of the {n:,} RNAs"
        )
    if seed < 0:
        raise InputError(f"--seed {seed}: expected 0 or more")
    vectors = directions(features)
    if not vectors.any():
        raise InputError(f"the embeddings of all {n:,} RNAs are alike, expected some that differ")
    places, divergence = _place(vectors, perplexity, seed)
    by_name = _by_name(colours)
    own = [one.values.alias(name) for name, one in by_name.items() if name not in table.columns]
    found = table.with_columns(x=pl.Series(places[:, 0]), y=pl.Series(places[:, 1])).with_columns(
        own
    )
    rows = _agreement(vectors, gene_set, by_name) if by_name else []
    return Map(found, by_name, divergence, pl.DataFrame(rows, infer_schema_length=None))


def _by_name(colours: Sequence[Colour]) -> dict[str, Colour]:
    """Colourings by names of their own: a label that its table calls ``y`` is not the map's coordinate."""
    found: dict[str, Colour] = {}
    for colour in colours:
        names = itertools.chain([colour.name], (f"{colour.name}_{n}" for n in itertools.count(2)))
        found[next(name for name in names if name not in {"x", "y", *found})] = colour
    return found


def _place(
    vectors: NDArray[np.float32], perplexity: float, seed: int
) -> tuple[NDArray[np.float64], float]:
    """Coordinates ``(n, 2)`` and what is left of the divergence; on one thread, so that sums have one order."""
    import openTSNE
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    n = len(vectors)
    close = nearest(vectors, np.arange(n), int(3 * perplexity), {"all RNAs": np.arange(n)})[
        "all RNAs"
    ]
    apart = np.sqrt(np.maximum(2.0 - 2.0 * close.similarity, 0.0))
    affinities = openTSNE.affinity.PerplexityBasedNN(
        perplexity=perplexity, knn_index=PrecomputedNeighbors(close.rows, apart), n_jobs=1
    )
    places = openTSNE.TSNEEmbedding(
        openTSNE.initialization.pca(vectors, random_state=seed),
        affinities,
        negative_gradient_method="fft" if n > INTERPOLATED else "bh",
        random_state=seed,
        n_jobs=1,
    )
    places = places.optimize(EARLY, exaggeration=12, momentum=0.5).optimize(LATE, momentum=0.8)
    return np.asarray(places, np.float64), float(places.kl_divergence)


def _agreement(
    vectors: NDArray[np.float32], gene_set: Numbers, colours: Mapping[str, Colour]
) -> list[Row]:
    rows: list[Row] = []
    for name, colour in colours.items():
        known = colour.values.is_not_null().to_numpy()
        k = min(NEIGHBOURS, _most_neighbours(gene_set[known]))
        if k < 1:
            continue
        kind = {"other gene sets": gene_set[known]}
        count = int(known.sum())
        close = nearest(vectors[known], np.arange(count), k, kind)["other gene sets"]
        values = colour.values.filter(colour.values.is_not_null())
        found = (_of_classes if colour.kind == "class" else _of_quantities)(values, close)
        common: Row = {"study": "map", "colour": name}
        rows += [common | {"metric": metric, "value": value, "n": count} for metric, value in found]
    return rows


def _most_neighbours(gene_set: Numbers) -> int:
    """How many candidates of other gene sets every RNA has."""
    if not len(gene_set):
        return 0
    return len(gene_set) - int(np.unique(gene_set, return_counts=True)[1].max())


def _of_quantities(values: pl.Series, close: Nearest) -> list[tuple[str, float]]:
    own = values.to_numpy()
    around = own[close.rows].mean(1)
    if np.ptp(own) == 0 or np.ptp(around) == 0:
        return []
    return [("spearman of neighbours", float(stats.spearmanr(own, around).statistic))]


def _of_classes(values: pl.Series, close: Nearest) -> list[tuple[str, float]]:
    _, own, counts = np.unique(values.to_numpy(), return_inverse=True, return_counts=True)
    share = float((own[close.rows] == own[:, None]).mean())
    chance = float(((counts - 1) / max(len(own) - 1, 1))[own].mean())
    return [("share of neighbours", share), ("share by chance", chance)]
