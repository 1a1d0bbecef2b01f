import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from isoclr._io import sha256
from isoclr.cli import main
from isoclr.corpus.build import build
from isoclr.corpus.corpus import COLUMNS, FILES, INDEX_DTYPE, Corpus, open_corpus
from isoclr.corpus.write import drop_duplicates, index_rows, merge, write
from isoclr.errors import InputError
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


def _shards(inputs: tuple[Path, ...], folder: Path, of: int, **options: Any) -> list[Path]:
    return [build(inputs, out=folder / f"s{i}", shard=f"{i}/{of}", **options).path for i in range(1, of + 1)]


@pytest.mark.parametrize("of", [1, 3])
def test_merged_shards_equal_the_whole(inputs: tuple[Path, ...], tmp_path: Path, of: int) -> None:
    whole = build(inputs, out=tmp_path / "whole", max_length=200)
    dropped = whole.meta["by_species"]["human"]["dropped"]
    assert dropped.keys() == {"duplicate_id", "identical_sequence", "longer_than_max_length"}
    shards = _shards(inputs, tmp_path, of, max_length=200)
    genes = [set(Corpus(shard).transcripts.select("species", "gene_set").iter_rows()) for shard in shards]
    assert all(genes)
    assert sum(map(len, genes)) == len(set.union(*genes))  # the isoforms of a gene share a shard
    merged = merge(tuple(reversed(shards)), out=tmp_path / "merged")
    for name in FILES:
        assert (merged.path / name).read_bytes() == (whole.path / name).read_bytes(), name


def test_pseudoautosomal_gene_copies_share_a_shard(toml: Any, tmp_path: Path) -> None:
    fasta = tmp_path / "par.fa"
    records = [
        f">ENST{i:011d}.1{mark} gene:ENSG{i:011d}.2{mark}\n{'ACGT' * (i + 1)}\n"
        for mark in ("", "_PAR_Y")
        for i in range(20)
    ]
    fasta.write_text("".join(records))
    inputs = toml({"species": "human", "transcripts": fasta})
    whole = build(inputs, out=tmp_path / "whole")
    assert whole.meta["by_species"]["human"]["dropped"] == {"identical_sequence": 20}
    assert whole.meta["by_species"]["human"]["genes"] == 20
    assert not whole.transcripts["gene_id"].str.contains("PAR_Y").any()
    shards = _shards(inputs, tmp_path, 3)
    names = [set(Corpus(shard).transcripts["gene_set"]) for shard in shards]
    assert [len(shard) for shard in map(Corpus, shards)] == [2 * len(each) for each in names]
    merged = merge(tuple(shards), out=tmp_path / "merged")
    for name in FILES:
        assert (merged.path / name).read_bytes() == (whole.path / name).read_bytes(), name


@pytest.fixture
def few(toml: Any, tmp_path: Path) -> tuple[Path, ...]:
    """One input of three genes."""
    (tmp_path / "few.fa").write_text(">t\nATGAAATAACC\n>u\nGGGTTT\n>v\nGG\n")
    return toml({"species": "human", "transcripts": tmp_path / "few.fa"})  # type: ignore[no-any-return]


def test_merge_with_empty_shards(few: tuple[Path, ...], tmp_path: Path) -> None:
    shards = _shards(few, tmp_path, 5)
    assert not all(len(Corpus(shard)) for shard in shards)
    whole, merged = build(few, out=tmp_path / "whole"), merge(tuple(shards), out=tmp_path / "merged")
    for name in FILES:
        assert (merged.path / name).read_bytes() == (whole.path / name).read_bytes(), name


def test_shards_of_different_builds(few: tuple[Path, ...], world: Any, toml: Any, tmp_path: Path) -> None:
    one, two = _shards(few, tmp_path, 2)
    with pytest.raises(InputError, match=r"of its shards 2/2 not given"):
        merge((one,), out=tmp_path / "c")
    with pytest.raises(InputError, match=r"shard 1/2 again"):
        merge((one, one, two), out=tmp_path / "c")
    other = build(few, out=tmp_path / "o", shard="2/2", max_length=99).path
    with pytest.raises(InputError, match="another options than"):
        merge((one, other), out=tmp_path / "c")
    third = build(few, out=tmp_path / "t", shard="3/3").path
    with pytest.raises(InputError, match="shard 3/3, expected one of 2"):
        merge((one, two, third), out=tmp_path / "c")
    other_inputs = toml({"species": "human", "transcripts": world.transcripts})
    less = build(other_inputs, out=tmp_path / "l", shard="2/2").path
    with pytest.raises(InputError, match="not shards of one build"):
        merge((one, less), out=tmp_path / "c")
    whole = build(few, out=tmp_path / "w").path
    with pytest.raises(InputError, match="a whole corpus, expected one from"):
        merge((whole,), out=tmp_path / "c")
    with pytest.raises(InputError, match="no shards given"):
        merge((), out=tmp_path / "c")
    with pytest.raises(InputError, match="exists already"):
        merge((one, two), out=whole)
    assert not (tmp_path / "c").exists()


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
    index = index_rows(_table().with_columns(offset=pl.Series([0, 2, 4, 7])), META["species"] or [])
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
    write(tmp_path, _table(), SOURCES, META | {"shard": [1, 2]})
    assert pl.read_parquet(tmp_path / "transcripts.parquet")["order"].to_list() == [0, 3, 4, 9]


def test_empty_shard(tmp_path: Path) -> None:
    write(tmp_path, _table().clear(), SOURCES, META | {"shard": [1, 2]})
    assert (tmp_path / "codes.bin").stat().st_size == 0
    counts = json.loads((tmp_path / "corpus.json").read_text())["counts"]
    assert counts == {"transcripts": 0, "gene_sets": 0, "nucleotides": 0}


def test_merge_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
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
