from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.embedding import Embeddings, read_embeddings
from isoclr.embedding.writing import write
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


def test_an_embedding_that_is_not_finite_is_named(tmp_path: Path, embeddings: Embeddings) -> None:
    embeddings.matrix[3, 1] = np.nan
    write(tmp_path / "e.npz", embeddings)
    with pytest.raises(InputError, match="the embedding of T3 is not finite"):
        read_embeddings(tmp_path / "e.npz")
