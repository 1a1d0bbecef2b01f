from pathlib import Path

import pytest

from isoclr.cli import main
from isoclr.corpus.corpus import open_corpus


def test_shards_are_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("T.fa").write_text(">t\nATGAAATAACC\n>u\nGGGTTT\n>v\nGG\n")
    for i in (1, 2):
        words = f"build --out S{i} --species human --transcripts T.fa --shard {i}/2"
        assert main(words.split()) == 0
    capsys.readouterr()
    assert main(["merge", "S2", "S1", "--out", "C"]) == 0
    assert "3 transcripts in the inputs, 3 kept" in capsys.readouterr().out
    assert open_corpus("C").transcripts["transcript_id"].to_list() == ["t", "u", "v"]
    assert main(["merge", "S1", "--out", "D"]) == 2
    assert "2/2 not given" in capsys.readouterr().err
