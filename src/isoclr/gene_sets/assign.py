"""The gene set of every gene: its homologous group, or itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from isoclr.accessions import without_versions
from isoclr.errors import InputError
from isoclr.gene_sets.homology import read_homology
from isoclr.gene_sets.ids import read_gene_ids
from isoclr.species import taxid_of

Scope = Literal["across-species", "within-species"]

_ENTREZ = r"^(?:GeneID:)?(\d{1,15})$"
_LOC = r"^LOC(\d{1,15})$"


@dataclass(frozen=True)
class GeneSets:
    """The gene set of every gene.

    Attributes:
        table: the genes as given, with a column ``gene_set``.
        mapped: species → (genes that are in a homologous group, all its genes).
    """

    table: pl.DataFrame
    mapped: dict[str, tuple[int, int]]


def assign(
    genes: pl.DataFrame,
    homology: Path | None = None,
    gene_ids: Mapping[str, Path] | None = None,
    scope: Scope = "across-species",
) -> GeneSets:
    """Put homologous genes into one gene set, and every other gene into its own.

    A gene is looked up by its Entrez id, which is found in this order, as far as the species is known: the gene id is
    one itself; the species' id table has the gene id (version or not); the gene id or symbol is ``LOC`` and a number;
    the symbol (else the gene id, else the table's symbol) is in the id table, then in the homology file, for exactly
    one group. The first way that leads to a group counts. A gene with several Entrez ids in different groups goes
    to the group with the smallest number. A gene without a group is named by species and gene id, never by symbol.

    Args:
        genes: ``species, gene_id, gene_symbol``, one row a gene.
        homology: ``homologene.data`` or NCBI's ``gene_orthologs``; None puts every gene into a set of its own.
        gene_ids: species → table that joins gene id, Entrez id and symbol.
        scope: ``within-species`` keeps orthologs apart and merges paralogs only.

    Raises:
        InputError: a file that is not what it should be, or an id table for a species that nobody knows.
    """
    if scope not in get_args(Scope):
        raise InputError(f"scope is {scope!r}, expected one of {', '.join(get_args(Scope))}")
    rows = _rows(genes)
    groups = _groups(rows, homology, gene_ids or {})
    own = pl.col("species") + "|" + pl.col("bare_id")
    group = (
        pl.col("species") + "|" + pl.col("group") if scope == "within-species" else pl.col("group")
    )
    rows = rows.join(groups, on="row", how="left", maintain_order="left")
    table = genes.with_columns(rows.select(gene_set=pl.coalesce(group, own))["gene_set"])
    return GeneSets(table, _mapped(rows))


def _rows(genes: pl.DataFrame) -> pl.DataFrame:
    """The genes with a row number, their taxonomy number and their id without version."""
    taxids = {name: taxid_of(name) for name in genes["species"].unique()}
    return genes.select(
        pl.int_range(pl.len()).alias("row"),
        "species",
        taxid=pl.col("species").replace_strict(taxids, default=None, return_dtype=pl.Int64),
        bare_id=without_versions(pl.col("gene_id")),
        symbol=pl.col("gene_symbol").fill_null(""),
    )


def _groups(
    rows: pl.DataFrame, homology: Path | None, gene_ids: Mapping[str, Path]
) -> pl.DataFrame:
    """``row, group`` of the genes that have one."""
    ids = _id_tables(rows, gene_ids)
    if homology is None:
        return pl.DataFrame(schema={"row": pl.Int64, "group": pl.String})
    known = read_homology(homology)
    candidates = pl.concat(_by_id(rows, ids, known) + _by_symbol(rows, ids, known))
    best = candidates.sort("row", "way", "rank").group_by("row", maintain_order=True).first()
    return best.select("row", "group")


def _id_tables(rows: pl.DataFrame, gene_ids: Mapping[str, Path]) -> pl.DataFrame:
    """All id tables as one, by taxonomy number: ``taxid, bare_id, entrez, symbol``."""
    schema = {"taxid": pl.Int64, "bare_id": pl.String, "entrez": pl.Int64, "symbol": pl.String}
    tables = [pl.DataFrame(schema=schema)]
    for species, path in gene_ids.items():
        taxid = taxid_of(species)
        if taxid is None:
            here = ", ".join(rows["species"].unique().sort())
            raise InputError(
                f"{path}: is the gene id table of {species!r}, which has no taxonomy number; expected a species "
                f"that is known by name or number (here are {here})"
            )
        table = read_gene_ids(path).rename({"gene_id": "bare_id"})
        taxids = pl.lit(taxid, pl.Int64).alias("taxid")
        tables.append(table.select(taxids, "bare_id", "entrez", "symbol"))
    return pl.concat(tables)


def _by_id(rows: pl.DataFrame, ids: pl.DataFrame, known: pl.DataFrame) -> list[pl.DataFrame]:
    """Candidates by Entrez id, surest way first."""
    number = pl.col("bare_id").str.extract(_ENTREZ).cast(pl.Int64)
    loc = pl.coalesce(pl.col(name).str.extract(_LOC) for name in ("symbol", "bare_id"))
    table = rows.select("row", "taxid", "bare_id").join(
        ids.select("taxid", "bare_id", "entrez"), on=["taxid", "bare_id"]
    )
    found = [
        rows.select("row", "taxid", entrez=number),
        table.select("row", "taxid", "entrez"),
        rows.select("row", "taxid", entrez=loc.cast(pl.Int64)),
    ]
    groups = known.select("taxid", "entrez", "group", "rank")
    return [
        _ranked(way, frame.join(groups, on=["taxid", "entrez"])) for way, frame in enumerate(found)
    ]


def _by_symbol(rows: pl.DataFrame, ids: pl.DataFrame, known: pl.DataFrame) -> list[pl.DataFrame]:
    """Candidates by symbol, where a symbol means one group only."""
    groups = known.select("taxid", "entrez", "group", "rank")
    in_table = ids.join(groups, on=["taxid", "entrez"]).select("taxid", "symbol", "group", "rank")
    in_homology = known.select("taxid", "symbol", "group", "rank")
    own = pl.when(pl.col("symbol") == "").then("bare_id").otherwise("symbol")
    by_own = rows.select("row", "taxid", symbol=own)
    by_table = rows.select("row", "taxid", "bare_id").join(ids, on=["taxid", "bare_id"])
    return [
        _ranked(3, by_own.join(_unambiguous(in_table), on=["taxid", "symbol"])),
        _ranked(4, by_own.join(_unambiguous(in_homology), on=["taxid", "symbol"])),
        _ranked(5, by_table.join(_unambiguous(in_homology), on=["taxid", "symbol"])),
    ]


def _unambiguous(symbols: pl.DataFrame) -> pl.DataFrame:
    """The symbols that mean one group only, in their species."""
    named = symbols.filter(pl.col("symbol").fill_null("") != "").unique()
    return named.filter(pl.struct("taxid", "symbol").is_unique())


def _ranked(way: int, candidates: pl.DataFrame) -> pl.DataFrame:
    return candidates.select("row", "group", "rank", way=pl.lit(way, pl.Int32))


def _mapped(rows: pl.DataFrame) -> dict[str, tuple[int, int]]:
    """How many genes of each species are in a homologous group, in the species' order of appearance."""
    counts = rows.group_by("species", maintain_order=True).agg(
        pl.col("group").is_not_null().sum(), pl.len()
    )
    return {species: (mapped, total) for species, mapped, total in counts.iter_rows()}
