"""What colors the map: properties of RNAs, predictions, columns of a user's tables, and Gene Ontology terms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.atlas.catalog import Catalog
from isoclr.atlas.shards import write_shard
from isoclr.errors import InputError
from isoclr.genomics.species import taxid_of, without_version, without_versions
from isoclr.tasks.gene_ontology import Term, read_gene_terms
from isoclr.tasks.labels import CHROMOSOME, FOLD, RNA_COLUMNS, find_id_columns, read_text_table
from isoclr.tasks.task import read_ontology_task

MAX_CLASSES = 200  # Classes of a column, the most common first; the others are shown as one
OTHER = "other"
STEPS = 65_534  # Steps of a number between its smallest and largest value
MISSING = 65_535
FINE = 0.01
"""Largest whole step, as a share of the smaller values (their 10 % quantile); else fractions of steps are kept."""
LOGARITHMIC = ("length", "CDS length", "exons")
USED = 256  # Columns of a user's tables, at most


@dataclass(frozen=True)
class Column:
    """One value per RNA."""

    name: str
    group: str  # Heading of the list of columns: RNA, prediction, or the file's name
    values: pl.Series  # (n,) Float64 or String; null if unknown
    units: str = ""

    @property
    def is_number(self) -> bool:
        """Whether values are numbers, not classes."""
        return self.values.dtype.is_numeric()

    def packed(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Description and array of codes for the page.

        A class is its number from 1, 0 if unknown. A number is a step between ``low`` and ``high``, on a logarithmic
        scale if ``log``; :data:`MISSING` if unknown. Steps are whole unless they are too coarse (:data:`FINE`).
        """
        about: dict[str, Any] = {"name": self.name, "group": self.group, "units": self.units}
        if self.is_number:
            numbers = self.values.cast(pl.Float64).fill_null(np.nan).to_numpy().copy()
            log = self.group == "RNA" and self.name in LOGARITHMIC
            if log:
                numbers = np.log10(np.where(numbers > 0, numbers, np.nan))
            numbers[~np.isfinite(numbers)] = np.nan
            known = numbers[np.isfinite(numbers)]
            low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
            inner = np.quantile(known, [0.01, 0.99]).tolist() if len(known) else [0.0, 1.0]
            steps = (numbers - low) / ((high - low) or 1.0) * STEPS
            absolute = np.abs(known[known != 0])
            coarse = not log and len(absolute) > 0 and (high - low) / STEPS > FINE * np.quantile(absolute, 0.1)
            codes = np.where(np.isnan(steps), MISSING, steps if coarse else np.rint(steps))
            codes = codes.astype(np.float32 if coarse else np.uint16)
            about |= {"kind": "number", "low": low, "high": high, "inner": inner, "log": log}
            return about | {"known": len(known)}, {"codes": codes}
        text = self.values.cast(pl.String).replace("", None)
        counts = text.drop_nulls().alias("class").value_counts(name="n")
        counts = counts.sort(["n", "class"], descending=[True, False])
        classes, sizes = counts["class"].to_list(), counts["n"].to_list()
        if len(classes) > MAX_CLASSES:
            rest = sum(sizes[MAX_CLASSES:])
            classes, sizes = [*classes[:MAX_CLASSES], OTHER], [*sizes[:MAX_CLASSES], rest]
        numbers_of = {name: number for number, name in enumerate(classes[:MAX_CLASSES], 1)}
        last = len(classes)
        codes = np.array([0 if one is None else numbers_of.get(one, last) for one in text.to_list()], np.uint8)
        about |= {"kind": "class", "classes": classes, "sizes": sizes}
        return about | {"known": int((codes > 0).sum())}, {"codes": codes}


def rna_columns(catalog: Catalog) -> Iterator[Column]:
    """What is known of every RNA of a corpus."""
    table = catalog.table
    yield Column("species", "RNA", table["species"])
    yield Column("biotype", "RNA", table["biotype"])
    yield Column("coding sequence", "RNA", table["cds_source"])
    yield Column("length", "RNA", table["length"].cast(pl.Float64), "nt")
    yield Column("CDS length", "RNA", table["cds_length"].replace(0, None).cast(pl.Float64), "nt")
    yield Column("exons", "RNA", table["n_exons"].cast(pl.Float64))
    isoforms = np.diff(catalog.starts)
    yield Column("isoforms of the gene", "RNA", pl.Series(np.repeat(isoforms, isoforms) * 1.0))
    yield Column("gene set", "RNA", _gene_sets(catalog))


def _gene_sets(catalog: Catalog) -> pl.Series:
    """The largest gene sets, each named by its first symbol; null for sets of one gene."""
    sizes = np.diff(catalog.starts)
    of_rna = np.repeat(catalog.gene_set, sizes)
    names = pl.DataFrame({"set": of_rna, "symbol": catalog.table["gene_symbol"].replace("", None)})
    genes = pl.DataFrame({"set": catalog.gene_set}).group_by("set").len()
    chosen = names.group_by("set").agg(pl.col("symbol").drop_nulls().first(), rnas=pl.len())
    chosen = chosen.join(genes, on="set").filter((pl.col("len") > 1) & pl.col("symbol").is_not_null())
    chosen = chosen.sort("rnas", "symbol", descending=[True, False])[:MAX_CLASSES]
    unique = chosen.with_columns(
        name=pl.when(pl.col("symbol").is_unique()).then("symbol").otherwise(pl.format("{} ({})", "symbol", "set"))
    )
    joined = names.select("set").join(unique, on="set", how="left", maintain_order="left")
    return joined["name"]


