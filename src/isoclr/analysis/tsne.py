"""A map of the embedding space: t-SNE, and how far neighbours agree in what the map is coloured by."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from isoclr._console import info, table
from isoclr._io import TABLE_FORMATS, as_paths, check_output, write_table
from isoclr.analysis.neighbors import Nearest, nearest, normalize
from isoclr.analysis.relations import Numbers, Row, gene_relations
from isoclr.corpus.corpus import open_corpus
from isoclr.embedding.embeddings import Embeddings, RnaChoice
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError
from isoclr.genomics.species import without_versions
from isoclr.plotting import FIGURE_FORMATS, Panel, check_format, map_figure
from isoclr.tasks.labels import (
    FOLD,
    ID_COLUMNS,
    NOT_MEASURED,
    gene_key,
    read_labels,
    representatives,
)

Kind = Literal["quantity", "class"]
SKEWED = ("length", "cds_length", "n_exons")
"""Columns that a map shows on a logarithmic scale."""
MOST_CLASSES, MOST_TERMS = 7, 3
"""Classes that get a colour, the most common ones; of terms, of which an RNA may have several, the paper's three."""


@dataclass(frozen=True)
class Coloring:
    """One colouring of a map.

    Attributes:
        name: of the column in the map's table.
        kind: numbers, or names of classes.
        values: one an RNA, Float64 or String; null where nothing is known, or where an RNA has none or
            several of the classes.
        skewed: numbers that are best seen on a logarithmic scale.
    """

    name: str
    kind: Kind
    values: pl.Series
    skewed: bool = False

    @property
    def classes(self) -> list[str]:
        """The classes, the most common first."""
        return _by_frequency(self.values)


def make_coloring(wanted: str, table: pl.DataFrame) -> Coloring:
    """A colouring by its name.

    Args:
        wanted: a column of the table, or a file of labels or classes, ``FILE`` or ``FILE:COLUMN``.
        table: what is known of the RNAs, ``transcript_id`` and ``gene_id`` among it.

    Raises:
        InputError: no such column or file, or a file that names none of the RNAs.
    """
    if wanted in table.columns:
        return _of_column(wanted, table[wanted])
    name, column = wanted, None
    if not Path(wanted).exists() and ":" in wanted:
        name, _, column = wanted.rpartition(":")
    path = Path(name)
    if not path.is_file():
        known = ", ".join(one for one in table.columns if one not in ID_COLUMNS)
        raise InputError(f"{wanted}: no such file, and no column; the columns are {known}")
    return _of_file(path, column, table)


def _of_column(name: str, values: pl.Series) -> Coloring:
    if values.dtype.is_numeric():
        return Coloring(name, "quantity", values.cast(pl.Float64), skewed=name in SKEWED)
    text = values.cast(pl.String)
    return Coloring(name, "class", _most_common(text.replace("", None), MOST_CLASSES))


def _of_file(path: Path, column: str | None, table: pl.DataFrame) -> Coloring:
    raw = _read(path)
    id_column = next((name for name in ID_COLUMNS if name in raw.columns), None)
    if id_column is None:
        raise InputError(
            f"{path}: columns are {', '.join(raw.columns)}; expected one named transcript_id or gene_id"
        )
    others = [name for name in raw.columns if name not in (*ID_COLUMNS, FOLD)]
    if column is None and len(others) == 1:
        column = others[0]
    if column is not None and column not in raw.columns:
        raise InputError(f"{path}: no column {column!r}; the columns are {', '.join(raw.columns)}")
    level = ID_COLUMNS[id_column]
    keys = table.select(key=without_versions(pl.col(level)))
    if column is None or _is_numeric(raw[column]):
        labels = read_labels(path, column)
        found = labels.table.select(without_versions(pl.col("id")).alias("key"), "value")
        joined = keys.join(found, on="key", how="left", maintain_order="left")
        named = Coloring(labels.name, "quantity", joined["value"].alias(labels.name))
    else:
        terms = raw.select(without_versions(pl.col(id_column)).alias("key"), value=pl.col(column))
        named = Coloring(column, "class", _classes(keys, terms.drop_nulls()).alias(column))
    if named.values.null_count() == len(named.values):
        raise InputError(
            f"{path}: names none of the {table.height:,} RNAs by {level} ({table[level][0]}, …)"
        )
    return named


