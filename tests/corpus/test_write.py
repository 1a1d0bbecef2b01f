import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from isoclr._io import sha256
from isoclr.corpus.build import build
from isoclr.corpus.corpus import COLUMNS, INDEX_DTYPE
from isoclr.corpus.write import drop_duplicates, index_rows, write
from isoclr.genomics.encoding import CODON_START, nucleotides

SOURCE = nucleotides("ACGTACGTACGTTTTT")


def _row(order: int, transcript_id: str, **other: Any) -> dict[str, Any]:
    row = {
        "order": order,
        "transcript_id": transcript_id,
        "species": "human",
        "gene_set": "g",
        "cds_source": "none",
        "n_exons": 0,
        "source": 0,
        "start": 0,
        "length": 4,
    }
    return row | other


def _kept(*rows: dict[str, Any]) -> tuple[list[str], dict[str, dict[str, int]]]:
    table, dropped = drop_duplicates(pl.DataFrame(rows), [SOURCE, SOURCE | np.uint8(CODON_START)])
    return table["transcript_id"].to_list(), {name: dict(count) for name, count in dropped.items()}


def test_identical_sequences_of_a_gene_set() -> None:
    kept, dropped = _kept(_row(0, "a"), _row(1, "b", start=4, source=1), _row(2, "c", start=1))
    assert kept == ["a", "c"]
    assert dropped == {"human": {"identical_sequence": 1}}


def test_identical_sequences_of_two_gene_sets() -> None:
    assert _kept(_row(0, "a"), _row(1, "b", gene_set="h"))[0] == ["a", "b"]


def test_prefix_is_not_a_duplicate() -> None:
    assert _kept(_row(0, "a"), _row(1, "b", length=8))[0] == ["a", "b"]


def test_best_annotated_duplicate_is_kept() -> None:
    assert _kept(_row(0, "a"), _row(1, "b", cds_source="annotated"))[0] == ["b"]
    assert _kept(_row(0, "a", cds_source="orf"), _row(1, "b", n_exons=2))[0] == ["b"]
    better = _row(1, "b", cds_source="annotated")
    assert _kept(_row(0, "a", n_exons=3), better)[0] == ["b"]
    assert _kept(_row(0, "a", cds_source="orf"), _row(1, "b"))[0] == ["a"]


@pytest.mark.parametrize("canonical", [0, 1])
def test_the_kept_duplicate_is_canonical_if_one_is(canonical: int) -> None:
    rows = [_row(0, "a", canonical=canonical == 0), _row(1, "b", canonical=canonical == 1)]
    other = _row(2, "c", canonical=False, length=8)
    kept, _ = drop_duplicates(pl.DataFrame([*rows, other]), [SOURCE])
    assert kept.select("transcript_id", "canonical").rows() == [("a", True), ("c", False)]


def test_duplicate_ids() -> None:
    other = _row(2, "a", species="mouse", start=2)
    kept, dropped = _kept(_row(0, "a"), _row(1, "a", start=1, n_exons=2), other)
    assert kept == ["a", "a"]
    assert dropped == {"human": {"duplicate_id": 1}, "mouse": {}}


def test_rows_keep_the_order_of_the_inputs() -> None:
    rows = [_row(i, f"t{i}", start=i % 8, length=5 + i % 3, n_exons=i % 2) for i in range(8)]
    assert _kept(*rows[::-1])[0] == [f"t{i}" for i in range(8)]


@pytest.fixture
def inputs(world: Any, toml: Any, tmp_path: Path) -> tuple[Path, ...]:
    """Three inputs with ids and sequences that are in several of them, some under other genes."""
    again = tmp_path / "again.fa"
    with again.open("w") as stream:
        for i, one in enumerate(world.truth):
            other = world.truth[i - i % 3]
            gene = other.gene_id if i % 4 else one.gene_id
            name = f"copy{i}" if i % 2 else one.transcript_id
            stream.write(f">{name} gene:{gene}\n{other.sequence}\n")
    return toml(  # type: ignore[no-any-return]
        {"species": "human", "genome": world.genome, "annotation": world.annotation},
        {"species": "human", "transcripts": again},
        {"species": "mouse", "transcripts": world.transcripts, "annotation": world.annotation},
    )


def test_duplicates_of_several_inputs(inputs: tuple[Path, ...], tmp_path: Path) -> None:
    corpus = build(inputs, out=tmp_path / "whole", max_length=200)
    dropped = corpus.meta["by_species"]["human"]["dropped"]
    assert dropped.keys() == {"duplicate_id", "identical_sequence", "longer_than_max_length"}


def test_pseudoautosomal_gene_copies_are_one_gene(toml: Any, tmp_path: Path) -> None:
    fasta = tmp_path / "par.fa"
    records = [
        f">ENST{i:011d}.1{mark} gene:ENSG{i:011d}.2{mark}\n{'ACGT' * (i + 1)}\n"
        for mark in ("", "_PAR_Y")
        for i in range(20)
    ]
    fasta.write_text("".join(records))
    corpus = build(toml({"species": "human", "transcripts": fasta}), out=tmp_path / "corpus")
    assert corpus.meta["by_species"]["human"]["dropped"] == {"identical_sequence": 20}
    assert corpus.meta["by_species"]["human"]["genes"] == 20
    assert not corpus.transcripts["gene_id"].str.contains("PAR_Y").any()


SOURCES = [nucleotides("AACCGGTT"), nucleotides("TTTTT")]
META = {"species": ["mouse", "human"]}


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


def test_codes_of_adjacent_rows(tmp_path: Path) -> None:
    steps: list[int] = []
    write(tmp_path, _table(), SOURCES, META, steps.append)
    written = np.fromfile(tmp_path / "codes.bin", np.uint8)
    assert written.tolist() == nucleotides("AA" + "CC" + "TTT" + "GGTT").tolist()
    assert sum(steps) == 4


def test_codes_between_rows_are_left_out(tmp_path: Path) -> None:
    table = _table().with_columns(source=0, start=pl.Series([0, 3, 4, 4]), length=pl.Series([1, 1, 3, 2]))
    write(tmp_path, table, SOURCES, META)
    written = np.fromfile(tmp_path / "codes.bin", np.uint8)
    assert written.tolist() == nucleotides("A" + "C" + "GGT" + "GG").tolist()


def test_index_rows() -> None:
    index = index_rows(_table().with_columns(offset=pl.Series([0, 2, 4, 7])), META["species"])
    assert index.dtype == INDEX_DTYPE
    assert index["gene_set"].tolist() == [0, 1, 0, 2]
    assert index["species"].tolist() == [1, 1, 0, 1]
    assert index["offset"].tolist() == [0, 2, 4, 7]
    assert index["cds_end"].tolist() == [-1, -1, 3, -1]


def test_corpus_json_counts_and_checksums(tmp_path: Path) -> None:
    write(tmp_path, _table(), SOURCES, META)
    meta = json.loads((tmp_path / "corpus.json").read_text())
    assert meta["counts"] == {"transcripts": 4, "gene_sets": 3, "nucleotides": 11}
    for name, facts in meta["files"].items():
        assert facts["sha256"] == sha256(tmp_path / name)
        assert facts["size"] == (tmp_path / name).stat().st_size
    assert set(meta["files"]) == {"codes.bin", "index.npy", "transcripts.parquet"}


def test_columns_of_the_transcript_table(tmp_path: Path) -> None:
    write(tmp_path, _table(), SOURCES, META)
    assert pl.read_parquet(tmp_path / "transcripts.parquet").columns == list(COLUMNS)
