import json
from pathlib import Path

import numpy as np
import polars as pl

from isoclr.corpus.codes import nucleotides
from isoclr.corpus.layout import INDEX_DTYPE
from isoclr.corpus.writer import COLUMNS, index_rows, write
from isoclr.files import sha256

SOURCES = [nucleotides("AACCGGTT"), nucleotides("TTTTT")]
META = {"shard": None, "species": ["mouse", "human"]}


def _table() -> pl.DataFrame:
    rows = pl.DataFrame(
        {
            "source": [0, 0, 1, 0],
            "start": [0, 2, 1, 4],
            "length": [2, 2, 3, 4],
            "transcript_id": ["a", "b", "c", "d"],
            "gene_set": ["y", "x", "y", "z"],
            "species": ["human", "human", "mouse", "human"],
            "cds_start": [-1, -1, 0, -1],
            "cds_end": [-1, -1, 3, -1],
            "n_exons": [0, 1, 2, 0],
            "order": [0, 3, 4, 9],
        }
    )
    texts = ("gene_id", "gene_symbol", "cds_source", "biotype")
    return rows.with_columns(pl.lit("").alias(name) for name in texts)


def test_codes_of_rows_follow_one_another(tmp_path: Path) -> None:
    steps: list[int] = []
    write(tmp_path, _table(), SOURCES, META, steps.append)
    written = np.fromfile(tmp_path / "codes.bin", np.uint8)
    assert written.tolist() == nucleotides("AA" + "CC" + "TTT" + "GGTT").tolist()
    assert sum(steps) == 4


def test_what_lies_between_two_rows_is_not_written(tmp_path: Path) -> None:
    table = _table().with_columns(
        source=0, start=pl.Series([0, 3, 4, 4]), length=pl.Series([1, 1, 3, 2])
    )
    write(tmp_path, table, SOURCES, META)
    written = np.fromfile(tmp_path / "codes.bin", np.uint8)
    assert written.tolist() == nucleotides("A" + "C" + "GGT" + "GG").tolist()


def test_index_numbers_gene_sets_by_first_appearance_and_species_by_the_list() -> None:
    index = index_rows(_table().with_columns(offset=pl.Series([0, 2, 4, 7])), META["species"] or [])
    assert index.dtype == INDEX_DTYPE
    assert index["gene_set"].tolist() == [0, 1, 0, 2]
    assert index["species"].tolist() == [1, 1, 0, 1]
    assert index["offset"].tolist() == [0, 2, 4, 7]
    assert index["cds_end"].tolist() == [-1, -1, 3, -1]


def test_meta_counts_and_fingerprints_every_file(tmp_path: Path) -> None:
    write(tmp_path, _table(), SOURCES, META)
    meta = json.loads((tmp_path / "corpus.json").read_text())
    assert meta["counts"] == {"transcripts": 4, "gene_sets": 3, "nucleotides": 11}
    for name, facts in meta["files"].items():
        assert facts["sha256"] == sha256(tmp_path / name)
        assert facts["size"] == (tmp_path / name).stat().st_size
    assert set(meta["files"]) == {"codes.bin", "index.npy", "transcripts.parquet"}


def test_names_are_in_the_documented_columns_and_a_shard_keeps_its_order(tmp_path: Path) -> None:
    write(tmp_path, _table(), SOURCES, META)
    assert pl.read_parquet(tmp_path / "transcripts.parquet").columns == list(COLUMNS)
    write(tmp_path, _table(), SOURCES, META | {"shard": [1, 2]})
    assert pl.read_parquet(tmp_path / "transcripts.parquet")["order"].to_list() == [0, 3, 4, 9]


def test_a_shard_may_be_empty(tmp_path: Path) -> None:
    write(tmp_path, _table().clear(), SOURCES, META | {"shard": [1, 2]})
    assert (tmp_path / "codes.bin").stat().st_size == 0
    counts = json.loads((tmp_path / "corpus.json").read_text())["counts"]
    assert counts == {"transcripts": 0, "gene_sets": 0, "nucleotides": 0}
