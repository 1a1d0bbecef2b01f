"""The gene set of every gene: its homologous group, or itself."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from isoclr.errors import InputError
from isoclr.genomics.species import taxid_of, without_versions
from isoclr.genomics.text import cells, integers, table_text

HOMOLOGENE_FORMAT = (
    "HomoloGene's columns HID, taxid, gene id, symbol, protein gi, protein accession"
)


def read_homologene(path: Path, data: bytes) -> pl.DataFrame:
    """One row a gene of ``homologene.data``.

    Args:
        path: the file, for errors.
        data: its unpacked content.

    Returns:
        ``taxid, entrez, symbol, group`` (``HID:3``), ``rank`` (3).

    Raises:
        InputError: a line whose first three columns are not numbers.
    """
    columns = ["HID", "taxid", "gene id", "symbol"]
    frame = integers(cells(path, data, columns), path, columns[:3], HOMOLOGENE_FORMAT)
    return frame.select(
        "taxid",
        entrez="gene id",
        symbol=pl.col("symbol").fill_null("").str.strip_chars(),
        group=pl.lit("HID:") + pl.col("HID").cast(pl.String),
        rank="HID",
    ).unique(maintain_order=True)


_COLUMNS = {
    "gene_id": (
        "ensembl_gene_id",
        "gene_stable_id",
        "ensembl_gene_identifier",
        "ensembl_gene_id_version",
        "gene_stable_id_version",
        "gene_id",
        "ensembl_id",
        "ensembl",
        "ensgene",
        "wormbase_id",
        "flybase_id",
    ),
    "entrez": (
        "entrez_gene_id",
        "ncbi_gene_id",
        "ncbi_gene_(formerly_entrezgene)_id",
        "geneid",
        "entrezgene_id",
        "entrezgene",
        "entrez_id",
        "entrez",
    ),
    "symbol": (
        "symbol",
        "gene_symbol",
        "gene_name",
        "external_gene_name",
        "hgnc_symbol",
        "mgi_symbol",
    ),
    "biotype": ("biotype", "gene_biotype", "gene_type"),
}
_EXPECTED_IDS = (
    "a TSV or CSV with a header that has a gene id (ensembl_gene_id, Gene stable ID or gene_id) and an Entrez id "
    "(entrez_gene_id, NCBI gene ID or GeneID); symbol or gene_name, and biotype, may be there too"
)


def read_gene_ids(path: Path) -> pl.DataFrame:
    """Read a table that joins gene id, Entrez id and symbol (TSV or CSV, plain or gz, columns found by name).

    Args:
        path: for example a BioMart export.

    Returns:
        ``gene_id`` (no version), ``entrez`` (Int64, null when the table has none), ``symbol`` and ``biotype`` (empty
        when none); a gene with several Entrez ids has several rows.

    Raises:
        InputError: no such columns, or an Entrez id that is no number.
    """
    path = Path(path)
    data = table_text(path, _EXPECTED_IDS)
    line = data.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip("\r")
    separator = "\t" if "\t" in line else ","
    names = next(csv.reader([line], delimiter=separator))
    columns = _find_columns(path, names)
    frame = cells(path, data, [f"{i}" for i in range(len(names))], separator=separator, skip=1)
    return _joined(frame, columns, path)


def _find_columns(path: Path, names: list[str]) -> dict[str, str]:
    """What we need → the number of its column, by name; the order of our names is their precedence."""
    spelled = [name.strip().strip("#").lower().replace(" ", "_") for name in names]
    columns = {}
    for field, choices in _COLUMNS.items():
        for choice in choices:
            if choice in spelled:
                columns[field] = str(spelled.index(choice))
                break
    if "gene_id" not in columns or "entrez" not in columns:
        raise InputError(
            f"{path}: line 1 has the columns {', '.join(names)[:200]!r}, expected {_EXPECTED_IDS}"
        )
    return columns


def _joined(frame: pl.DataFrame, columns: dict[str, str], path: Path) -> pl.DataFrame:
    said = {
        field: pl.col(columns[field]).fill_null("").str.strip_chars()
        if field in columns
        else pl.lit("")
        for field in ("symbol", "biotype")
    }
    table = frame.select(
        "line",
        gene_id=pl.col(columns["gene_id"]).str.strip_chars(),
        text=pl.col(columns["entrez"])
        .fill_null("")
        .str.strip_chars()
        .str.replace(r"^(?:NA|nan|-)$", ""),
        **said,
    ).with_columns(
        without_versions(pl.col("gene_id")),
        # a column of numbers with gaps that went through a spreadsheet or pandas: 7157.0
        entrez=pl.col("text").str.replace(r"\.0$", "").cast(pl.Int64, strict=False),
    )
    bad = table.filter(pl.col("entrez").is_null() & (pl.col("text") != ""))
    if len(bad):
        line, text = bad.select("line", "text").row(0)
        raise InputError(f"{path}: line {line:,}: the Entrez id is {text!r}, expected a number")
    known = table.filter(pl.col("gene_id").fill_null("") != "")
    return known.select("gene_id", "entrez", "symbol", "biotype").unique(maintain_order=True)


HEADER = b"#tax_id\tGeneID\trelationship\tOther_tax_id\tOther_GeneID"
ORTHOLOGS_FORMAT = (
    "gene_orthologs' columns #tax_id, GeneID, relationship, Other_tax_id, Other_GeneID"
)


def read_orthologs(path: Path, data: bytes) -> pl.DataFrame:
    """One row a gene of ``gene_orthologs``, in the connected component of its pairs.

    Args:
        path: the file, for errors.
        data: its unpacked content.

    Returns:
        ``taxid, entrez, symbol`` (empty: the file has none), ``group`` (``ORTH:34``, the component's smallest gene
        id), ``rank`` (34).

    Raises:
        InputError: a line whose ids are not numbers.
    """
    columns = ["tax_id", "GeneID", "relationship", "Other_tax_id", "Other_GeneID"]
    skip = 1 if data.startswith(b"#") else 0
    numbers = ["tax_id", "GeneID", "Other_tax_id", "Other_GeneID"]
    pairs = integers(cells(path, data, columns, skip=skip), path, numbers, ORTHOLOGS_FORMAT)
    one = pairs.select(taxid="tax_id", entrez="GeneID")
    other = pairs.select(taxid="Other_tax_id", entrez="Other_GeneID")
    genes = pl.concat([one, other])
    smallest = _smallest_of_component(genes["entrez"].to_numpy().reshape(2, -1))
    return genes.with_columns(
        symbol=pl.lit(""),
        group=pl.lit("ORTH:") + pl.Series(smallest).cast(pl.String),
        rank=pl.Series(smallest),
    ).unique(maintain_order=True)


def _smallest_of_component(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """The smallest gene id of each gene's component, for the genes of ``pairs`` ``(2, n)`` laid flat."""
    ids, nodes = np.unique(pairs, return_inverse=True)
    one, other = nodes.reshape(pairs.shape)
    edges = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(len(ids), len(ids)))
    _, component = connected_components(edges, directed=False)
    # ids are sorted: the first gene of a component is its smallest
    _, first = np.unique(component, return_index=True)
    return ids[first[component]][nodes.ravel()]


_EXPECTED = f"{HOMOLOGENE_FORMAT}, or {ORTHOLOGS_FORMAT} (tab-separated)"


def read_homology(path: Path) -> pl.DataFrame:
    """Read ``homologene.data`` or ``gene_orthologs``, plain or gz; the first line tells which.

    Args:
        path: the file.

    Returns:
        One row a gene: ``taxid, entrez, symbol, group, rank`` (the number in the group's name).

    Raises:
        InputError: the file is neither, or a line is broken.
    """
    path = Path(path)
    data = table_text(path, _EXPECTED)
    line = data.split(b"\n", 1)[0].decode("utf-8", "replace").strip("\r")
    words = line.split("\t")
    if line.startswith("#tax_id") or (len(words) == 5 and words[2].lower() == "ortholog"):
        return read_orthologs(path, data)
    if len(words) >= 4 and all(word.strip().isdigit() for word in words[:3]):
        return read_homologene(path, data)
    raise InputError(f"{path}: line 1 is {line[:80]!r}, expected {_EXPECTED}")


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
