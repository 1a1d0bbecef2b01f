import json
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
    meta = {
        "model": "isoclr-s",
        "sha256": "",
        "n_tracks": "6",
        "precision": "float32",
        "isoclr": "0",
    }
    write(tmp_path / "e.npz", Embeddings(table, matrix, meta))
    pl.DataFrame({"gene_id": [*names, "other"], "x": [*matrix[:, 0], 1.0]}).write_csv(
        tmp_path / "l.csv"
    )
    words = ["probe", str(tmp_path / "e.npz"), str(tmp_path / "l.csv"), "--split", "random"]
    assert main([*words, "--json", str(tmp_path / "p.json")]) == 0
    seen = capsys.readouterr()
    assert "Pearson R" in seen.out
    assert "1.000" in seen.out
    assert "1  labels without an embedded RNA" in seen.err
    assert json.loads((tmp_path / "p.json").read_text())["counts"]["samples"] == 90
    assert main([*words, "--baselines"]) == 2
    assert "--baselines needs --corpus" in capsys.readouterr().err
