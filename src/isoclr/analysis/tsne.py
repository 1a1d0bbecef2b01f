"""t-SNE maps of an embedding space, and how far neighbours agree in the values that color the map."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import polars.selectors as cs
from numpy.typing import NDArray

from isoclr._console import info
from isoclr._io import TABLE_FORMATS, as_paths, check_output, write_table
from isoclr._report import Report, Row, Table
from isoclr.analysis.neighbors import Nearest, Vectors, nearest, normalize
from isoclr.analysis.relations import Numbers, add_corpus_columns, gene_relations
from isoclr.corpus.corpus import open_corpus
from isoclr.embedding.embeddings import SCHEMA, RnaChoice
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError, counted
from isoclr.genomics.species import without_versions
from isoclr.plotting.maps import Panel, map_figure
from isoclr.plotting.style import FIGURE_FORMATS, check_format
from isoclr.tasks.join import draw_rows, gene_key, representatives
from isoclr.tasks.labels import CHROMOSOME, FOLD, ID_COLUMNS, RNA_COLUMNS, find_id_columns, read_labels, read_text_table
from isoclr.tasks.metrics import spearman

Kind = Literal["quantity", "class"]
SKEWED = ("length", "cds_length", "n_exons")  # Columns that are colored on a logarithmic scale; 0 is no value
MAX_CLASSES, MAX_TERMS = 7, 3
"""Classes that get a color, the most common first. An RNA may have several terms; three are shown, as in the paper."""
MIN_RNAS = 10
NEIGHBORS = 10
EXAGGERATED_STEPS, FINAL_STEPS = 250, 500  # Steps of gradient descent with and without early exaggeration
FFT_RNAS = 5_000  # Above this number of RNAs forces are interpolated on a grid, at a cost that grows linearly


@dataclass(frozen=True)
class Coloring:
    """Values that color a map."""

    name: str  # Name of the column in the map's table
    kind: Kind  # Numbers, or names of classes
    values: pl.Series
    """One per RNA, Float64 or String; null if unknown, or if an RNA has none or several of the classes."""
    skewed: bool = False  # Use a logarithmic scale

    @property
    def classes(self) -> list[str]:
        """The classes, the most common first."""
        return by_frequency(self.values)

    @property
    def panel(self) -> Panel:
        """The coloring in the form that the figure takes."""
        if self.kind == "quantity":
            return Panel(self.name, self.values.to_numpy(), None, self.skewed)
        return Panel(self.name, self.values.fill_null("").to_numpy(), self.classes, self.skewed)


def make_coloring(source: str, table: pl.DataFrame) -> Coloring:
    """A coloring by name.

    Args:
        source: Column of the table, or a file of labels or classes, ``FILE`` or ``FILE:COLUMN``.
    """
    if source in table.columns:
        values = table[source]
        if values.dtype.is_numeric():
            numbers = values.cast(pl.Float64)
            skewed = source in SKEWED
            return Coloring(source, "quantity", numbers.replace(0.0, None) if skewed else numbers, skewed)
        text = values.cast(pl.String).replace("", None)
        return Coloring(source, "class", _keep_common(text, MAX_CLASSES))
    name, column = source, None
    if not Path(source).exists() and ":" in source:
        name, _, column = source.rpartition(":")
    if not Path(name).is_file():
        columns = ", ".join(one for one in table.columns if one not in ID_COLUMNS)
        raise InputError(f"--color {source}: neither a file nor a column; the columns are {columns}")
    return _from_file(Path(name), column, table)


def _from_file(path: Path, column: str | None, table: pl.DataFrame) -> Coloring:
    raw = read_text_table(path)
    id_columns = find_id_columns(raw.columns)
    if not id_columns:
        raise InputError(f"{path}: columns are {', '.join(raw.columns)}; expected one named transcript_id or gene_id")
    column = _value_column(path, column, raw)
    id_column, kind = id_columns[0]
    level = RNA_COLUMNS[kind]
    if level not in table.columns:
        raise InputError(f"{path}: its ids are gene symbols, which the embedded RNAs lack; give --corpus")
    keys = table.select(key=without_versions(pl.col(level)))
    if raw[column].cast(pl.Float64, strict=False).null_count() == raw[column].null_count():
        labels = read_labels(path, column).table
        values = labels.select(without_versions(pl.col("id")).alias("key"), "value")
        joined = keys.join(values, on="key", how="left", maintain_order="left")
        coloring = Coloring(column, "quantity", joined["value"].alias(column))
    else:
        terms = raw.select(without_versions(pl.col(id_column)).alias("key"), value=pl.col(column))
        coloring = Coloring(column, "class", _classes(keys, terms.drop_nulls()).alias(column))
    if coloring.values.null_count() == len(keys):
        raise InputError(f"{path}: names none of the {table.height:,} RNAs by {level} ({table[level][0]}, …)")
    return coloring


def _value_column(path: Path, column: str | None, raw: pl.DataFrame) -> str:
    """The given column of a file, or its only one apart from ids."""
    ids = [name for name, _ in find_id_columns(raw.columns)]
    columns = [name for name in raw.columns if name not in (*ids, FOLD, CHROMOSOME)]
    if column is None and len(columns) == 1:
        return columns[0]
    if column is None:
        example = f"{path}:{columns[0]}" if columns else f"{path}:COLUMN"
        raise InputError(
            f"--color {path}: the file has columns {', '.join(columns) or 'of ids only'}; "
            f"choose one as FILE:COLUMN, such as {example}"
        )
    if column not in raw.columns:
        raise InputError(f"{path}: no column {column!r}; the columns are {', '.join(raw.columns)}")
    return column


def _classes(keys: pl.DataFrame, terms: pl.DataFrame) -> pl.Series:
    """The class of every RNA; if ids occur repeatedly, null for RNAs with several of the most common classes."""
    has_repeats = not terms["key"].is_unique().all()
    joined = keys.with_row_index("row").join(terms.unique(), on="key", how="inner")
    common = _keep_common(joined["value"], MAX_TERMS if has_repeats else MAX_CLASSES)
    joined = joined.with_columns(common.alias("value")).drop_nulls("value")
    single = joined.filter(pl.col("row").is_unique()).select("row", "value")
    rows = keys.with_row_index("row").join(single, on="row", how="left", maintain_order="left")
    return rows["value"]


def _keep_common(values: pl.Series, most: int) -> pl.Series:
    """Null for all but the most common classes."""
    common = pl.Series(by_frequency(values)[:most], dtype=pl.String)
    return values.set(~values.is_in(common.implode()), None)


def by_frequency(values: pl.Series) -> list[str]:
    """The classes, the most common first, equally common ones by name."""
    counts = values.drop_nulls().alias("class").value_counts(name="count")
    return counts.sort(["count", "class"], descending=[True, False])["class"].to_list()


@dataclass(frozen=True)
class TsneMap(Report):
    """A map of RNAs."""

    table: pl.DataFrame  # One row per RNA: its names, x and y, and a column for every coloring
    colorings: Mapping[str, Coloring]  # Colorings by the name of their column
    divergence: float  # Kullback-Leibler divergence of the map from the embedding, which t-SNE minimizes
    agreement: Sequence[Row]
    """How far an RNA agrees with its 10 nearest of other gene sets in the embedding (not on the map): Spearman's R with
    their mean for a quantity; for a class, the share of them in the same class, and that expected by chance."""

    def rows(self) -> list[Row]:
        """The agreement."""
        return list(self.agreement)

    def messages(self) -> Iterator[str]:
        """Size and divergence."""
        yield f"{counted(self.table.height, 'RNA')}, Kullback-Leibler divergence {self.divergence:.2f}"

    def tables(self) -> Iterator[Table]:
        """The agreement."""
        lines = [[row["colour"], row["metric"], f"{row['value']:.3f}", row["n"]] for row in self.agreement]
        title = "agreement with the 10 nearest RNAs of other gene sets, in the embedding"
        yield Table(title, ["color", "metric", "value", "RNAs"], lines)


def tsne(
    features: NDArray[np.floating],
    table: pl.DataFrame,
    gene_set: Numbers,
    colorings: Sequence[Coloring] = (),
    *,
    perplexity: float = 30.0,
    seed: int = 0,
) -> TsneMap:
    """t-SNE of standardized features by cosine; the same map for the same seed, on any number of cores."""
    n = len(features)
    if n < MIN_RNAS:
        raise InputError(f"a map of {n} RNAs: expected at least {MIN_RNAS}")
    if not 1 < perplexity <= (n - 1) / 3:
        raise InputError(f"--perplexity {perplexity:g}: expected more than 1 and at most a third of the {n:,} RNAs")
    if seed < 0:
        raise InputError(f"--seed {seed}: expected 0 or more")
    vectors = normalize(features)
    if not vectors.any():
        raise InputError(f"the embeddings of all {n:,} RNAs are identical, expected some that differ")
    rows = np.arange(n)
    close = nearest(vectors, rows, int(3 * perplexity), {"all RNAs": rows})["all RNAs"]
    positions, divergence = place(vectors, close, perplexity, seed)
    by_name = _by_column(colorings)
    placed = table.with_columns(x=pl.Series(positions[:, 0]), y=pl.Series(positions[:, 1]))
    placed = placed.with_columns(one.values.alias(name) for name, one in by_name.items() if name not in table.columns)
    return TsneMap(placed, by_name, divergence, [*_agreement(vectors, gene_set, by_name)])


def _by_column(colorings: Sequence[Coloring]) -> dict[str, Coloring]:
    """Colorings by unique names: a label called ``y`` must not replace the map's coordinate."""
    by_name: dict[str, Coloring] = {}
    for one in colorings:
        names = itertools.chain([one.name], (f"{one.name}_{i}" for i in itertools.count(2)))
        by_name[next(name for name in names if name not in {"x", "y", *by_name})] = one
    return by_name


