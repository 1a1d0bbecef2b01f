"""Embeddings of other programs, in the ways they are usually written."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from isoclr.embedding.foreign import Foreign, read_foreign
from isoclr.errors import InputError

MATRIX = np.arange(12.0).reshape(4, 3)
IDS = ["NM_1.2", "NM_2", "ENST00000000001.1", "x"]


def check(read: Foreign, **columns: list[Any]) -> None:
    assert read.matrix.dtype == np.float32
    assert np.array_equal(read.matrix, MATRIX)
    assert {name: read.columns[name].to_list() for name in read.columns.columns} == columns


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("name", ["embedding", "embeddings", "emb", "X", "features", "my_matrix"])
@pytest.mark.parametrize("ids", ["transcript_id", "transcripts", "ids", "name", "tx_id"])
def test_npz_with_a_matrix_and_ids(tmp_path: Path, name: str, ids: str) -> None:
    path = npz(tmp_path / "e.npz", **{name: MATRIX, ids: np.array(IDS), "gene": np.arange(4)})
    check(read_foreign(path), transcript_id=IDS, gene_id=["0", "1", "2", "3"])


def test_npz_without_ids_as_mrnabench_writes_it(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "e.npz", embedding=MATRIX.astype(np.float16))
    check(read_foreign(tmp_path / "e.npz"))


def test_npz_with_one_vector_an_rna_under_its_id(tmp_path: Path) -> None:
    vectors = dict(zip(IDS, MATRIX, strict=True))
    check(read_foreign(npz(tmp_path / "e.npz", **vectors)), transcript_id=IDS)


def test_the_surest_name_wins_and_bytes_are_text(tmp_path: Path) -> None:
    arrays = {"x": np.zeros((4, 9)), "embeddings": MATRIX, "index": np.arange(4)}
    arrays["options"] = np.array(["mean"])  # of no RNA
    path = npz(tmp_path / "e.npz", transcript_id=np.array(IDS, "S"), **arrays)
    check(read_foreign(path), transcript_id=IDS)


def test_parquet_with_a_column_of_vectors(tmp_path: Path) -> None:
    table = {"emb": MATRIX.tolist(), "transcript": IDS, "species": ["human"] * 4}
    table |= {"length": [1, 2, 3, 4], "label": [0.5] * 4}
    for dtype in (pl.List(pl.Float64), pl.Array(pl.Float64, 3)):
        pl.DataFrame(table, schema_overrides={"emb": dtype}).write_parquet(tmp_path / "e.parquet")
        check(
            read_foreign(tmp_path / "e.parquet"),
            transcript_id=IDS,
            species=["human"] * 4,
            length=[1, 2, 3, 4],
        )


@pytest.mark.parametrize("name", ["{}", "dim_{}", "emb{}", "embedding_{}", "F{}"])
@pytest.mark.parametrize("first", [0, 1])
def test_parquet_with_a_column_a_dimension(tmp_path: Path, name: str, first: int) -> None:
    columns = {name.format(i + first): MATRIX[:, i] for i in (1, 0, 2)}
    pl.DataFrame({"gene_id": IDS, **columns}).write_parquet(tmp_path / "e.parquet")
    check(read_foreign(tmp_path / "e.parquet"), gene_id=IDS)


def test_h5ad_with_ids_as_index_or_column(tmp_path: Path) -> None:
    anndata = pytest.importorskip("anndata")
    import pandas as pd
    from scipy.sparse import csr_matrix

    obs = pd.DataFrame({"gene": list("abcd")}, index=pd.Index(IDS, dtype=object))
    anndata.AnnData(csr_matrix(MATRIX), obs=obs).write_h5ad(tmp_path / "e.h5ad")
    check(read_foreign(tmp_path / "e.h5ad"), transcript_id=IDS, gene_id=list("abcd"))
    obs["transcript_id"] = ["t1", "t2", "t3", "t4"]
    anndata.AnnData(MATRIX, obs=obs).write_h5ad(tmp_path / "f.h5ad")
    ids = ["t1", "t2", "t3", "t4"]
    check(read_foreign(tmp_path / "f.h5ad"), transcript_id=ids, gene_id=list("abcd"))


def test_a_pickled_array_is_refused_and_told_how_to_save(tmp_path: Path) -> None:
    path = npz(tmp_path / "e.npz", embeddings=MATRIX, ids=np.array(IDS, object))
    with pytest.raises(InputError, match=r"ids is an array of Python objects, a pickle.*dtype=str"):
        read_foreign(path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": MATRIX, "b": MATRIX}, "a, b could all be the embeddings"),
        ({"ids": np.array(IDS)[:, None, None]}, "no matrix in it"),
        ({"embeddings": MATRIX, "ids": np.array(IDS[:3])}, "ids has 3 values for 4 embeddings"),
        ({"embeddings": MATRIX[None]}, r"are float64 \(1, 4, 3\), expected numbers"),
        ({"embeddings": np.array([IDS])}, r"expected numbers \(RNAs, dimensions\)"),
    ],
)
def test_what_is_no_table_of_vectors_is_one_line(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_foreign(npz(tmp_path / "e.npz", **arrays))


def test_vectors_of_different_sizes_and_gaps_in_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    pl.DataFrame({"emb": [[1.0, 2.0], [1.0]], "id": ["a", "b"]}).write_parquet(path)
    with pytest.raises(InputError, match="the vectors of emb differ in size"):
        read_foreign(path)
    pl.DataFrame({"id": ["a"], "dim_0": [1.0], "dim_2": [1.0]}).write_parquet(path)
    with pytest.raises(InputError, match="no column 'embedding' of vectors, and no numbered"):
        read_foreign(path)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["dim_0", "dim_1", "f0", "f1"], "dim_0 and f0 could both be dimensions"),
        (["emb0", "emb1", "x2"], "x2 and emb0 could both be dimensions"),
        (["dim_1", "dim_2", "dim_01"], "dim_1 and dim_01 could both be dimensions"),
    ],
)
def test_numbered_columns_of_two_names_are_refused(
    tmp_path: Path, names: list[str], message: str
) -> None:
    pl.DataFrame({"id": ["a"], **{name: [1.0] for name in names}}).write_parquet(
        tmp_path / "e.parquet"
    )
    with pytest.raises(InputError, match=message):
        read_foreign(tmp_path / "e.parquet")
