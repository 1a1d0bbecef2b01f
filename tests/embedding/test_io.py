from pathlib import Path

import anndata
import numpy as np
import polars as pl
import pytest

from isoclr.embedding import embeddings as writing
from isoclr.embedding.embeddings import SCHEMA, Embeddings, write
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError


def test_a_directory_of_shards_is_one_table(tmp_path: Path, embeddings: Embeddings) -> None:
    table, matrix, meta = embeddings.table, embeddings.matrix, embeddings.meta
    write(tmp_path / "2.parquet", Embeddings(table[3:], matrix[3:], meta))
    write(tmp_path / "1.parquet", Embeddings(table[:3], matrix[:3], meta))
    (tmp_path / ".3.parquet.x.part.parquet").write_bytes(b"PAR1")  # a killed run's
    read = read_embeddings(tmp_path)
    assert read.table.equals(table)
    assert (read.matrix == matrix).all()
    write(tmp_path / "3.parquet", Embeddings(table, matrix, {**meta, "sha256": "cd" * 32}))
    with pytest.raises(InputError, match=r"3\.parquet: sha256 is cdcd.*expected shards of one run"):
        read_embeddings(tmp_path)


@pytest.mark.parametrize("suffix", [".parquet", ".h5ad", ".npz"])
def test_damage_is_one_line(tmp_path: Path, embeddings: Embeddings, suffix: str) -> None:
    path = tmp_path / f"e{suffix}"
    write(path, embeddings)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match="cannot be read as embeddings") as caught:
        read_embeddings(path)
    assert "\n" not in str(caught.value)


def test_what_is_no_embeddings_is_said_so(tmp_path: Path, embeddings: Embeddings) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_embeddings(tmp_path / "none.parquet")
    with pytest.raises(InputError, match="no Parquet file in it"):
        read_embeddings(tmp_path)
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="no column 'embedding'"):
        read_embeddings(tmp_path / "a.parquet")
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(InputError, match="unknown format"):
        read_embeddings(tmp_path / "a.txt")
    (tmp_path / "corpus.json").write_text("{}")
    with pytest.raises(InputError, match=r"is a corpus, expected embeddings: isoclr embed .* -o embeddings\.parquet"):
        read_embeddings(tmp_path)


def test_an_embedding_that_is_not_finite_is_named(tmp_path: Path, embeddings: Embeddings) -> None:
    embeddings.matrix[3, 1] = np.nan
    write(tmp_path / "e.npz", embeddings)
    with pytest.raises(InputError, match="the embedding of T3 is not finite"):
        read_embeddings(tmp_path / "e.npz")


@pytest.mark.parametrize("suffix", [".parquet", ".h5ad", ".npz"])
@pytest.mark.parametrize("rows", [0, 5])
def test_what_is_written_is_read_back(tmp_path: Path, embeddings: Embeddings, suffix: str, rows: int) -> None:
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