def place(vectors: Vectors, close: Nearest, perplexity: float, seed: int) -> tuple[NDArray[np.float64], float]:
    """t-SNE coordinates ``(n, 2)`` from neighbours and their divergence, on one thread, so that sums have one order.

    Args:
        vectors: ``(n, d)`` of length 1; their principal components are the initial positions.
        close: About three times as many neighbours as the perplexity.
    """
    import openTSNE
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    n = len(vectors)
    distances = np.sqrt(np.maximum(2.0 - 2.0 * close.similarity, 0.0))
    affinities = openTSNE.affinity.PerplexityBasedNN(
        perplexity=perplexity, knn_index=PrecomputedNeighbors(close.rows, distances), n_jobs=1
    )
    positions = openTSNE.TSNEEmbedding(
        openTSNE.initialization.pca(vectors, random_state=seed),
        affinities,
        negative_gradient_method="fft" if n > FFT_RNAS else "bh",
        random_state=seed,
        n_jobs=1,
    )
    positions = positions.optimize(EXAGGERATED_STEPS, exaggeration=12, momentum=0.5)
    positions = positions.optimize(FINAL_STEPS, momentum=0.8)
    return np.asarray(positions, np.float64), float(positions.kl_divergence)


def _agreement(vectors: Vectors, gene_set: Numbers, colorings: Mapping[str, Coloring]) -> Iterator[Row]:
    for name, coloring in colorings.items():
        known = coloring.values.is_not_null().to_numpy()
        groups = gene_set[known]
        _, sizes = np.unique(groups, return_counts=True)
        k = min(NEIGHBORS, len(groups) - int(sizes.max(initial=0)))
        if k < 1:
            continue
        rows = np.arange(len(groups))
        close = nearest(vectors[known], rows, k, {"other gene sets": groups})["other gene sets"]
        metrics = _class_agreement if coloring.kind == "class" else _quantity_agreement
        for metric, value in metrics(coloring.values.drop_nulls(), close).items():
            keys: Row = {"study": "map", "colour": name, "metric": metric}
            yield keys | {"value": value, "n": len(groups)}


