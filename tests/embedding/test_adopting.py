"""Embeddings of other programs as ours: what is unknown, what a table adds, what cannot be."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.embedding.adopting import adopt, rows_of_a_table
from isoclr.errors import InputError
from isoclr.files import sha256

MATRIX = np.eye(3, 5)


def npz(path: Path, *ids: str) -> Path:
    matrix = MATRIX[: len(ids) or 3]
    if ids:
        np.savez(path, emb=matrix, id=np.array(ids))
    else:
        np.savez(path, emb=matrix)
    return path


def test_ids_alone_are_enough_and_each_rna_is_its_own_gene(tmp_path: Path) -> None:
    path = npz(tmp_path / "orthrus_large.npz", "a", "b", "c")
    found, unknown = adopt(path, species="human")
    assert unknown == 0
    assert found.table.rows() == [(i, i, "human", 0, 0, "none") for i in "abc"]
    assert found.matrix.tolist() == MATRIX.tolist()
    assert found.meta["model"] == "orthrus_large"
    assert found.meta["sha256"] == sha256(path)
    assert adopt(path, model_name="Orthrus")[0].meta["model"] == "Orthrus"


def test_a_table_tells_gene_species_and_length_by_id_with_or_without_version(
    tmp_path: Path,
) -> None:
    path = npz(tmp_path / "e.npz", "NM_000002.7", "ENST00000000009", "z")
    rnas = pl.DataFrame(
        {
            "transcript_id": ["ENST00000000009.3", "NM_000002.1", "other"],
            "gene_id": ["G9", "G2", "G0"],
            "species": ["mouse", "human", "human"],
            "length": [900, 200, 5],
        }
    )
    found, unknown = adopt(path, rnas=rnas, species="fly")
    assert unknown == 1
    assert found.table.rows() == [
        ("NM_000002.7", "G2", "human", 200, 0, "none"),
        ("ENST00000000009", "G9", "mouse", 900, 0, "none"),
        ("z", "z", "fly", 0, 0, "none"),
    ]


def test_an_exact_id_wins_over_one_of_another_version(tmp_path: Path) -> None:
    path = npz(tmp_path / "e.npz", "NM_000002.7", "NM_000002.1", "NM_000002.9")
    ids = ["NM_000002.1", "NM_000002.7", "NM_000002.8"]
    rnas = pl.DataFrame({"transcript_id": ids, "gene_id": ["G1", "G7", "G8"]})
    found, unknown = adopt(path, rnas=rnas)
    assert unknown == 0
    assert found.table["gene_id"].to_list() == ["G7", "G1", "G1"]


def test_an_id_of_another_species_is_another_rna(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    told = {"transcript_id": ["a", "a", "a", "b"], "species": ["mouse", "human", "fly", ""]}
    pl.DataFrame({"emb": MATRIX[[0, 1, 2, 0]].tolist(), **told}).write_parquet(path)
    rnas = pl.DataFrame(
        {
            "transcript_id": ["a", "a", "a", "b"],
            "species": [None, "human", "mouse", "human"],
            "gene_id": ["?", "H", "M", "B"],
        }
    )
    found, unknown = adopt(path, rnas=rnas[1:])
    assert unknown == 1
    assert found.table.select("gene_id", "species").rows() == [
        ("M", "mouse"), ("H", "human"), ("a", "fly"), ("B", "human"),
    ]  # fmt: skip
    found, unknown = adopt(path, rnas=rnas)
    assert unknown == 0
    assert found.table["gene_id"].to_list() == ["M", "H", "?", "B"]


def test_an_empty_gene_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    told = {"transcript_id": ["a", "b", "c"], "gene_id": ["", "B", ""], "species": ["", "x", ""]}
    pl.DataFrame({"emb": MATRIX.tolist(), **told}).write_parquet(path)
    assert adopt(path)[0].table["gene_id"].to_list() == ["a", "B", "c"]
    rnas = pl.DataFrame({"transcript_id": ["a", "b", "c"], "gene_id": ["A", "", ""]})
    found, _ = adopt(path, rnas=rnas, species="human")
    assert found.table["gene_id"].to_list() == ["A", "B", "c"]
    assert found.table["species"].to_list() == ["human", "x", "human"]
    without = npz(tmp_path / "e.npz")
    assert adopt(without, rnas=rnas)[0].table["gene_id"].to_list() == ["A", "b", "c"]


def test_rows_without_ids_are_those_of_the_table_in_order(tmp_path: Path) -> None:
    path = npz(tmp_path / "e.npz")
    rnas = pl.DataFrame({"transcript_id": ["c", "a", "b"], "gene_id": ["g", "g", "h"]})
    found, _ = adopt(path, rnas=rnas)
    assert found.table["transcript_id"].to_list() == ["c", "a", "b"]
    assert found.table["gene_id"].to_list() == ["g", "g", "h"]
    found, _ = adopt(path, rnas=rnas.drop("transcript_id"))
    assert found.table["transcript_id"].to_list() == ["row1", "row2", "row3"]
    with pytest.raises(InputError, match="has 3 rows without ids for 2 RNAs; expected one each"):
        adopt(path, rnas=rnas[:2])
    with pytest.raises(InputError, match=r"no ids of transcripts; .*isoclr convert .* --rnas"):
        adopt(path)


def test_an_id_twice_and_an_id_that_is_missing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a and 0 more ids stand in several rows"):
        adopt(npz(tmp_path / "e.npz", "a", "b", "a"))
    frame = pl.DataFrame({"emb": MATRIX.tolist(), "id": ["a", None, "c"]})
    frame.write_parquet(tmp_path / "e.parquet")
    with pytest.raises(InputError, match="row 2 has no transcript id"):
        adopt(tmp_path / "e.parquet")


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
    found = rows_of_a_table(path)
    assert found.rows() == [("1", 3), ("2", 1)]
    assert found.columns == ["gene_id", "length"]


def test_a_table_without_names_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("sequence\tcds\nACG\t1\n")
    with pytest.raises(InputError, match="has the columns sequence, cds; expected transcript_id"):
        rows_of_a_table(tmp_path / "a.tsv")
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="not a table of RNAs") as caught:
        rows_of_a_table(tmp_path / "b.parquet")
    assert "\n" not in str(caught.value)
