from pathlib import Path

import numpy as np
import pytest

from isoclr.cli import main
from isoclr.embedding.io import read_embeddings


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "e.npz", embeddings=np.eye(2))
    (tmp_path / "rnas.tsv").write_text("transcript_id\tgene_id\nt1\tg\nt2\tg\n")
    out = tmp_path / "out.parquet"
    words = ["convert", str(tmp_path / "e.npz"), "-o", str(out), "--model-name", "orthrus"]
    assert main(words) == 2
    assert "--rnas" in capsys.readouterr().err
    assert main([*words, "--rnas", str(tmp_path / "rnas.tsv")]) == 0
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "2 RNAs × 2, orthrus" in seen.err
    assert read_embeddings(out).table["gene_id"].to_list() == ["g", "g"]
