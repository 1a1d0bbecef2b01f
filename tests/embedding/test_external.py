"""Embeddings of other programs as ours: what is unknown, what a table adds, what cannot be."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from isoclr._io import sha256
from isoclr.embedding.convert import read_rna_table
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.external import complete, read_external
from isoclr.errors import InputError

MATRIX = np.eye(3, 5)


def from_external(path: Path, **options: Any) -> tuple[Embeddings, int]:
    return complete(path, *read_external(path), **options)


def npz(path: Path, *ids: str) -> Path:
    matrix = MATRIX[: len(ids) or 3]
    if ids:
        np.savez(path, emb=matrix, id=np.array(ids))
    else:
        np.savez(path, emb=matrix)
    return path


def test_ids_alone_are_enough_and_each_rna_is_its_own_gene(tmp_path: Path) -> None:
    path = npz(tmp_path / "orthrus_large.npz", "a", "b", "c")
    found, unknown = from_external(path, species="human")
    assert unknown == 0
    assert found.table.rows() == [(i, i, "", "human", 0, 0, "none", False) for i in "abc"]
    assert found.matrix.tolist() == MATRIX.tolist()
    assert found.meta["model"] == "orthrus_large"
    assert found.meta["sha256"] == sha256(path)
    assert from_external(path, model_name="Orthrus")[0].meta["model"] == "Orthrus"


def test_a_table_tells_gene_species_and_length_by_id_with_or_without_version(tmp_path: Path) -> None:
    path = npz(tmp_path / "e.npz", "NM_000002.7", "ENST00000000009", "z")
    rnas = pl.DataFrame(
        {
            "transcript_id": ["ENST00000000009.3", "NM_000002.1", "other"],
            "gene_id": ["G9", "G2", "G0"],
            "species": ["mouse", "human", "human"],
            "length": [900, 200, 5],
        }
    )
    found, unknown = from_external(path, rnas=rnas, species="fly")
    assert unknown == 1
    assert found.table.rows() == [
        ("NM_000002.7", "G2", "", "human", 200, 0, "none", False),
        ("ENST00000000009", "G9", "", "mouse", 900, 0, "none", False),
        ("z", "z", "", "fly", 0, 0, "none", False),
    ]


def test_an_exact_id_wins_over_one_of_another_version(tmp_path: Path) -> None:
    path = npz(tmp_path / "e.npz", "NM_000002.7", "NM_000002.1", "NM_000002.9")
    ids = ["NM_000002.1", "NM_000002.7", "NM_000002.8"]
    rnas = pl.DataFrame({"transcript_id": ids, "gene_id": ["G1", "G7", "G8"]})
    found, unknown = from_external(path, rnas=rnas)
    assert unknown == 0
    assert found.table["gene_id"].to_list() == ["G7", "G1", "G1"]


def test_an_id_of_another_species_is_another_rna(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    columns = {"transcript_id": ["a", "a", "a", "b"], "species": ["mouse", "human", "fly", ""]}
    pl.DataFrame({"emb": MATRIX[[0, 1, 2, 0]].tolist(), **columns}).write_parquet(path)
    rnas = pl.DataFrame(
        {
            "transcript_id": ["a", "a", "a", "b"],
            "species": [None, "human", "mouse", "human"],
            "gene_id": ["?", "H", "M", "B"],
        }
    )
    found, unknown = from_external(path, rnas=rnas[1:])
    assert unknown == 1
    assert found.table.select("gene_id", "species").rows() == [
        ("M", "mouse"), ("H", "human"), ("a", "fly"), ("B", "human"),
    ]  # fmt: skip
    found, unknown = from_external(path, rnas=rnas)
    assert unknown == 0
    assert found.table["gene_id"].to_list() == ["M", "H", "?", "B"]


def test_an_empty_gene_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    columns = {"transcript_id": ["a", "b", "c"], "gene_id": ["", "B", ""], "species": ["", "x", ""]}
    pl.DataFrame({"emb": MATRIX.tolist(), **columns}).write_parquet(path)
    assert from_external(path)[0].table["gene_id"].to_list() == ["a", "B", "c"]
    rnas = pl.DataFrame({"transcript_id": ["a", "b", "c"], "gene_id": ["A", "", ""]})
    found, _ = from_external(path, rnas=rnas, species="human")
    assert found.table["gene_id"].to_list() == ["A", "B", "c"]
    assert found.table["species"].to_list() == ["human", "x", "human"]
    without = npz(tmp_path / "e.npz")
    assert from_external(without, rnas=rnas)[0].table["gene_id"].to_list() == ["A", "b", "c"]


def test_rows_without_ids_are_those_of_the_table_in_order(tmp_path: Path) -> None:
    path = npz(tmp_path / "e.npz")
    rnas = pl.DataFrame({"transcript_id": ["c", "a", "b"], "gene_id": ["g", "g", "h"]})
    found, _ = from_external(path, rnas=rnas)
    assert found.table["transcript_id"].to_list() == ["c", "a", "b"]
    assert found.table["gene_id"].to_list() == ["g", "g", "h"]
    found, _ = from_external(path, rnas=rnas.drop("transcript_id"))
    assert found.table["transcript_id"].to_list() == ["row1", "row2", "row3"]
    with pytest.raises(InputError, match="has 3 rows without ids for 2 RNAs; expected one each"):
        from_external(path, rnas=rnas[:2])
    with pytest.raises(InputError, match=r"no transcript ids; .*isoclr convert .* --metadata"):
        from_external(path)


def test_an_id_twice_and_an_id_that_is_missing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a and 0 more ids are in several rows"):
        from_external(npz(tmp_path / "e.npz", "a", "b", "a"))
    frame = pl.DataFrame({"emb": MATRIX.tolist(), "id": ["a", None, "c"]})
    frame.write_parquet(tmp_path / "e.parquet")
    with pytest.raises(InputError, match="row 2 has no transcript id"):
        from_external(tmp_path / "e.parquet")


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".tsv.gz", ".parquet"])
def test_a_table_in_any_format(tmp_path: Path, suffix: str) -> None:
    import gzip

    path = tmp_path / f"rnas{suffix}"
    frame = pl.DataFrame({"gene": ["1", "2"], "sequence": ["ACG", "A"], "length": [3, 1]})
    separator = "," if suffix == ".csv" else "\t"
    if suffix == ".parquet":
        frame.write_parquet(path)
    elif suffix.endswith(".gz"):
        path.write_bytes(gzip.compress(frame.write_csv(separator=separator).encode()))
    else:
        frame.write_csv(path, separator=separator)
    found = read_rna_table(path)
    assert found.rows() == [("1", 3), ("2", 1)]
    assert found.columns == ["gene_id", "length"]


def test_a_table_without_names_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("sequence\tcds\nACG\t1\n")
    with pytest.raises(InputError, match="has the columns sequence, cds; expected transcript_id"):
        read_rna_table(tmp_path / "a.tsv")
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="not a table of RNAs") as caught:
        read_rna_table(tmp_path / "b.parquet")
    assert "\n" not in str(caught.value)


MATRIX_FOREIGN = np.arange(12.0).reshape(4, 3)
IDS = ["NM_1.2", "NM_2", "ENST00000000001.1", "x"]


def check(read: tuple[NDArray[np.float32], pl.DataFrame], **columns: list[Any]) -> None:
    matrix, found = read
    assert matrix.dtype == np.float32
    assert np.array_equal(matrix, MATRIX_FOREIGN)
    assert {name: found[name].to_list() for name in found.columns} == columns


def npz_foreign(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("name", ["embedding", "embeddings", "emb", "X", "features", "my_matrix"])
@pytest.mark.parametrize("ids", ["transcript_id", "transcripts", "ids", "name", "transcript"])
def test_npz_with_a_matrix_and_ids(tmp_path: Path, name: str, ids: str) -> None:
    path = npz_foreign(tmp_path / "e.npz", **{name: MATRIX_FOREIGN, ids: np.array(IDS), "gene": np.arange(4)})
    check(read_external(path), transcript_id=IDS, gene_id=["0", "1", "2", "3"])


def test_npz_without_ids_as_mrnabench_writes_it(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "e.npz", embedding=MATRIX_FOREIGN.astype(np.float16))
    check(read_external(tmp_path / "e.npz"))


def test_npz_with_one_vector_an_rna_under_its_id(tmp_path: Path) -> None:
    vectors = dict(zip(IDS, MATRIX_FOREIGN, strict=True))
    check(read_external(npz_foreign(tmp_path / "e.npz", **vectors)), transcript_id=IDS)


def test_the_surest_name_wins_and_bytes_are_text(tmp_path: Path) -> None:
    arrays = {"x": np.zeros((4, 9)), "embeddings": MATRIX_FOREIGN, "index": np.arange(4)}
    arrays["options"] = np.array(["mean"])  # of no RNA
    path = npz_foreign(tmp_path / "e.npz", transcript_id=np.array(IDS, "S"), **arrays)
    check(read_external(path), transcript_id=IDS)


def test_parquet_with_a_column_of_vectors(tmp_path: Path) -> None:
    table = {"emb": MATRIX_FOREIGN.tolist(), "transcript": IDS, "species": ["human"] * 4}
    table |= {"length": [1, 2, 3, 4], "label": [0.5] * 4}
    for dtype in (pl.List(pl.Float64), pl.Array(pl.Float64, 3)):
        pl.DataFrame(table, schema_overrides={"emb": dtype}).write_parquet(tmp_path / "e.parquet")
        check(read_external(tmp_path / "e.parquet"), transcript_id=IDS, species=["human"] * 4, length=[1, 2, 3, 4])


@pytest.mark.parametrize("name", ["{}", "dim_{}", "emb{}", "embedding_{}", "F{}"])
@pytest.mark.parametrize("first", [0, 1])
def test_parquet_with_a_column_a_dimension(tmp_path: Path, name: str, first: int) -> None:
    columns = {name.format(i + first): MATRIX_FOREIGN[:, i] for i in (1, 0, 2)}
    pl.DataFrame({"gene_id": IDS, **columns}).write_parquet(tmp_path / "e.parquet")
    check(read_external(tmp_path / "e.parquet"), gene_id=IDS)


def test_h5ad_with_ids_as_index_or_column(tmp_path: Path) -> None:
    anndata = pytest.importorskip("anndata")
    import pandas as pd
    from scipy.sparse import csr_matrix

    obs = pd.DataFrame({"gene": list("abcd")}, index=pd.Index(IDS, dtype=object))
    anndata.AnnData(csr_matrix(MATRIX_FOREIGN), obs=obs).write_h5ad(tmp_path / "e.h5ad")
    check(read_external(tmp_path / "e.h5ad"), transcript_id=IDS, gene_id=list("abcd"))
    obs["transcript_id"] = ["t1", "t2", "t3", "t4"]
    anndata.AnnData(MATRIX_FOREIGN, obs=obs).write_h5ad(tmp_path / "f.h5ad")
    ids = ["t1", "t2", "t3", "t4"]
    check(read_external(tmp_path / "f.h5ad"), transcript_id=ids, gene_id=list("abcd"))


def test_a_pickled_array_is_refused_and_told_how_to_save(tmp_path: Path) -> None:
    path = npz_foreign(tmp_path / "e.npz", embeddings=MATRIX_FOREIGN, ids=np.array(IDS, object))
    with pytest.raises(InputError, match=r"ids is an array of Python objects, a pickle.*dtype=str"):
        read_external(path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": MATRIX_FOREIGN, "b": MATRIX_FOREIGN}, "a, b could all be the embeddings"),
        ({"ids": np.array(IDS)[:, None, None]}, "no matrix in it"),
        ({"embeddings": MATRIX_FOREIGN, "ids": np.array(IDS[:3])}, "ids has 3 values for 4 embeddings"),
        ({"embeddings": MATRIX_FOREIGN[None]}, r"are float64 \(1, 4, 3\), expected numbers"),
        ({"embeddings": np.array([IDS])}, r"expected numbers \(RNAs, dimensions\)"),
    ],
)
def test_what_is_no_table_of_vectors_is_one_line(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_external(npz_foreign(tmp_path / "e.npz", **arrays))


def test_vectors_of_different_sizes_and_gaps_in_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    pl.DataFrame({"emb": [[1.0, 2.0], [1.0]], "id": ["a", "b"]}).write_parquet(path)
    with pytest.raises(InputError, match="the vectors of emb differ in size"):
        read_external(path)
    pl.DataFrame({"id": ["a"], "dim_0": [1.0], "dim_2": [1.0]}).write_parquet(path)
    with pytest.raises(InputError, match="no column 'embedding' of vectors, and no numbered"):
        read_external(path)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["dim_0", "dim_1", "f0", "f1"], "dim_0 and f0 could both be dimensions"),
        (["emb0", "emb1", "x2"], "x2 and emb0 could both be dimensions"),
        (["dim_1", "dim_2", "dim_01"], "dim_1 and dim_01 could both be dimensions"),
    ],
)
def test_numbered_columns_of_two_names_are_refused(tmp_path: Path, names: list[str], message: str) -> None:
    pl.DataFrame({"id": ["a"], **{name: [1.0] for name in names}}).write_parquet(tmp_path / "e.parquet")
    with pytest.raises(InputError, match=message):
        read_external(tmp_path / "e.parquet")
