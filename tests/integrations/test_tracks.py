"""Six-track arrays of Orthrus and mRNABench, and their task files."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import isoclr
from isoclr.errors import InputError
from isoclr.genomics.encoding import TRACKS, Codes, N
from isoclr.integrations.tracks import from_tracks, read_task, to_tracks
from isoclr.models.encoder import Encoder


def test_codes_come_back(rnas: list[Codes]) -> None:
    rnas[1] = rnas[1][:77]
    rnas[0][5] = N
    for channels_last in (False, True):
        x, lengths = to_tracks(rnas)
        assert (x.shape, lengths.tolist()) == ((3, 6, 210), [210, 77, 210])
        assert x[0, :, 5].sum() == 0
        assert np.array_equal(x[2], TRACKS[rnas[2]].T)
        found = from_tracks(x.transpose(0, 2, 1) if channels_last else x)
        for ours, other in zip(rnas, found, strict=True):
            assert np.array_equal(ours, other)
    bases, _ = to_tracks(rnas, channels=4)
    assert np.array_equal(from_tracks(bases)[2], rnas[2] & 7)


@pytest.mark.parametrize("bad", [np.zeros((2, 5, 9)), np.full((1, 6, 9), 0.5), np.ones((1, 6, 9))])
def test_other_arrays_are_refused(bad: Any) -> None:
    with pytest.raises(InputError, match="tracks of"):
        from_tracks(bad)


def test_one_hot_code_is_that_of_mrnabench(rnas: list[Codes]) -> None:
    utils: Any = pytest.importorskip("mrna_bench.datasets.dataset_utils")
    x, _ = to_tracks(rnas[:1])
    (letters,) = utils.ohe_to_str(x.transpose(0, 2, 1)[:, :, :4])
    assert np.array_equal(utils.str_to_ohe(letters), x[0, :4].T)


@pytest.mark.parametrize("form", ["npz", "parquet"])
def test_task_file_is_read_embedded_and_probed(form: str, rnas: list[Codes], encoder: Encoder, tmp_path: Path) -> None:
    x, _ = to_tracks(rnas)
    y = np.array([0.5, -1.0, 2.0])
    path = tmp_path / f"task.{form}"
    np.savez(tmp_path / "task.npz", X=x.transpose(0, 2, 1), y=y, genes=np.array(["A", "B", "C"]))
    task = read_task(tmp_path / "task.npz", species="human")
    if form == "parquet":
        own = task.frame.drop("transcript_id", "species").rename({"gene_id": "gene"})
        own.with_columns(transcript_length=pl.lit(210)).write_parquet(path)
        task = read_task(path)
    assert task.labels == ("target",)
    assert task.label_table["target"].to_list() == y.tolist()
    assert task.frame["gene_id"].to_list() == ["A", "B", "C"]
    embeddings: Any = isoclr.embed(task.frame, model=encoder)
    assert np.allclose(embeddings.matrix, encoder.embed_codes(rnas), atol=1e-5)
    assert embeddings.table["cds_source"].unique().to_list() == ["annotated"]


def test_a_file_without_sequences_is_one_line(tmp_path: Path) -> None:
    pl.DataFrame({"x": [1]}).write_parquet(tmp_path / "a.parquet")
    np.savez(tmp_path / "b.npz", X=np.zeros((1, 4, 6)))
    (tmp_path / "c.npz").write_text("no archive")
    for name in ("a.parquet", "b.npz", "c.npz", "d.npz"):
        with pytest.raises(InputError, match=f"{name}: "):
            read_task(tmp_path / name)
