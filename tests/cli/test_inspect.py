import json
from pathlib import Path

import pytest

from isoclr.cli import main


@pytest.fixture
def corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    monkeypatch.chdir(tmp_path)
    Path("T.fa").write_text(">t gene:g\nATGAAATAACC\n>u gene:g\nGGGTTT\n")
    words = "build --out C --species human --transcripts T.fa --orf-min-length 9"
    assert main(words.split()) == 0
    capsys.readouterr()
    return "C"


def test_tables_numbers_and_a_picture(corpus: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", corpus, "--json", "n.json", "--plot", "p.png", "--verify"]) == 0
    printed = capsys.readouterr()
    assert "2 transcripts in the inputs, 2 kept" in printed.out
    assert "as it was written" in printed.err
    assert json.loads(Path("n.json").read_text())["groups"][0]["gene_sets"] == 1
    assert Path("p.png").stat().st_size > 5_000


def test_one_transcript(corpus: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", corpus, "--transcript", "t"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(
        "t: gene g; gene set human|g (2 transcripts of 1 species); human; 11 nt"
    )
    assert out[1].split() == ["1", "ATGAAATAACC", "11"]
    assert out[2].split() == ["M", "K", "*", "codons"]


def test_damage_and_wrong_names_are_one_line(
    corpus: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", corpus, "--transcript", "nobody"]) == 2
    assert main(["inspect", "nowhere"]) == 2
    codes = bytearray(Path(corpus, "codes.bin").read_bytes())
    codes[0] ^= 1
    Path(corpus, "codes.bin").write_bytes(codes)
    assert main(["inspect", corpus, "--verify"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("isoclr: error: ") for line in lines)
