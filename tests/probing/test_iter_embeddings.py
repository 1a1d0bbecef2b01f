from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.embedding import io as module
from isoclr.embedding.embeddings import Embeddings, write
from isoclr.embedding.io import are_embeddings, iter_embeddings, read_embeddings
from isoclr.errors import InputError


@pytest.mark.parametrize("rows", [7, 40, 120, 1000])
def test_blocks_put_together_are_the_file(embeddings: Path, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", rows)
    whole, parts = read_embeddings(embeddings), [*iter_embeddings(embeddings)]
    assert max(map(len, parts)) <= rows
    assert np.array_equal(np.concatenate([part.matrix for part in parts]), whole.matrix)
    assert pl.concat([part.table for part in parts]).equals(whole.table)
    assert all(part.meta == whole.meta for part in parts)


def test_shards_in_the_order_of_their_names(world: Embeddings, tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    for name, part in (("b", slice(50, 120)), ("a", slice(0, 50))):
        own = Embeddings(world.table[part], world.matrix[part], world.meta)
        write(folder / f"{name}.parquet", own)
    assert are_embeddings(folder)
    names = pl.concat([part.table for part in iter_embeddings(folder)])["transcript_id"]
    assert names.equals(world.table["transcript_id"])


def test_npz_is_read_too_and_nothing_is_one_empty_block(world: Embeddings, tmp_path: Path) -> None:
    write(tmp_path / "e.npz", world)
    (found,) = iter_embeddings(tmp_path / "e.npz")
    assert np.array_equal(found.matrix, world.matrix)
    write(tmp_path / "none.parquet", Embeddings(world.table[:0], world.matrix[:0], world.meta))
    (none,) = iter_embeddings(tmp_path / "none.parquet")
    assert none.matrix.shape == (0, 6)


def test_files_of_earlier_versions_lack_columns(world: Embeddings, tmp_path: Path) -> None:
    lacking = ["gene_symbol", "canonical"]
    old = tmp_path / "old.parquet"
    world.to_polars().drop(lacking, strict=False).write_parquet(old, metadata=dict(world.meta))
    (block,) = iter_embeddings(old)
    for read in (block, read_embeddings(old)):
        assert set(read.table.select(lacking).rows()) == {("", False)}
        assert np.array_equal(read.matrix, world.matrix)


def test_names_of_embeddings(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/corpus.json").touch()
    (tmp_path / "corpus/transcripts.parquet").touch()
    (tmp_path / "empty").mkdir()
    assert not are_embeddings(tmp_path / "corpus")
    assert not are_embeddings(tmp_path / "empty")
    assert not are_embeddings(Path("rnas.fa.gz"))
    assert are_embeddings(Path("x.h5ad"))


def test_other_files_are_refused_in_one_line(tmp_path: Path, embeddings: Path) -> None:
    path = tmp_path / "x.parquet"
    with pytest.raises(InputError, match=r"x\.parquet: No such file"):
        [*iter_embeddings(path)]
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match=r"x\.parquet: cannot be read as embeddings"):
        [*iter_embeddings(path)]
    pl.DataFrame({"transcript_id": ["a"]}).write_parquet(path)
    with pytest.raises(InputError, match="no column 'embedding' of fixed-size lists"):
        [*iter_embeddings(path)]
    frame = pl.read_parquet(embeddings)
    frame.write_parquet(path)
    with pytest.raises(InputError, match="no metadata 'model'; expected embeddings of isoclr"):
        [*iter_embeddings(path)]
    meta = pl.read_parquet_metadata(embeddings)
    frame.drop("length").write_parquet(path, metadata=meta)
    with pytest.raises(InputError, match="no column 'length'; expected embeddings of isoclr"):
        [*iter_embeddings(path)]


def damaged(embeddings: Path, path: Path, **columns: pl.Expr | pl.Series) -> Path:
    frame = pl.read_parquet(embeddings).with_columns(**columns)
    frame.write_parquet(path, metadata=pl.read_parquet_metadata(embeddings))
    return path


def test_columns_of_another_kind_are_refused_in_one_line(tmp_path: Path, embeddings: Path) -> None:
    words = pl.Series([["a"] * 6] * 120, dtype=pl.Array(pl.String, 6))
    with pytest.raises(InputError, match="no column 'embedding' of fixed-size lists of numbers"):
        [*iter_embeddings(damaged(embeddings, tmp_path / "a.parquet", embedding=words))]
    long = pl.lit("long")
    with pytest.raises(InputError, match=r"b\.parquet: cannot be read as embeddings \(") as error:
        [*iter_embeddings(damaged(embeddings, tmp_path / "b.parquet", length=long))]
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, None])
def test_a_value_that_is_not_finite_is_refused_with_its_file_and_transcript(
    tmp_path: Path, embeddings: Path, value: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS", 50)
    rows = pl.read_parquet(embeddings)["embedding"].to_list()
    rows[71][3] = value
    bad = pl.Series(rows, dtype=pl.Array(pl.Float32, 6))
    with pytest.raises(InputError, match=r"a\.parquet: the embedding of ENST00000000071\.1 is not"):
        [*iter_embeddings(damaged(embeddings, tmp_path / "a.parquet", embedding=bad))]