def table_columns(paths: Sequence[Path], table: pl.DataFrame) -> list[Column]:
    """All columns of a user's tables, joined by transcript id, gene id or symbol.

    Several numbers of one id are averaged; of several classes the one most common in the file is kept.
    """
    columns = [column for path in paths for column in _columns_of(path, table)]
    if len(columns) > USED:
        raise InputError(f"--table: {len(columns):,} columns, expected at most {USED}")
    return columns


def _columns_of(path: Path, table: pl.DataFrame) -> Iterator[Column]:
    raw = read_text_table(path)
    ids = find_id_columns(raw.columns)
    if not ids:
        raise InputError(
            f"{path}: columns are {', '.join(raw.columns)}; expected one named transcript_id, gene_id or symbol"
        )
    column, level = ids[0]
    ours = RNA_COLUMNS[level]
    keys = table.select(key=_key(ours, level))
    theirs = raw.select(key=_key(column, level))
    id_names = {name for name, _ in ids}
    skipped = {*id_names, FOLD, CHROMOSOME, "line"}
    for name in (one for one in raw.columns if one not in skipped):
        pairs = theirs.with_columns(value=raw[name]).drop_nulls()
        numbers = pairs["value"].cast(pl.Float64, strict=False)
        if numbers.null_count():
            counts = pairs["value"].value_counts(name="n")
            ranked = pairs.join(counts, on="value").sort("n", "value", descending=[True, False])
            values = ranked.unique("key", keep="first", maintain_order=True).drop("n")
        else:
            values = pairs.with_columns(value=numbers).group_by("key").agg(pl.col("value").mean())
        joined = keys.join(values, on="key", how="left", maintain_order="left")["value"]
        if joined.null_count() == len(joined):
            continue
        stem = path.name.removesuffix(".gz").rpartition(".")[0] or path.name
        yield Column(name, stem, joined)
    if keys.join(theirs, on="key", how="semi").is_empty():
        raise InputError(f"{path}: names none of the {table.height:,} RNAs by {level} ({table[ours][0]}, …)")


def _key(column: str, level: str) -> pl.Expr:
    """Ids without version; symbols as they are."""
    if level == "symbol":
        return pl.col(column).replace("", None)
    return without_versions(pl.col(column))


MIN_GENES = 3  # Terms of fewer genes are left out
MAX_SHARE = 0.9  # Terms of a larger share of the annotated genes are left out: they say nothing


class GeneOntology:
    """Genes of an atlas by term."""

    def __init__(self, catalog: Catalog) -> None:
        self.terms: dict[str, Term] = {}
        self._genes: dict[str, list[int]] = {}
        self._annotated: set[int] = set()
        first = catalog.table[catalog.starts[:-1]]
        self._species = first["species"].to_list()
        self._ids = [without_version(name or "") for name in first["gene_id"].to_list()]

    def add(self, task: Path | str, data: Path | None) -> None:
        """Add the annotations of one species; a gene has its direct terms and all their ancestors.

        Args:
            task: Name or TOML file of a task of Gene Ontology terms.
            data: Folder of the task's files, as in ``isoclr ontology``.
        """
        opened = read_ontology_task(task, data)
        ontology, _, direct, _ = read_gene_terms(opened)
        wanted = taxid_of(opened.species)
        before = len(self._annotated)
        for gene, (name, species) in enumerate(zip(self._ids, self._species, strict=True)):
            if name not in direct or (species and taxid_of(species) != wanted):
                continue
            self._annotated.add(gene)
            for term in frozenset().union(*(ontology.ancestors[one] for one in direct[name])):
                self._genes.setdefault(term, []).append(gene)
                self.terms[term] = ontology.terms[term]
        if len(self._annotated) == before:
            raise InputError(f"--ontology {task}: annotates none of the {len(self._ids):,} genes of this atlas")

    def write(self, data: Path) -> int:
        """Write the shard ``terms`` and return the number of terms in it."""
        most = MAX_SHARE * len(self._annotated)
        chosen = [(name, sorted(set(genes))) for name, genes in self._genes.items() if self.terms[name].parents]
        chosen = [one for one in chosen if MIN_GENES <= len(one[1]) <= most]
        chosen.sort(key=lambda one: (-len(one[1]), one[0]))
        values: dict[str, Any] = {
            "terms": [[name, self.terms[name].name, self.terms[name].namespace.replace("_", " ")] for name, _ in chosen]
        }
        arrays: dict[str, NDArray[Any]] = {
            "sizes": np.array([len(genes) for _, genes in chosen], np.uint32),
            "genes": _steps([genes for _, genes in chosen]),
            "annotated": _steps([sorted(self._annotated)]),
        }
        write_shard(data, "terms", values, arrays)
        return len(chosen)


def _steps(lists: Sequence[Sequence[int]]) -> NDArray[np.uint32]:
    """Ascending numbers as steps from the one before, which compress well; each list begins anew."""
    parts = [np.diff(np.array(one, np.uint32), prepend=np.uint32(0)) for one in lists]
    return np.concatenate(parts) if parts else np.empty(0, np.uint32)
