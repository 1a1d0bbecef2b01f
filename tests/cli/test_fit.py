from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.cli import main
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import write


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(90, 3)).astype(np.float32)
    names = [f"G{i}" for i in range(90)]
    table = pl.DataFrame({"transcript_id": names, "gene_id": names}).with_columns(
        species=pl.lit("human"),
        length=pl.lit(9),
        cds_length=pl.lit(0),
        cds_source=pl.lit("none"),
    )
    meta = {"model": "isoclr-s", "sha256": "", "n_tracks": "6", "precision": "float32"}
    write(tmp_path / "e.npz", Embeddings(table, matrix, meta | {"isoclr": "0"}))
    frame = pl.DataFrame({"gene_id": names, "x": matrix[:, 0], "y": rng.normal(size=90)})
    frame.write_csv(tmp_path / "l.csv")
    words = ["fit", str(tmp_path / "e.npz"), str(tmp_path / "l.csv"), "-o", str(tmp_path / "head")]
    assert main([*words, "--target", "x", "y", "--folds", "4"]) == 0
    seen = capsys.readouterr()
    assert "held-out folds: 4 folds, at random by whole genes" in seen.out
    assert "1.000 [1.000, 1.000]" in seen.out
    assert "prediction intervals" in seen.out
    assert "90  y: samples" in seen.err
    assert (tmp_path / "head/head.safetensors").exists()
    assert main(words) == 2
    assert "head: exists already" in capsys.readouterr().err
