"""A small world whose labels the embeddings know: one measured well or badly, and one of two classes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.corpus.write import write as write_corpus
from isoclr.embedding.embeddings import Embeddings, write
from isoclr.genomics.encoding import encode
from isoclr.probing.fit import fit
from isoclr.probing.head import Head

GENES, DIM = 120, 6
SHA256 = "ab" * 32
META = {"model": "isoclr-s", "sha256": SHA256, "n_tracks": "6", "precision": "float32", "isoclr": "0"}


@pytest.fixture(scope="session")
def world() -> Embeddings:
    number = np.arange(GENES)
    table = pl.DataFrame(
        {
            "transcript_id": [f"ENST{i:011d}.1" for i in number],
            "gene_id": [f"ENSG{i:011d}.2" for i in number],
            "species": ["human"] * GENES,
            "length": 500 + 7 * ((number * 37) % 101),
            "cds_length": [300] * GENES,
            "cds_source": ["annotated"] * GENES,
        }
    )
    matrix = np.random.default_rng(0).normal(size=(GENES, DIM)).astype(np.float32)
    matrix.flags.writeable = False
    return Embeddings(table, matrix, META)


@pytest.fixture
def embeddings(world: Embeddings, tmp_path: Path) -> Path:
    path = tmp_path / "embeddings.parquet"
    write(path, world)
    return path


def small_corpus(folder: Path, table: pl.DataFrame, codes: np.ndarray, cds: tuple[int, int]) -> Corpus:
    """A corpus of human RNAs of one exon, all with the same coding sequence."""
    rows = table.with_columns(
        gene_symbol=pl.lit(""),
        biotype=pl.lit(""),
        cds_start=pl.lit(cds[0]),
        cds_end=pl.lit(cds[1]),
        cds_source=pl.lit("annotated"),
        n_exons=pl.lit(1),
        source=pl.lit(0),
        start=pl.col("length").cum_sum() - pl.col("length"),
    )
    folder.mkdir()
    meta: dict[str, Any] = {
        "species": ["human"],
        "by_species": {"human": {"records": 0, "genes": 0, "mapped_genes": 0, "dropped": {}, "noted": {}}},
        "inputs": [],
        "gene_ids": {},
        "homology": {"name": "homologene.data"},
        "options": {"scope": "across-species"},
    }
    write_corpus(folder, rows, [codes], meta)
    return open_corpus(folder)


@pytest.fixture
def corpus(world: Embeddings, tmp_path: Path) -> Corpus:
    """Genes 2k and 2k + 1 are homologous."""
    sets = pl.lit("HID:") + (pl.int_range(pl.len()) // 2).cast(pl.String)
    table = world.table.drop("cds_length").with_columns(gene_set=sets)
    return small_corpus(tmp_path / "corpus", table, np.zeros(int(table["length"].sum()), np.uint8), (-1, -1))


def write_labels(folder: Path, world: Embeddings, **columns: object) -> Path:
    """Writes ``half_life``, the sum of two features with noise; other columns as given (None: leave it out)."""
    noise = np.random.default_rng(1).normal(size=GENES) * 0.5
    table = {
        "gene_id": world.table["gene_id"].str.slice(0, 15),
        "half_life": world.matrix[:, :2].sum(axis=1) + noise,
        **columns,
    }
    path = folder / "labels.tsv"
    kept = {name: column for name, column in table.items() if column is not None}
    pl.DataFrame(kept).write_csv(path, separator="\t")
    return path


@pytest.fixture
def labels(world: Embeddings, tmp_path: Path) -> Callable[..., Path]:
    return partial(write_labels, tmp_path, world)


class Heads(NamedTuple):
    """What tests read, but never change: a folder with ``labels.tsv``, and heads as fitted and, by name, as saved."""

    folder: Path
    one: Head  # Predicts half_life of coding RNAs
    two: Head  # Predicts half_life and the class stable


@pytest.fixture(scope="session")
def heads(world: Embeddings, tmp_path_factory: pytest.TempPathFactory) -> Heads:
    folder = tmp_path_factory.mktemp("heads")
    noise = np.random.default_rng(2).normal(size=GENES) * 0.2  # separable classes take long
    table = write_labels(folder, world, stable=(world.matrix[:, 0] + noise > 0).astype(int))
    given: Any = world
    one = fit(given, table, label=("half_life",), out=folder / "one", rnas="coding", folds=3)
    two = fit(given, table, label=("half_life", "stable"), out=folder / "two", split="random", folds=3)
    return Heads(folder, one.head, two.head)


GENES_PROBING, ISOFORMS = 60, 2


def table() -> pl.DataFrame:
    """Two isoforms a gene; genes 2k and 2k+1 are homologous, but the last ten genes are in no group."""
    rows = []
    for gene in range(GENES_PROBING):
        for isoform in range(ISOFORMS):
            known = gene < GENES_PROBING - 10
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
def corpus_probing(tmp_path: Path) -> Corpus:
    rng, rows = np.random.default_rng(0), table()
    codes = [encode(rng.integers(0, 4, n).astype(np.uint8), np.array([n]), (9, 69)) for n in rows["length"]]
    return small_corpus(tmp_path / "corpus", rows, np.concatenate(codes), (9, 69))


@pytest.fixture
def embeddings_probing(tmp_path: Path) -> Path:
    rows = table().drop("gene_set").with_columns(cds_length=pl.lit(60), cds_source=pl.lit("annotated"))
    matrix = np.random.default_rng(1).normal(size=(rows.height, 4)).astype(np.float32)
    path = tmp_path / "embeddings.parquet"
    write(path, Embeddings(rows, matrix, {**META, "sha256": "0" * 64}))
    return path


@pytest.fixture
def labels_probing(tmp_path: Path, embeddings_probing: Path) -> Callable[..., Path]:
    """Writes a table by gene whose label the embedding of the gene's representative predicts."""

    def write(**columns: Any) -> Path:
        frame = pl.read_parquet(embeddings_probing).sort("length", descending=True)
        frame = frame.unique("gene_id", keep="first", maintain_order=True).sort("gene_id")
        matrix = frame["embedding"].to_numpy()
        noise = np.random.default_rng(2).normal(size=len(matrix)) * 0.3
        path = tmp_path / "labels.tsv"
        pl.DataFrame(
            {"gene_id": frame["gene_id"].str.slice(0, 15), "half_life": matrix[:, :2].sum(axis=1) + noise, **columns}
        ).write_csv(path, separator="\t")
        return path

    return write
