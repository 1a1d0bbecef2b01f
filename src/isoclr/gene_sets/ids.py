"""Tables that join Ensembl (or another) id, Entrez id and symbol."""

import csv
from pathlib import Path

import polars as pl

from isoclr.accessions import without_versions
from isoclr.errors import InputError
from isoclr.gene_sets.tables import cells, content

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
_EXPECTED = (
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
    data = content(path, _EXPECTED)
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
            f"{path}: line 1 has the columns {', '.join(names)[:200]!r}, expected {_EXPECTED}"
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
