from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.cli import main
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import write

META = {"model": "isoclr-s", "sha256": "", "n_tracks": "6", "precision": "float32", "isoclr": "0"}


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    matrix = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    names = [f"G{i}" for i in range(40)]
    table = pl.DataFrame({"transcript_id": names, "gene_id": names}).with_columns(
        species=pl.lit("human"),
        length=pl.Series(100 + 10 * matrix[:, 0]).cast(pl.Int64),
        cds_length=pl.lit(0),
        cds_source=pl.lit("none"),
    )
    write(tmp_path / "e.npz", Embeddings(table, matrix, META))
    words = ["map", str(tmp_path / "e.npz"), "--color", "length", "--perplexity", "5"]
    assert main([*words, "-o", str(tmp_path / "m.csv"), str(tmp_path / "m.png")]) == 0
    seen = capsys.readouterr()
    assert "spearman of neighbours" in seen.out
    assert "40 RNAs, Kullback-Leibler divergence" in seen.err
    assert pl.read_csv(tmp_path / "m.csv").height == 40
    assert (tmp_path / "m.png").exists()
    assert main([*words, "-o", str(tmp_path / "m.csv")]) == 2
    assert "exists already" in capsys.readouterr().err
