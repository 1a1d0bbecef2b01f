from pathlib import Path

import anndata
import numpy as np
import polars as pl
import pytest

from isoclr.embedding import Embeddings, read_embeddings, writing
from isoclr.embedding.table import SCHEMA
from isoclr.errors import InputError


@pytest.mark.parametrize("suffix", [".parquet", ".h5ad", ".npz"])
@pytest.mark.parametrize("rows", [0, 5])
def test_what_is_written_is_read_back(
    tmp_path: Path, embeddings: Embeddings, suffix: str, rows: int
) -> None:
    path = tmp_path / f"e{suffix}"
    some = Embeddings(embeddings.table[:rows], embeddings.matrix[:rows], embeddings.meta)
    writing.write(path, some)
    read = read_embeddings(path)
    assert read.table.equals(some.table)
    assert (read.matrix == some.matrix).all()
    assert read.matrix.shape == (rows, 3)
    assert read.matrix.dtype == np.float32
    assert read.meta == some.meta
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_parquet_is_what_the_contract_says(
    tmp_path: Path, embeddings: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "ROWS", 2)  # three row groups
    writing.write(tmp_path / "e.parquet", embeddings)
    frame = pl.read_parquet(tmp_path / "e.parquet")
    assert frame.columns == [*SCHEMA, "embedding"]
    assert frame.schema["embedding"] == pl.Array(pl.Float32, 3)
    assert (frame["embedding"].to_numpy() == embeddings.matrix).all()
    meta = pl.read_parquet_metadata(tmp_path / "e.parquet")
    assert {key: meta[key] for key in embeddings.meta} == embeddings.meta


def test_h5ad_is_an_anndata_of_rnas(tmp_path: Path, embeddings: Embeddings) -> None:
    writing.write(tmp_path / "e.h5ad", embeddings)
    read = anndata.read_h5ad(tmp_path / "e.h5ad")
    assert read.obs_names.tolist() == embeddings.table["transcript_id"].to_list()
    assert read.obs["cds_length"].tolist() == [300, 0, 90, 60, 0]
    assert read.X.dtype == np.float32


def test_npz_needs_no_pickle(tmp_path: Path, embeddings: Embeddings) -> None:
    writing.write(tmp_path / "e.npz", embeddings)
    with np.load(tmp_path / "e.npz", allow_pickle=False) as arrays:
        assert arrays["transcript_id"].tolist() == ["T0", "T1", "T2", "T3", "T4"]
        assert arrays["gene_id"][-1] == "Gβ"
        assert arrays["embedding"].shape == (5, 3)


@pytest.mark.parametrize("suffix", [".parquet", ".h5ad", ".npz"])
def test_a_failure_leaves_nothing(
    tmp_path: Path, embeddings: Embeddings, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = Embeddings(embeddings.table.drop("gene_id"), embeddings.matrix, embeddings.meta)
    with pytest.raises(Exception, match="gene_id"):
        writing.write(tmp_path / f"e{suffix}", short)
    assert not list(tmp_path.iterdir())


def test_an_output_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown format.*\.parquet, \.h5ad, \.npz"):
        writing.check_output(tmp_path / "e.csv", overwrite=False)
    (tmp_path / "e.npz").write_bytes(b"")
    with pytest.raises(InputError, match="exists already"):
        writing.check_output(tmp_path / "e.npz", overwrite=False)
    writing.check_output(tmp_path / "e.npz", overwrite=True)
