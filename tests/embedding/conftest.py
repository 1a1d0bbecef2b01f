"""A saved encoder and a few RNAs."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.embedding.embeddings import Embeddings
from isoclr.models.encoder import create

META = {"model": "isoclr-s", "sha256": "ab" * 32, "n_tracks": "6", "pooling": "all", "precision": "float32"}


@pytest.fixture(scope="module")
def model(narrow: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an untrained, narrow IsoCLR-S."""
    return create("isoclr-s", seed=0).save(tmp_path_factory.mktemp("model") / "isoclr-s")


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    """Seven human RNAs of two genes with Ensembl headers, of very unlike length."""
    rng = np.random.default_rng(0)
    path = tmp_path / "rnas.fa"
    with path.open("w") as stream:
        for i, length in enumerate((400, 35, 1200, 90, 2500, 41, 700)):
            bases = "".join(rng.choice(list("ACGT"), length))
            stream.write(f">ENST{i:011d}.1 cdna gene:ENSG{i // 4:011d}.2\n{bases}\n")
    return path


@pytest.fixture
def embeddings() -> Embeddings:
    """Five RNAs × 3, in memory."""
    table = pl.DataFrame(
        {
            "transcript_id": [f"T{i}" for i in range(5)],
            "gene_id": ["G0", "G0", "G1", "G2", "Gβ"],
            "gene_symbol": ["A", "A", "", "B", ""],
            "species": ["human", "human", "human", "mouse", ""],
            "length": [900, 35, 1200, 90, 7],
            "cds_length": [300, 0, 90, 60, 0],
            "cds_source": ["annotated", "none", "orf", "annotated", "none"],
            "canonical": [True, False, False, True, False],
        }
    )
    matrix = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    return Embeddings(table, matrix, {**META, "isoclr": "0.1.0"})
