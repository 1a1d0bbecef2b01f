"""Makes the example set that ships in ``isoclr.datasets``: real human mRNAs with exons, CDS and half-lives.

    python -m benchmarks.example_set ../shared/data

The choice depends on the input files alone: RNAs are ranked by the SHA-256 of their id, not drawn by a generator. The
same files give the same bytes.
"""

import argparse
import gzip
import hashlib
import io
from pathlib import Path

import numpy as np
import polars as pl

from isoclr.datasets import FOLDER, Example
from isoclr.genomics.encoding import letters
from isoclr.genomics.fasta import Transcripts, read_transcripts
from isoclr.genomics.homology import read_gene_ids, read_homology

PER_FOLD = 70
LONGEST = 6_000
"""nt; longer RNAs would take most of the space and of the time."""
HUMAN = 9606


def candidates(data: Path, rnas: Transcripts) -> pl.DataFrame:
    """Different RNAs whose exons and CDS are in UCSC's refFlat, with label, fold and HomoloGene group."""
    structures = pl.read_csv(
        data / "dm3loc/human_dm3loc.structures.all.tsv.gz", separator="\t", infer_schema=False
    ).filter(pl.col("source") == "refFlat", pl.col("exon_lengths") != "")
    labels = pl.read_csv(data / "labels/rna_half_life_human.tsv.gz", separator="\t")
    table = rnas.table.select("transcript_id", "gene_id", "gene_symbol").with_row_index("row")
    table = table.with_columns(
        length=pl.Series(np.diff(rnas.offsets)),
        checksum=pl.Series([_sha256(rnas.codes_of(row).tobytes()) for row in range(len(rnas))]),
    ).unique("checksum", keep="first", maintain_order=True)
    structures = structures.unique("transcript_id", keep="first", maintain_order=True)
    table = table.join(structures, on="transcript_id").join(labels, on="gene_id", how="left")
    groups = read_homology(data / "homology/homologene.data.gz").filter(taxid=HUMAN)
    ids = read_gene_ids(data / "ids/human.tsv.gz").unique("gene_id", keep="first")
    table = table.join(ids.select("gene_id", "entrez"), on="gene_id", how="left")
    groups = groups.unique("entrez", keep="first", maintain_order=True)
    table = table.join(groups.select("entrez", "group"), on="entrez", how="left")
    order = [_sha256(name.encode()) for name in table["transcript_id"]]
    table = table.with_columns(order=pl.Series(order))
    return table.filter(pl.col("length") <= LONGEST, pl.col("gene_id") != "")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def choose(table: pl.DataFrame) -> pl.DataFrame:
    """All isoforms and human paralogs, and :data:`PER_FOLD` labelled genes of every fold."""
    family = pl.coalesce("group", "gene_id")
    paired = table.filter(pl.len().over(family) > 1)
    labelled = table.filter(pl.col("half_life").is_not_null()).unique("gene_id", keep="first", maintain_order=True)
    sampled = labelled.sort("order").group_by("fold", maintain_order=True).head(PER_FOLD)
    rows = pl.concat([paired["row"], sampled["row"]]).unique().sort()
    return table.filter(pl.col("row").is_in(rows.implode())).sort("row")


def write(chosen: pl.DataFrame, rnas: Transcripts, files: Example) -> None:
    """Write every file but ORIGIN.md, which people wrote."""
    records = [
        f">{name} mrna gene:{gene} gene_symbol:{symbol}\n{letters(rnas.codes_of(row))}\n"
        for row, name, gene, symbol in chosen.select("row", "transcript_id", "gene_id", "gene_symbol").iter_rows()
    ]
    columns = ["transcript_id", "utr5_len", "cds_len", "utr3_len", "exon_lengths"]
    labels = chosen.filter(pl.col("half_life").is_not_null()).unique("gene_id").sort("gene_id")
    known = chosen.filter(pl.col("entrez").is_not_null()).unique("gene_id").sort("gene_id")
    homology = known.filter(pl.col("group").is_not_null()).select(
        pl.col("group").str.strip_prefix("HID:"),
        pl.lit(HUMAN),
        "entrez",
        "gene_symbol",
        pl.lit("").alias("protein_gi"),
        pl.lit("").alias("protein"),
    )
    ids = known.select(
        ensembl_gene_id="gene_id", entrez_gene_id="entrez", symbol="gene_symbol", biotype=pl.lit("protein_coding")
    )
    contents = {
        files.transcripts: "".join(records),
        files.annotation: _tsv(chosen.select(columns)),
        files.labels: _tsv(labels.select("gene_id", pl.col("half_life").round(4), "fold")),
        files.homology: _tsv(homology, header=False),
        files.gene_ids: _tsv(ids),
    }
    for path, text in contents.items():
        path.write_bytes(_packed(text))


def _tsv(table: pl.DataFrame, *, header: bool = True) -> str:
    return table.write_csv(separator="\t", include_header=header)


def _packed(text: str) -> bytes:
    """gzip without a date or a name, so that the bytes depend on the text alone."""
    stream = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=stream, mode="wb", compresslevel=9, mtime=0) as packed:
        packed.write(text.encode())
    return stream.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the example set of isoclr.datasets.")
    parser.add_argument("data", type=Path, help="folder with dm3loc/, labels/, homology/ and ids/")
    parser.add_argument("--out", type=Path, default=FOLDER, help="output folder")
    options = parser.parse_args()
    rnas = read_transcripts(options.data / "dm3loc/human_dm3loc.fa.gz")
    chosen = choose(candidates(options.data, rnas))
    options.out.mkdir(parents=True, exist_ok=True)
    write(chosen, rnas, Example(options.out))
    sets = chosen.group_by(pl.coalesce("group", "gene_id")).len()
    size = sum(path.stat().st_size for path in options.out.iterdir())
    print(
        f"{chosen.height} RNAs of {chosen['gene_id'].n_unique()} genes, {chosen['length'].sum():,} nt, "
        f"{chosen['half_life'].count()} with a half-life; {sets.height} gene sets, "
        f"{(sets['len'] > 1).sum()} with two or more RNAs; {size:,} bytes"
    )


if __name__ == "__main__":
    main()
