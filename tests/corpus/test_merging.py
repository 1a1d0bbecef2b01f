from pathlib import Path
from typing import Any

import pytest

from isoclr.corpus import Corpus, build, merge
from isoclr.errors import InputError


@pytest.fixture
def words(world: Any, tmp_path: Path) -> tuple[str, ...]:
    """Three inputs with ids and sequences that are in several of them, some under other genes."""
    again = tmp_path / "again.fa"
    with again.open("w") as stream:
        for i, one in enumerate(world.truth):
            other = world.truth[i - i % 3]
            gene = other.gene_id if i % 4 else one.gene_id
            name = f"copy{i}" if i % 2 else one.transcript_id
            stream.write(f">{name} gene:{gene}\n{other.sequence}\n")
    return (
        f"species=human,genome={world.genome},annotation={world.annotation}",
        f"species=human,transcripts={again}",
        f"species=mouse,transcripts={world.transcripts},annotation={world.annotation}",
    )


def _shards(words: tuple[str, ...], folder: Path, of: int, **options: Any) -> list[Path]:
    return [
        build(out=folder / f"s{i}", input=words, shard=f"{i}/{of}", **options).path
        for i in range(1, of + 1)
    ]


@pytest.mark.parametrize("of", [1, 3, 16])
def test_shards_merge_to_the_very_bytes_of_the_whole(
    words: tuple[str, ...], tmp_path: Path, of: int
) -> None:
    whole = build(out=tmp_path / "whole", input=words, max_length=400)
    dropped = whole.meta["by_species"]["human"]["dropped"]
    assert dropped["duplicate_id"] > 0
    assert dropped["identical_sequence"] > 0
    shards = _shards(words, tmp_path, of, max_length=400)
    assert of < 16 or any(not len(Corpus(shard)) for shard in shards)  # an empty one is no trouble
    merged = merge(tuple(reversed(shards)), out=tmp_path / "merged")
    for name in ("codes.bin", "index.npy", "transcripts.parquet", "corpus.json"):
        assert (merged.path / name).read_bytes() == (whole.path / name).read_bytes(), name


def test_both_copies_of_a_pseudo_autosomal_gene_are_in_one_shard_and_kept_once(
    tmp_path: Path,
) -> None:
    fasta = tmp_path / "par.fa"
    records = [
        f">ENST{i:011d}.1{mark} gene:ENSG{i:011d}.2{mark}\n{'ACGT' * (i + 1)}\n"
        for mark in ("", "_PAR_Y")
        for i in range(20)
    ]
    fasta.write_text("".join(records))
    words = (f"species=human,transcripts={fasta}",)
    whole = build(out=tmp_path / "whole", input=words)
    assert whole.meta["by_species"]["human"]["dropped"] == {"identical_sequence": 20}
    assert whole.meta["by_species"]["human"]["genes"] == 20
    assert not whole.transcripts["gene_id"].str.contains("PAR_Y").any()
    shards = _shards(words, tmp_path, 3)
    names = [set(Corpus(shard).transcripts["gene_set"]) for shard in shards]
    assert [len(shard) for shard in map(Corpus, shards)] == [2 * len(each) for each in names]
    merged = merge(tuple(shards), out=tmp_path / "merged")
    for name in ("codes.bin", "index.npy", "transcripts.parquet", "corpus.json"):
        assert (merged.path / name).read_bytes() == (whole.path / name).read_bytes(), name


def test_isoforms_of_a_gene_are_in_one_shard(words: tuple[str, ...], tmp_path: Path) -> None:
    genes = [
        set(Corpus(path).transcripts.select("species", "gene_set").iter_rows())
        for path in _shards(words, tmp_path, 2)
    ]
    assert genes[0]
    assert genes[1]
    assert not genes[0] & genes[1]


def test_shards_that_do_not_belong_together(words: tuple[str, ...], tmp_path: Path) -> None:
    one, two = _shards(words, tmp_path, 2)
    with pytest.raises(InputError, match=r"of its shards 2/2 not given"):
        merge((one,), out=tmp_path / "c")
    with pytest.raises(InputError, match=r"shard 1/2 again"):
        merge((one, one, two), out=tmp_path / "c")
    other = build(out=tmp_path / "o", input=words, shard="2/2", max_length=99).path
    with pytest.raises(InputError, match="another options than"):
        merge((one, other), out=tmp_path / "c")
    third = build(out=tmp_path / "t", input=words, shard="3/3").path
    with pytest.raises(InputError, match="shard 3/3, expected one of 2"):
        merge((one, two, third), out=tmp_path / "c")
    less = build(out=tmp_path / "l", input=words[:1], shard="2/2").path
    with pytest.raises(InputError, match="not shards of one build"):
        merge((one, less), out=tmp_path / "c")
    whole = build(out=tmp_path / "w", input=words).path
    with pytest.raises(InputError, match="a whole corpus, expected one that"):
        merge((whole,), out=tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_merge_needs_shards_and_a_free_name(words: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no shards given"):
        merge((), out=tmp_path / "c")
    shards = _shards(words, tmp_path, 1)
    with pytest.raises(InputError, match="exists already"):
        merge(tuple(shards), out=shards[0])
