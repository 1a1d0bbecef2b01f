from pathlib import Path

import numpy as np
import pytest

import isoclr
from isoclr.cli import main


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of mRNAs, a model, and a head that tells how many U they have."""
    folder, rng = tmp_path_factory.mktemp("verbs"), np.random.default_rng(0)
    rows, labels, structures = [], [], []
    for i in range(24):
        utr = "".join(rng.choice(list("ACGT"), 60))
        sequence = utr + "ATG" + "".join(rng.choice(["GCT", "AAA"], 100)) + "TAA" + utr[::-1]
        rows.append(f">t{i} gene:g{i}\n{sequence}\n")
        labels.append(f"t{i}\t{sequence.count('T')}\n")
        structures.append(f"t{i}\t60\t306\t60\t\n")
    (folder / "rnas.fa").write_text("".join(rows))
    (folder / "labels.tsv").write_text("transcript_id\tu\n" + "".join(labels))
    head = "transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths\n"
    (folder / "rnas.structures.tsv").write_text(head + "".join(structures))
    (folder / "one.fa").write_text(">a\nACGUUAGCUGA\n")
    isoclr.build(
        out=folder / "corpus",
        species="human",
        transcripts=folder / "rnas.fa",
        annotation=(folder / "rnas.structures.tsv",),
    )
    isoclr.create("isoclr-s", seed=0).save(folder / "model")
    isoclr.embed((folder / "corpus",), model=str(folder / "model"), out=folder / "e.parquet")
    isoclr.fit(folder / "e.parquet", folder / "labels.tsv", out=folder / "head", folds=3)
    return folder


def test_mutate(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["mutate", str(place / "one.fa"), "--head", str(place / "head")]
    words += ["--model", str(place / "model"), "-o", str(tmp_path / "m.tsv")]
    assert main([*words, "--plot", str(tmp_path / "m.png"), "--zoom", "2", "9"]) == 0
    seen = capsys.readouterr()
    assert "RNA without coding sequence" in seen.out
    assert "a: u " in seen.err
    assert "33 mutants" in seen.err
    assert len((tmp_path / "m.tsv").read_text().splitlines()) == 12
    assert (tmp_path / "m.png").exists()
    assert main([*words, "--overwrite", "--transcripts", "b"]) == 2
    assert "no RNA named 'b'" in capsys.readouterr().err


def test_motifs(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["motifs", str(place / "corpus"), "--head", str(place / "head"), "--rnas", "2"]
    words += ["--model", str(place / "model"), "-o", str(tmp_path / "m.csv")]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "poly(U)" in shown
    assert "mean effect on u" in shown
    assert (tmp_path / "m.csv").exists()
