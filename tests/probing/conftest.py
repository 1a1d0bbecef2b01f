"""A small world: a corpus with gene sets, embeddings that know the labels, and label tables."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from isoclr.corpus import Corpus, open_corpus
from isoclr.corpus.codes import encode
from isoclr.corpus.writer import write as write_corpus
from isoclr.embedding import Embeddings
from isoclr.embedding.writing import write as write_embeddings

GENES, ISOFORMS = 60, 2
META = {"model": "isoclr-s", "sha256": "0" * 64, "n_tracks": "6", "precision": "float32"}


def table() -> pl.DataFrame:
    """Two isoforms a gene; genes 2k and 2k+1 are homologous, but the last ten genes are in no group."""
    rows = []
    for gene in range(GENES):
        for isoform in range(ISOFORMS):
            known = gene < GENES - 10
            rows.append(
                {
                    "transcript_id": f"ENST{gene:09d}{isoform:02d}.1",
                    "gene_id": f"ENSG{gene:011d}.5",
                    "gene_set": f"HID:{gene // 2}" if known else f"human|ENSG{gene:011d}",
                    "species": "human",
                    "length": 90 + 7 * ((gene * 37) % 11) + isoform,
                }
            )
    return pl.DataFrame(rows)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    rng = np.random.default_rng(0)
    rows = table().with_columns(
        gene_symbol=pl.lit(""),
        biotype=pl.lit(""),
        cds_start=pl.lit(9),
        cds_end=pl.lit(69),
        cds_source=pl.lit("annotated"),
        n_exons=pl.lit(1),
        source=pl.lit(0),
        start=pl.col("length").cum_sum() - pl.col("length"),
    )
    codes = [
        encode(rng.integers(0, 4, n).astype(np.uint8), np.array([n]), (9, 69))
        for n in rows["length"]
    ]
    folder = tmp_path / "corpus"
    folder.mkdir()
    meta: dict[str, Any] = {
        "species": ["human"],
        "shard": None,
        "by_species": {},
        "homology": {"name": "homologene.data"},
        "options": {"scope": "across-species"},
    }
    write_corpus(folder, rows, [np.concatenate(codes)], meta)
    return open_corpus(folder)


@pytest.fixture
def embeddings(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    rows = (
        table().drop("gene_set").with_columns(cds_length=pl.lit(60), cds_source=pl.lit("annotated"))
    )
    matrix = rng.normal(size=(rows.height, 4)).astype(np.float32)
    path = tmp_path / "embeddings.parquet"
    write_embeddings(path, Embeddings(rows, matrix, {**META, "isoclr": "0"}))
    return path


@pytest.fixture
def labels(tmp_path: Path, embeddings: Path) -> Callable[..., Path]:
    """Writes a table by gene whose label the embedding of the gene's representative predicts."""

    def write(**columns: Any) -> Path:
        frame = pl.read_parquet(embeddings).sort("length", descending=True)
        frame = frame.unique("gene_id", keep="first", maintain_order=True).sort("gene_id")
        matrix = frame["embedding"].to_numpy()
        noise = np.random.default_rng(2).normal(size=len(matrix)) * 0.3
        path = tmp_path / "labels.tsv"
        pl.DataFrame(
            {
                "gene_id": frame["gene_id"].str.slice(0, 15),
                "half_life": matrix[:, :2].sum(axis=1) + noise,
                **columns,
            }
        ).write_csv(path, separator="\t")
        return path

    return write
