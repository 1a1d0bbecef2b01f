"""Gene sets: homologous genes from HomoloGene or NCBI's orthologs, and tables of gene ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.errors import InputError
from isoclr.genomics.species import taxid_of, without_versions
from isoclr.genomics.text import cells, csv_fields, integers, table_text

Scope = Literal["across-species", "within-species"]

HOMOLOGENE_FORMAT = "HomoloGene's columns HID, taxid, gene id, symbol, protein gi, protein accession"
ORTHOLOGS_FORMAT = "gene_orthologs' columns #tax_id, GeneID, relationship, Other_tax_id, Other_GeneID"
_HOMOLOGY_FORMATS = f"{HOMOLOGENE_FORMAT}, or {ORTHOLOGS_FORMAT} (tab-separated)"


# Homology files


def read_homology(path: Path) -> pl.DataFrame:
    """Read ``homologene.data`` or ``gene_orthologs``, plain or gzip; the format is detected.

    Returns:
        One row per gene: ``taxid, entrez, symbol, group, rank`` (the number in the group's name).
    """
    path = Path(path)
    data = table_text(path, _HOMOLOGY_FORMATS)
    line = data.split(b"\n", 1)[0].decode("utf-8", "replace").strip("\r")
    fields = line.split("\t")
    if line.startswith("#tax_id") or (len(fields) == 5 and fields[2].lower() == "ortholog"):
        return read_orthologs(path, data)
    if len(fields) >= 4 and all(field.strip().isdecimal() for field in fields[:3]):
        return read_homologene(path, data)
    raise InputError(f"{path}: line 1 is {line[:80]!r}, expected {_HOMOLOGY_FORMATS}")


def read_homologene(path: Path, data: bytes) -> pl.DataFrame:
    """Genes of ``homologene.data``; groups are named ``HID:3``."""
    columns = ["HID", "taxid", "gene id", "symbol"]
    frame = integers(cells(path, data, columns), path, columns[:3], HOMOLOGENE_FORMAT)
    return frame.select(
        "taxid",
        entrez="gene id",
        symbol=pl.col("symbol").fill_null("").str.strip_chars(),
        group=pl.lit("HID:") + pl.col("HID").cast(pl.String),
        rank="HID",
    ).unique(maintain_order=True)


def read_orthologs(path: Path, data: bytes) -> pl.DataFrame:
    """Genes of ``gene_orthologs`` by connected component; groups are named after the smallest gene id, ``ORTH:34``."""
    columns = ["tax_id", "GeneID", "relationship", "Other_tax_id", "Other_GeneID"]
    numbers = [name for name in columns if name != "relationship"]
    skip = 1 if data.startswith(b"#") else 0
    pairs = integers(cells(path, data, columns, skip=skip), path, numbers, ORTHOLOGS_FORMAT)
    one = pairs.select(taxid="tax_id", entrez="GeneID")
    other = pairs.select(taxid="Other_tax_id", entrez="Other_GeneID")
    genes = pl.concat([one, other])
    smallest = pl.Series(smallest_connected(genes["entrez"].to_numpy().reshape(2, -1)).ravel())
    group = pl.lit("ORTH:") + smallest.cast(pl.String)
    return genes.with_columns(symbol=pl.lit(""), group=group, rank=smallest).unique(maintain_order=True)


def smallest_connected(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each number of ``pairs`` ``(2, n)`` the smallest one that a chain of pairs connects it with ``(2, n)``.

    >>> smallest_connected(np.array([[1, 3, 8], [2, 2, 9]])).tolist()
    [[1, 1, 8], [1, 1, 8]]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ids, nodes = np.unique(pairs, return_inverse=True)
    one, other = nodes.reshape(pairs.shape).astype(np.int32)  # int64 fails in scipy 1.11
    edges = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(len(ids), len(ids)))
    _, component = connected_components(edges, directed=False)
    _, first = np.unique(component, return_index=True)  # ids are sorted: the smallest is first
    return ids[first[component]][nodes].reshape(pairs.shape)


# Tables of gene ids

_ID_COLUMNS = {
    "gene_id": "ensembl_gene_id gene_stable_id ensembl_gene_identifier ensembl_gene_id_version gene_stable_id_version "
    "gene_id ensembl_id ensembl ensgene wormbase_id flybase_id",
    "entrez": "entrez_gene_id ncbi_gene_id ncbi_gene_(formerly_entrezgene)_id geneid entrezgene_id entrezgene "
    "entrez_id entrez",
    "symbol": "symbol gene_symbol gene_name external_gene_name hgnc_symbol mgi_symbol",
    "biotype": "biotype gene_biotype gene_type",
}
"""Our name → accepted names of a column, in order of preference."""
_IDS_FORMAT = (
    "a TSV or CSV with a header that has a gene id (ensembl_gene_id, Gene stable ID or gene_id) and an Entrez id "
    "(entrez_gene_id, NCBI gene ID or GeneID), optionally symbol (or gene_name) and biotype"
)


def read_gene_ids(path: Path) -> pl.DataFrame:
    """Read a table of gene id, Entrez id, symbol and biotype: TSV or CSV, plain or gzip, columns found by name.

    Returns:
        ``gene_id`` (without version), ``entrez`` (null where missing), ``symbol`` and ``biotype`` (empty where
        missing); a gene with several Entrez ids has several rows.
    """
    path = Path(path)
    data = table_text(path, _IDS_FORMAT)
    line = data.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip("\r")
    separator = "\t" if "\t" in line else ","
    header = csv_fields(path, line, separator)
    numbers = [str(i) for i in range(len(header))]
    frame = cells(path, data, numbers, separator=separator, skip=1)
    column = {
        name: pl.col(number).fill_null("").str.strip_chars() for name, number in _find_columns(path, header).items()
    }
    table = frame.select(
        "line",
        gene_id=without_versions(column["gene_id"]),
        text=column["entrez"].str.replace(r"^(?:NA|nan|-)$", ""),
        symbol=column.get("symbol", pl.lit("")),
        biotype=column.get("biotype", pl.lit("")),
    )
    # pandas and spreadsheets write a column of numbers with gaps as 7157.0
    table = table.with_columns(entrez=pl.col("text").str.replace(r"\.0$", "").cast(pl.Int64, strict=False))
    bad = table.filter(pl.col("entrez").is_null() & (pl.col("text") != ""))
    if bad.height:
        raise InputError(f"{path}: line {bad['line'][0]:,}: the Entrez id is {bad['text'][0]!r}, expected a number")
    named = table.filter(pl.col("gene_id") != "")
    return named.select("gene_id", "entrez", "symbol", "biotype").unique(maintain_order=True)


def _find_columns(path: Path, header: list[str]) -> dict[str, str]:
    """Our name → number of the column."""
    names = [name.strip().strip("#").lower().replace(" ", "_") for name in header]
    columns = {}
    for field, choices in _ID_COLUMNS.items():
        if present := [choice for choice in choices.split() if choice in names]:
            columns[field] = str(names.index(present[0]))
    if "gene_id" not in columns or "entrez" not in columns:
        raise InputError(f"{path}: line 1 has the columns {', '.join(header)[:200]!r}, expected {_IDS_FORMAT}")
    return columns


# Gene sets

_ENTREZ = r"^(?:GeneID:)?(\d{1,15})$"
_LOC = r"^LOC(\d{1,15})$"


@dataclass(frozen=True)
class GeneSets:
    """The gene set of every gene."""

    table: pl.DataFrame  # The genes with a column gene_set
    mapped: dict[str, tuple[int, int]]  # Species → (genes in a homologous group, genes)


def assign_gene_sets(
    genes: pl.DataFrame,
    homology: Path | None = None,
    gene_ids: Mapping[str, Path] | None = None,
    scope: Scope = "across-species",
) -> GeneSets:
    """Assign homologous genes to one gene set, and every other gene to its own.

    The homologous group of a gene is that of the first of these that is in the homology file, for a known species:

    0. its id, if it is an Entrez id;
    1. the Entrez id of its id in the species' id table (versions aside);
    2. the number of an id or symbol such as ``LOC123``;
    3. the Entrez id of its symbol (else its id) in the id table, if that leads to one group only;
    4. its symbol (else its id) in the homology file, if that leads to one group only;
    5. its id table's symbol in the homology file, if that leads to one group only.

    Among several groups the one with the smallest number is used. A gene without a group is named by species and id.

    Args:
        genes: One row per gene: ``species, gene_id, gene_symbol``.
        homology: ``homologene.data`` or ``gene_orthologs``; without it every gene has a gene set of its own.
        gene_ids: Species → table for :func:`read_gene_ids`.
        scope: ``within-species`` keeps orthologs apart and merges paralogs only.
    """
    if scope not in get_args(Scope):
        raise InputError(f"scope is {scope!r}, expected one of {', '.join(get_args(Scope))}")
    taxids = {name: taxid_of(name) for name in genes["species"].unique()}
    rows = genes.select(
        pl.int_range(pl.len()).alias("row"),
        "species",
        taxid=pl.col("species").replace_strict(taxids, default=None, return_dtype=pl.Int64),
        bare_id=without_versions(pl.col("gene_id")),
        symbol=pl.col("gene_symbol").fill_null(""),
    )
    groups = _groups(rows, homology, gene_ids or {})
    rows = rows.join(groups, on="row", how="left", maintain_order="left")
    prefix = pl.col("species") + "|"
    group = prefix + pl.col("group") if scope == "within-species" else pl.col("group")
    gene_set = pl.coalesce(group, prefix + pl.col("bare_id"))
    mapped = rows.group_by("species", maintain_order=True).agg(pl.col("group").count(), pl.len())
    return GeneSets(
        genes.with_columns(rows.select(gene_set=gene_set).to_series()),
        {species: (with_group, total) for species, with_group, total in mapped.iter_rows()},
    )


def _groups(rows: pl.DataFrame, homology: Path | None, gene_ids: Mapping[str, Path]) -> pl.DataFrame:
    """``row, group`` of the genes that have one."""
    ids = _id_tables(rows, gene_ids)
    if homology is None:
        return pl.DataFrame(schema={"row": pl.Int64, "group": pl.String})
    groups = read_homology(homology)
    candidates = [
        table.select("row", "group", "rank", preference=pl.lit(i, pl.Int32))
        for i, table in enumerate(_by_entrez(rows, ids, groups) + _by_symbol(rows, ids, groups))
    ]
    best = pl.concat(candidates).sort("row", "preference", "rank")
    return best.group_by("row", maintain_order=True).first().select("row", "group")


def _id_tables(rows: pl.DataFrame, gene_ids: Mapping[str, Path]) -> pl.DataFrame:
    """All id tables as one: ``taxid, bare_id, entrez, symbol``."""
    schema = {"taxid": pl.Int64, "bare_id": pl.String, "entrez": pl.Int64, "symbol": pl.String}
    tables = [pl.DataFrame(schema=schema)]
    for species, path in gene_ids.items():
        taxid = taxid_of(species)
        if taxid is None:
            names = ", ".join(rows["species"].unique().sort())
            raise InputError(
                f"{path}: is the gene id table of {species!r}, whose taxonomy number is not known; expected a species "
                f"by a known name or number (of {names})"
            )
        table = read_gene_ids(path)
        taxids = pl.lit(taxid, pl.Int64).alias("taxid")
        tables.append(table.select(taxids, "entrez", "symbol", bare_id="gene_id").select(*schema))
    return pl.concat(tables)


def _by_entrez(rows: pl.DataFrame, ids: pl.DataFrame, groups: pl.DataFrame) -> list[pl.DataFrame]:
    """Candidates by Entrez id, in order of preference."""
    number = pl.col("bare_id").str.extract(_ENTREZ).cast(pl.Int64)
    loc = pl.coalesce(pl.col(name).str.extract(_LOC) for name in ("symbol", "bare_id"))
    in_table = rows.select("row", "taxid", "bare_id").join(ids, on=["taxid", "bare_id"])
    genes = [
        rows.select("row", "taxid", entrez=number),
        in_table.select("row", "taxid", "entrez"),
        rows.select("row", "taxid", entrez=loc.cast(pl.Int64)),
    ]
    return [table.join(groups, on=["taxid", "entrez"]) for table in genes]


def _by_symbol(rows: pl.DataFrame, ids: pl.DataFrame, groups: pl.DataFrame) -> list[pl.DataFrame]:
    """Candidates by symbols that lead to one group only, in order of preference."""
    by_table = ids.join(groups.drop("symbol"), on=["taxid", "entrez"])
    own = pl.when(pl.col("symbol") == "").then("bare_id").otherwise("symbol")
    own_symbols = rows.select("row", "taxid", symbol=own)
    table_symbols = rows.select("row", "taxid", "bare_id").join(ids, on=["taxid", "bare_id"])
    return [
        own_symbols.join(_unambiguous(by_table), on=["taxid", "symbol"]),
        own_symbols.join(_unambiguous(groups), on=["taxid", "symbol"]),
        table_symbols.join(_unambiguous(groups), on=["taxid", "symbol"]),
    ]


def _unambiguous(symbols: pl.DataFrame) -> pl.DataFrame:
    """``taxid, symbol, group, rank`` of the symbols of one group only."""
    symbols = symbols.select("taxid", "symbol", "group", "rank")
    symbols = symbols.filter(pl.col("symbol").fill_null("") != "").unique()
    return symbols.filter(pl.struct("taxid", "symbol").is_unique())