def _read(path: Path) -> pl.DataFrame:
    suffixes = path.name.removesuffix(".gz").lower()
    try:
        if suffixes.endswith(".parquet"):
            return pl.read_parquet(path).select(pl.all().cast(pl.String))
        separator = "," if suffixes.endswith(".csv") else "\t"
        return pl.read_csv(path, separator=separator, infer_schema=False, null_values=NOT_MEASURED)
    except (pl.exceptions.PolarsError, OSError, EOFError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{path}: not a TSV, CSV or Parquet table ({first})") from None


def _is_numeric(text: pl.Series) -> bool:
    return text.cast(pl.Float64, strict=False).null_count() == text.null_count()


def _classes(keys: pl.DataFrame, terms: pl.DataFrame) -> pl.Series:
    """The class of every RNA; where an id may stand on several lines, the one of the most common classes it has."""
    several = not terms["key"].is_unique().all()
    named = keys.with_row_index("row").join(terms.unique(), on="key", how="inner")
    most = MOST_TERMS if several else MOST_CLASSES
    kept = named.with_columns(_most_common(named["value"], most)).drop_nulls("value")
    single = kept.filter(pl.col("row").is_unique()).select("row", "value")
    return keys.with_row_index("row").join(single, on="row", how="left", maintain_order="left")[
        "value"
    ]


def _most_common(values: pl.Series, most: int) -> pl.Series:
    """Null for all but the most common classes."""
    kept = pl.Series(_by_frequency(values)[:most], dtype=pl.String)
    return values.set(~values.is_in(kept.implode()), None)


def _by_frequency(values: pl.Series) -> list[str]:
    """The classes, the most common first, equally common ones by name."""
    counts = values.drop_nulls().alias("class").value_counts(name="count")
    return counts.sort(["count", "class"], descending=[True, False])["class"].to_list()


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
    colours: Mapping[str, Coloring]
    divergence: float
    agreement: pl.DataFrame

    def rows(self) -> list[Row]:
        """How far an RNA agrees with its 10 nearest of other gene sets, in the embedding (not on the map).

        For a quantity, Spearman's R with the mean of those neighbours; for a class, the share of those neighbours that
        are of it, and the share that chance would give.
        """
        return self.agreement.to_dicts()

    def print(self) -> None:
        """Print how far neighbours agree in the map's colours."""
        info(f"{self.table.height:,} RNAs, Kullback-Leibler divergence {self.divergence:.2f}")
        title = "the 10 nearest RNAs of other gene sets, in the embedding"
        rows = [
            [row["colour"], row["metric"], f"{row['value']:.3f}", row["n"]] for row in self.rows()
        ]
        table(title, ["colour", "metric", "value", "RNAs"], rows)


def tsne(
    features: NDArray[np.floating],
    table: pl.DataFrame,
    gene_set: Numbers,
    colours: Sequence[Coloring] = (),
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
    vectors = normalize(features)
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


def _by_name(colours: Sequence[Coloring]) -> dict[str, Coloring]:
    """Colourings by names of their own: a label that its table calls ``y`` is not the map's coordinate."""
    found: dict[str, Coloring] = {}
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
    vectors: NDArray[np.float32], gene_set: Numbers, colours: Mapping[str, Coloring]
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


FACTS = ("gene_symbol", "gene_set", "biotype", "n_exons")


def map_rnas(
    embeddings: Path,
    *,
    out: tuple[Path, ...],
    color: tuple[str, ...] = ("species", "length"),
    corpus: Path | None = None,
    species: str | None = None,
    rnas: RnaChoice = "all",
    isoforms: bool = False,
    labelled: bool = False,
    sample: int | None = 5_000,
    perplexity: float = 30.0,
    seed: int = 0,
    overwrite: bool = False,
) -> Map:
    """A map of the embedding space by t-SNE, each RNA a point coloured by what is known of it.

    One transcript stands for a gene. Beside the map stands how far an RNA agrees with its nearest neighbours of other
    gene sets in the embedding itself, since a map of two dimensions shows some of that and hides some.

    Args:
        embeddings: what isoclr embed wrote.
        out: the map, each by its extension: a picture (.png, .pdf, .svg), or the coordinates with all names (.parquet,
            .tsv, .csv).
        color: what to colour by, a picture each: a column (species, length, cds_length, cds_source; with --corpus
            gene_symbol, gene_set, biotype, n_exons), or a table with a column transcript_id or gene_id and a column of
            numbers or classes, FILE or FILE:COLUMN. Where an id stands on several lines (GO terms), the three most
            common classes are shown.
        corpus: the corpus that was embedded; it knows gene sets, symbols and exons.
        species: only RNAs of it.
        rnas: all RNAs, those with a coding sequence, or those whose coding sequence an annotation gives.
        isoforms: show all isoforms instead of one transcript a gene.
        labelled: only RNAs that every colouring knows.
        sample: draw so many RNAs at random.
        perplexity: how many neighbours an RNA should be near, about.
        seed: of the draw and of the map.
        overwrite: replace outputs that exist.

    Raises:
        InputError: a file that cannot be used, no such column, or too few RNAs.
    """
    paths = _outputs(out, overwrite)
    if sample is not None and sample < 1:
        raise InputError(f"--sample {sample}: expected 1 or more RNAs")
    some = read_embeddings(Path(embeddings)).select(species, rnas)
    table, gene_set = _known(some, corpus)
    colours = [make_coloring(wanted, table) for wanted in color]
    keep = _keep(table, colours if labelled else [], isoforms, sample, seed)
    if not len(keep):
        raise InputError(f"{embeddings}: no RNA is known to every one of {', '.join(color)}")
    info(f"{len(keep):,} of {len(some):,} RNAs on the map")
    chosen = [Coloring(one.name, one.kind, one.values.gather(keep), one.skewed) for one in colours]
    found = tsne(
        some.matrix[keep], table[keep], gene_set[keep], chosen, perplexity=perplexity, seed=seed
    )
    for path in paths:
        if path.suffix.lower() in FIGURE_FORMATS:
            map_figure(
                path, found.table["x"].to_numpy(), found.table["y"].to_numpy(), panels(found)
            )
        else:
            write_table(found.table, path)
    return found


def _outputs(out: tuple[Path, ...] | Path | str, overwrite: bool) -> list[Path]:
    paths = as_paths(out)
    for path in paths:
        if path.suffix.lower() in FIGURE_FORMATS:
            check_format(path)
            if path.is_dir() or (path.exists() and not overwrite):
                raise InputError(f"{path}: exists already; choose another name or --overwrite it")
        elif path.suffix in TABLE_FORMATS:
            check_output(path, overwrite=overwrite)
        else:
            wanted = ", ".join((*FIGURE_FORMATS, *TABLE_FORMATS))
            raise InputError(f"{path}: unknown format, expected a name that ends in {wanted}")
    return paths


def _known(some: Embeddings, corpus: Path | None) -> tuple[pl.DataFrame, Numbers]:
    """What is known of the RNAs, and the numbers of their gene sets."""
    if corpus is None:
        return some.table, gene_relations(some.table).gene_set
    opened = open_corpus(Path(corpus))
    keys = ["species", "transcript_id"]
    facts = opened.transcripts.select(*keys, *FACTS).unique(keys, keep="first", maintain_order=True)
    table = some.table.join(facts, on=keys, how="left", maintain_order="left")
    table = table.with_columns(pl.col("n_exons").replace(0, None))  # 0: unknown
    return table, gene_relations(some.table, opened).gene_set


def _keep(
    table: pl.DataFrame, colours: list[Coloring], isoforms: bool, sample: int | None, seed: int
) -> Numbers:
    """Rows of the RNAs to show, ascending."""
    named = table.with_row_index("row").with_columns(gene_key())
    for one in colours:
        named = named.filter(one.values.is_not_null().gather(named["row"]))
    if not isoforms:
        named = representatives(named, "gene")
    rows = np.sort(named["row"].to_numpy().astype(np.int64))
    if sample is not None and sample < len(rows):
        rows = np.sort(np.random.default_rng(seed).choice(rows, sample, replace=False))
    return rows


def panels(found: Map) -> list[Panel]:
    """A map's colourings as its picture takes them."""
    return [
        Panel(
            name,
            one.values.to_numpy()
            if one.kind == "quantity"
            else one.values.fill_null("").to_numpy(),
            one.classes if one.kind == "class" else None,
            one.skewed,
        )
        for name, one in found.colours.items()
    ]