def _quantity_agreement(values: pl.Series, close: Nearest) -> dict[str, float]:
    own = values.to_numpy()
    around = own[close.rows].mean(1)
    if np.ptp(own) == 0 or np.ptp(around) == 0:
        return {}
    return {"spearman of neighbours": spearman(own, around)}


def _class_agreement(values: pl.Series, close: Nearest) -> dict[str, float]:
    _, own, counts = np.unique(values.to_numpy(), return_inverse=True, return_counts=True)
    share = float((own[close.rows] == own[:, None]).mean())
    chance = float(((counts - 1) / max(len(own) - 1, 1))[own].mean())
    return {"share of neighbours": share, "share by chance": chance}


def map_rnas(
    embeddings: Path,
    *,
    out: tuple[Path, ...] = (),
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
) -> TsneMap:
    """Draw a t-SNE map of the embedding space, with one point per RNA, colored by its properties.

    Each gene is represented by one transcript. A two-dimensional map shows only part of the structure, so the command
    also reports how far an RNA agrees with its nearest neighbours of other gene sets in the embedding itself.

    Args:
        embeddings: Embeddings that ``isoclr embed`` wrote; in Python also those it returned.
        out: Outputs, each by its extension: a figure (.png, .pdf, .svg), or the coordinates with all names (.parquet,
            .tsv, .csv). Optional in Python.
        color: What to color by, one panel each: a column (species, length, cds_length, cds_source; with --corpus
            gene_symbol, gene_set, biotype, n_exons), or a table with a column transcript_id or gene_id and a column of
            numbers or classes, FILE or FILE:COLUMN. If ids occur repeatedly (GO terms), the three most common classes
            are shown. Columns without a value are skipped.
        corpus: Corpus that was embedded, with gene sets, symbols and exons.
        species: Only RNAs of this species.
        rnas: All RNAs, those with a coding sequence, or those whose coding sequence is annotated.
        isoforms: Show all isoforms instead of one transcript per gene.
        labelled: Only RNAs with a value in every coloring.
        sample: Number of random RNAs to show.
        perplexity: About how many neighbours an RNA should be close to.
        seed: Random seed of the sample and the map.
        overwrite: Replace existing outputs.

    Raises:
        InputError: A file that cannot be used, no such column, or too few RNAs.
    """
    paths = _check_outputs(out, overwrite)
    if sample is not None and sample < 1:
        raise InputError(f"--sample {sample}: expected 1 or more RNAs")
    opened = None if corpus is None else open_corpus(Path(corpus))
    selected = read_embeddings(embeddings)
    if opened is not None:
        selected = replace(selected, table=add_corpus_columns(selected.table, opened))
    selected = selected.select(species, rnas)
    gene_set = gene_relations(selected.table.select(SCHEMA.names()), opened).gene_set
    table = selected.table.with_columns(cs.by_name("n_exons", require_all=False).replace(0, None))
    colorings = []
    for one in [make_coloring(source, table) for source in color]:
        if one.values.null_count() < len(one.values):
            colorings.append(one)
        else:
            info(f"--color {one.name}: no RNA has a value; skipped")
    rows = _select_rows(table, colorings if labelled else [], isoforms, sample, seed)
    if not len(rows):
        raise InputError(f"{embeddings}: no RNA has a value in every one of {', '.join(color)}")
    info(f"{len(rows):,} of {len(selected):,} RNAs on the map")
    shown = [replace(one, values=one.values.gather(rows)) for one in colorings]
    result = tsne(selected.matrix[rows], table[rows], gene_set[rows], shown, perplexity=perplexity, seed=seed)
    for path in paths:
        if path.suffix.lower() in FIGURE_FORMATS:
            panels = [replace(one, name=name).panel for name, one in result.colorings.items()]
            x, y = result.table.select("x", "y").to_numpy().T
            map_figure(path, x, y, panels)
        else:
            write_table(result.table, path, overwrite=overwrite)
    return result


def _check_outputs(out: tuple[Path, ...] | Path | str, overwrite: bool) -> list[Path]:
    paths = as_paths(out)
    for path in paths:
        if path.suffix.lower() in FIGURE_FORMATS:
            check_format(path)
            if path.exists() and not overwrite:
                raise InputError(f"{path}: exists already; choose another name or --overwrite it")
        elif path.suffix in TABLE_FORMATS:
            check_output(path, overwrite=overwrite)
        else:
            formats = ", ".join((*FIGURE_FORMATS, *TABLE_FORMATS))
            raise InputError(f"{path}: unknown format, expected a name that ends in {formats}")
    return paths


def _select_rows(
    table: pl.DataFrame, required: Sequence[Coloring], isoforms: bool, sample: int | None, seed: int
) -> Numbers:
    """Rows of the RNAs to show, ascending; all have a value in the required colorings."""
    named = table.with_row_index("row").with_columns(gene_key())
    for one in required:
        named = named.filter(one.values.is_not_null().gather(named["row"]))
    if not isoforms:
        named = representatives(named, "gene")
    return draw_rows(named["row"].to_numpy().astype(np.int64), sample, seed)
