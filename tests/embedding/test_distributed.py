"""``torchrun … embed|predict``: the output of several processes is that of one, also after a process was lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.forks import Forks

from isoclr import cli
from isoclr.embedding import distributed
from isoclr.embedding.inputs import RnaTable
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError

Ranks = Callable[..., list[tuple[int, str]]]


@pytest.fixture
def ranks(forks: Forks, free_port: Callable[[], int]) -> Ranks:
    """Run one command in several processes; exit codes and standard errors by rank."""

    def run(size: int, words: list[str], **options: Any) -> list[tuple[int, str]]:
        job = forks.start_ranks(free_port(), size, words, **options)
        return [(rank.wait(), rank.shown) for rank in job]

    return run


@pytest.fixture(scope="module")
def few(workbench: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A FASTA of ten RNAs, next to a model and a head."""
    folder = tmp_path_factory.mktemp("few")
    for name in ("model", "head"):
        (folder / name).symlink_to(workbench / name)
    records = (workbench / "mrnas.fa").read_text().split(">")[1:11]
    (folder / "few.fa").write_text("".join(f">{record}" for record in records))
    return folder / "few.fa"


def embed_words(few: Path, out: Path) -> list[str]:
    """A command with several small chunks."""
    words = f"embed {few} --model {few.parent}/model --threads 1 --chunk-nt 1024"
    return [*words.split(), "-o", str(out)]


def test_embed_and_predict(few: Path, tmp_path: Path, ranks: Ranks) -> None:
    assert cli.main(embed_words(few, tmp_path / "one.parquet")) == 0
    for code, shown in ranks(2, embed_words(few, tmp_path / "many.parquet")):
        assert code == 0, shown
    assert (tmp_path / "many.parquet").read_bytes() == (tmp_path / "one.parquet").read_bytes()
    words = f"predict {few} --head {few.parent}/head --model {few.parent}/model --threads 1"
    assert cli.main([*words.split(), "-o", str(tmp_path / "one.tsv")]) == 0
    (first, said), other = ranks(2, [*words.split(), "-o", str(tmp_path / "many.tsv")])
    assert first == 0, said
    assert f"{tmp_path}/many.tsv: 10 RNAs" in said
    assert other == (0, "")
    assert (tmp_path / "many.tsv").read_bytes() == (tmp_path / "one.tsv").read_bytes()
    names = {"one.parquet", "many.parquet", "one.tsv", "many.tsv"}
    assert {path.name for path in tmp_path.iterdir()} == names, "no parts may be left"


def test_lost_process(few: Path, tmp_path: Path, ranks: Ranks) -> None:
    """A lost process ends the job in one line; the next job, of any size, goes on from the finished parts."""
    assert cli.main(embed_words(few, tmp_path / "one.parquet")) == 0
    out = tmp_path / "out" / "many.parquet"
    out.parent.mkdir()
    words = embed_words(few, out)
    killed = (str(out.parent), "kill", 3)  # with its part half-written
    (code, shown), (lost, _) = ranks(2, words, faults={1: killed})
    assert (code, lost) == (2, -9)
    (line,) = [line for line in shown.splitlines() if "isoclr: " in line]
    assert "rank 0 of 2 has lost another process" in line
    assert line.endswith("start the same command again to go on from the finished parts")
    assert "Traceback" not in shown
    assert not out.exists()
    (part,) = out.parent.glob(".many.parquet.*.parts/[0-9]*.npz")
    with np.load(part) as arrays:
        rows, vectors = arrays["rows"], arrays["vectors"]
    assert 0 < len(rows) < 10
    # marked, to see that they are not computed again
    np.savez(part, rows=rows, vectors=vectors + 1)
    for code, shown in ranks(3, words):
        assert code == 0, shown
    expected = read_embeddings(tmp_path / "one.parquet").matrix.copy()
    expected[rows] = vectors + 1
    np.testing.assert_array_equal(read_embeddings(out).matrix, expected)
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_bad_input_is_one_line(few: Path, tmp_path: Path, ranks: Ranks) -> None:
    words = embed_words(few, tmp_path / "e.parquet")
    words[1] = str(tmp_path / "nowhere.fa")
    first, second = ranks(2, words)
    assert first[0] == second[0] == 2
    assert first[1].count("\n") == 1
    assert "nowhere.fa" in first[1]
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_shared(workbench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "PATIENCE", 0)
    rnas = RnaTable(pl.DataFrame({"transcript_id": ["a"], "length": [4]}), np.zeros(4, np.uint8), np.zeros(1, np.int64))
    embedder = distributed.Embedder({}, 2, lambda *_: np.empty((0, 2), np.float32))
    with pytest.raises(InputError, match="a folder that all machines share"):
        list(distributed._read_parts([rnas], embedder, tmp_path))
