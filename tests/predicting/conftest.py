"""A small world whose labels the embeddings know: one measured well or badly, and one of two classes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.corpus import Corpus, open_corpus
from isoclr.corpus.writer import write as write_corpus
from isoclr.embedding import Embeddings
from isoclr.embedding.writing import write

GENES, DIM = 120, 6
SHA256 = "ab" * 32
META = {
    "model": "isoclr-s",
    "sha256": SHA256,
    "n_tracks": "6",
    "precision": "float32",
    "isoclr": "0",
}


def matrix(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float32)


def rows(n: int, species: str = "human") -> pl.DataFrame:
    number = np.arange(n)
    return pl.DataFrame(
        {
            "transcript_id": [f"ENST{i:011d}.1" for i in number],
            "gene_id": [f"ENSG{i:011d}.2" for i in number],
            "species": [species] * n,
            "length": 500 + 7 * ((number * 37) % 101),
            "cds_length": [300] * n,
            "cds_source": ["annotated"] * n,
        }
    )


@pytest.fixture
def world() -> Embeddings:
    return Embeddings(rows(GENES), matrix(GENES, 0), META)


@pytest.fixture
def embeddings(world: Embeddings, tmp_path: Path) -> Path:
    path = tmp_path / "embeddings.parquet"
    write(path, world)
    return path


@pytest.fixture
def corpus(world: Embeddings, tmp_path: Path) -> Corpus:
    """Genes 2k and 2k + 1 are homologous."""
    table = world.table.drop("cds_length").with_columns(
        gene_set=pl.lit("HID:") + (pl.int_range(pl.len()) // 2).cast(pl.String),
        gene_symbol=pl.lit(""),
        biotype=pl.lit(""),
        cds_start=pl.lit(-1),
        cds_end=pl.lit(-1),
        n_exons=pl.lit(1),
        source=pl.lit(0),
        start=pl.col("length").cum_sum() - pl.col("length"),
    )
    folder = tmp_path / "corpus"
    folder.mkdir()
    meta = {
        "species": ["human"],
        "shard": None,
        "by_species": {},
        "homology": {"name": "homologene.data"},
        "options": {"scope": "across-species"},
    }
    write_corpus(folder, table, [np.zeros(int(table["length"].sum()), np.uint8)], meta)
    return open_corpus(folder)


@pytest.fixture
def labels(world: Embeddings, tmp_path: Path) -> Callable[..., Path]:
    """Writes ``half_life``, the sum of two features with noise; other columns as given (None: leave it out)."""

    def make(**columns: object) -> Path:
        noise = np.random.default_rng(1).normal(size=GENES) * 0.5
        table = {
            "gene_id": world.table["gene_id"].str.slice(0, 15),
            "half_life": world.matrix[:, :2].sum(axis=1) + noise,
            **columns,
        }
        path = tmp_path / "labels.tsv"
        kept = {name: column for name, column in table.items() if column is not None}
        pl.DataFrame(kept).write_csv(path, separator="\t")
        return path

    return make
