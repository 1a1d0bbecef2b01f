from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import isoclr
from benchmarks import atlas, browser, harness
from isoclr.embedding.io import read_embeddings


def test_whole_benchmark(main: Callable[..., None], inline: None, workbench: Path, tmp_path: Path) -> None:
    words = (workbench / "e.parquet", "--corpus", workbench / "corpus", "--rnas", 100, "--task")
    more = ("--repeats", 1, "--threads", 1, "--work", tmp_path, "--out", tmp_path / "atlas.csv")
    main(atlas, *words, *more)
    rows = {row["name"]: row for row in harness.read_csv(tmp_path / "atlas.csv")}
    seconds = {name: float(rows[f"{name} @ 100 RNAs"]["value"]) for name in ("build", "folder")}
    assert seconds["build"] > 0.1
    files = [path for path in (tmp_path / "atlas-100").rglob("*") if path.is_file()]
    assert seconds["folder"] == pytest.approx(sum(one.stat().st_size for one in files) / 1e6, 1e-3)
    if browser.find_chromium():
        shown, ready = (float(rows[f"{name} @ 100 RNAs"]["value"]) for name in ("map shown", "search ready"))
        assert 0 < shown <= ready < 60


def test_copies_have_new_names_and_vary_as_real_rnas(workbench: Path, tmp_path: Path) -> None:
    real, corpus = (read_embeddings(workbench / "e.parquet"), isoclr.open_corpus(workbench / "corpus"))
    atlas.enlarge(real, corpus, 100, tmp_path / "large")
    large = isoclr.open_corpus(tmp_path / "large/corpus")
    embedded = read_embeddings(tmp_path / "large/embeddings")
    assert embedded.table["transcript_id"].equals(large.transcripts["transcript_id"])
    assert large.transcripts["transcript_id"].n_unique() == 100
    assert large.num_gene_sets == 100
    np.testing.assert_array_equal(large.codes_of(85), corpus.codes_of(5))
    np.testing.assert_array_equal(embedded.matrix[:40], real.matrix)
    moved = embedded.matrix[40:80] - real.matrix
    varying = real.matrix.std(axis=0) > 0
    ratio = moved.std(axis=0)[varying] / real.matrix.std(axis=0)[varying]
    assert np.median(ratio) == pytest.approx(atlas.NOISE * 2**0.5, rel=0.2)
    assert embedded.table.select(pl.col("length").slice(40, 40)).equals(real.table.select("length"))
