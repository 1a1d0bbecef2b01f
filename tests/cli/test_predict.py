from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.cli import main
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import write


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    matrix = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    names = [f"G{i}" for i in range(60)]
    table = pl.DataFrame({"transcript_id": names, "gene_id": names}).with_columns(
        species=pl.lit("human"),
        length=pl.lit(9),
        cds_length=pl.lit(0),
        cds_source=pl.lit("none"),
    )
    meta = {"model": "isoclr-s", "sha256": "", "n_tracks": "6", "precision": "float32"}
    write(tmp_path / "e.npz", Embeddings(table, matrix, meta | {"isoclr": "0"}))
    pl.DataFrame({"gene_id": names, "x": matrix[:, 0]}).write_csv(tmp_path / "l.csv")
    head, out = str(tmp_path / "head"), str(tmp_path / "p.tsv")
    assert main(["fit", str(tmp_path / "e.npz"), str(tmp_path / "l.csv"), "-o", head]) == 0
    capsys.readouterr()
    words = ["predict", str(tmp_path / "e.npz"), "-o", out]
    assert main([*words, "--head", head, "--coverage", "0.8"]) == 0
    seen = capsys.readouterr()
    assert "x: intervals of coverage 0.8" in seen.out
    assert f"{out}: 60 RNAs" in seen.err.replace("\n", "")
    found = pl.read_csv(out, separator="\t")
    assert found["value"].to_numpy() == pytest.approx(matrix[:, 0], abs=0.01)
    pl.DataFrame({"gene_id": names, "y": (matrix[:, 0] > 0).astype(int)}).write_csv(
        tmp_path / "c.csv"
    )
    classes = str(tmp_path / "classes")
    assert main(["fit", str(tmp_path / "e.npz"), str(tmp_path / "c.csv"), "-o", classes]) == 0
    capsys.readouterr()
    assert main([*words, "--head", classes, "--overwrite"]) == 0
    shown = capsys.readouterr().out
    assert "y: probability of class 1" in shown
    assert "intervals" not in shown
    assert main([*words, "--overwrite"]) == 2
    assert "expected --head, or --task with --species" in capsys.readouterr().err
