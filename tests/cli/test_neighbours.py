from pathlib import Path

import numpy as np
import polars as pl
import pytest

import isoclr
from isoclr.cli import main
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import write

META = {"model": "isoclr-s", "sha256": "", "n_tracks": "6", "precision": "float32", "isoclr": "0"}


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Twelve genes of two isoforms whose embeddings are those of their gene."""
    rng = np.random.default_rng(0)
    names = [f"t{i}" for i in range(24)]
    bases = ["".join(rng.choice(list("ACGT"), 50 + i)) for i in range(24)]
    pairs = zip(names, bases, strict=True)
    records = [f">{name} gene:g{i // 2}\n{rna}\n" for i, (name, rna) in enumerate(pairs)]
    (tmp_path / "rnas.fa").write_text("".join(records))
    isoclr.build(out=tmp_path / "corpus", species="human", transcripts=tmp_path / "rnas.fa")
    table = pl.DataFrame(
        {
            "transcript_id": names,
            "gene_id": [f"g{i // 2}" for i in range(24)],
            "species": ["human"] * 24,
            "length": [len(rna) for rna in bases],
            "cds_length": [0] * 24,
            "cds_source": ["none"] * 24,
        }
    )
    matrix = np.repeat(rng.normal(size=(12, 5)), 2, axis=0) + 1e-3 * rng.normal(size=(24, 5))
    write(tmp_path / "e.npz", Embeddings(table, matrix.astype(np.float32), META))
    words = ["neighbours", str(tmp_path / "e.npz"), "--corpus", str(tmp_path / "corpus")]
    capsys.readouterr()
    assert main([*words, "-o", str(tmp_path / "n.csv"), "--k", "1", "--no-simple"]) == 0
    shown = capsys.readouterr().out
    for text in ("isoform", "100.0 [100.0, 100.0]", "4.35", "uniformity", "log2 length"):
        assert text in shown
    assert "ortholog" not in shown, "there is one species"
    assert main([*words, "-o", str(tmp_path / "n.csv")]) == 2
    assert "exists already" in capsys.readouterr().err
