from pathlib import Path

import pytest

import isoclr
from isoclr.embedding.embeddings import Embeddings
from isoclr.errors import InputError


def test_a_choice_of_rnas_takes_their_rows(embeddings: Embeddings) -> None:
    assert embeddings.select() is not None
    assert len(embeddings.select()) == 5
    human = embeddings.select(species="human", rnas="coding")
    assert human.table["transcript_id"].to_list() == ["T0", "T2"]
    assert (human.matrix == embeddings.matrix[[0, 2]]).all()
    assert embeddings.select(rnas="annotated").table["transcript_id"].to_list() == ["T0", "T3"]
    assert human.meta == embeddings.meta


def test_an_empty_choice_says_what_there_is(embeddings: Embeddings) -> None:
    with pytest.raises(InputError, match=r"of species 'yeast'.*1 'mouse' with CDS annotated"):
        embeddings.select(species="yeast")
    with pytest.raises(InputError, match=r"1 of no named species with CDS none.*: isoclr embed --species yeast$"):
        embeddings.select(species="yeast")
    with pytest.raises(InputError, match=r"there are 1 'mouse' with CDS annotated$"):
        embeddings.select(species="mouse").select(species="yeast")


def test_it_shows_itself(embeddings: Embeddings) -> None:
    assert repr(embeddings) == "Embeddings(5 RNAs × 3, isoclr-s with weights of your own)"


def test_what_is_saved_is_what_embed_writes(tmp_path: Path, workbench: Path) -> None:
    inputs, model = workbench / "short.fa", workbench / "model"
    written = isoclr.embed(inputs, model=model, out=tmp_path / "written.parquet")
    expected = isoclr.read_embeddings(written)
    in_memory = isoclr.embed(inputs, model=model)
    for suffix in (".parquet", ".h5ad", ".npz"):
        path = tmp_path / f"saved{suffix}"
        assert in_memory.save(str(path)) == path
        read = isoclr.read_embeddings(str(path))
        assert read.table.equals(expected.table)
        assert (read.matrix == expected.matrix).all()
        assert read.meta == expected.meta


def test_saving_replaces_nothing_unasked(tmp_path: Path, embeddings: Embeddings) -> None:
    path = embeddings.save(tmp_path / "e.npz")
    with pytest.raises(InputError, match=r"e\.npz: exists already"):
        embeddings.save(path)
    embeddings.select("human").save(path, overwrite=True)
    assert len(isoclr.read_embeddings(path)) < len(embeddings)
    with pytest.raises(InputError, match=r"unknown format.*\.parquet, \.h5ad, \.npz"):
        embeddings.save(tmp_path / "e.csv")
