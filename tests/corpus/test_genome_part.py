from pathlib import Path
from typing import Any

import pytest

from isoclr.corpus.codes import letters
from isoclr.corpus.coding import OrfCalling
from isoclr.corpus.genome_part import read_genome_part
from isoclr.corpus.part import Options, Part
from isoclr.errors import InputError

OPTIONS = Options(OrfCalling(True, 300), True, 12_288)


def _read(genome: Path, annotation: Path, options: Options = OPTIONS, threads: int = 1) -> Part:
    return read_genome_part(genome, [annotation], "human", options, threads, lambda *_: None)


def _line(chrom: str, start: int, end: int, name: str, strand: str = "+") -> str:
    return f'{chrom}\tx\texon\t{start}\t{end}\t.\t{strand}\t.\tgene_id "g{name}"; transcript_id "{name}";\n'


def _files(
    tmp_path: Path, *lines: str, genome: str = ">1\nACGTACGTAC\n>2\nGGGGG\n"
) -> tuple[Path, Path]:
    (tmp_path / "g.fa").write_text(genome)
    (tmp_path / "a.gtf").write_text("".join(lines))
    return tmp_path / "g.fa", tmp_path / "a.gtf"


def _sequences(part: Part) -> dict[str, str]:
    rows = part.table.select("transcript_id", "start", "length").iter_rows()
    return {name: letters(part.codes[start : start + length]) for name, start, length in rows}


def test_exons_are_joined_in_the_direction_of_transcription(tmp_path: Path) -> None:
    plus = _line("1", 8, 9, "p") + _line("1", 1, 3, "p")  # in any order
    minus = _line("1", 1, 3, "m", "-") + _line("1", 8, 9, "m", "-")
    abutting = _line("1", 4, 6, "a") + _line("1", 1, 3, "a")
    part = _read(*_files(tmp_path, plus, minus, abutting))
    assert _sequences(part) == {"p": "ACGTA", "m": "TACGT", "a": "ACGTAC"}
    assert part.table["exon_lengths"].to_list() == [[3, 2], [2, 3], [3, 3]]


def test_lower_case_and_ambiguous_bases(tmp_path: Path) -> None:
    files = _files(tmp_path, _line("1", 1, 6, "t", "-"), genome=">1\nacgRyN\n")
    assert _sequences(_read(*files)) == {"t": "NNNCGT"}


def test_an_exon_beyond_the_end_drops_its_transcript(tmp_path: Path) -> None:
    lines = (_line("1", 1, 10, "whole"), _line("1", 2, 3, "over") + _line("1", 9, 11, "over"))
    part = _read(*_files(tmp_path, *lines))
    assert list(_sequences(part)) == ["whole"]
    assert part.dropped == {"beyond_sequence_end": 1}


def test_a_chromosome_that_the_genome_lacks_is_counted(tmp_path: Path) -> None:
    part = _read(*_files(tmp_path, _line("1", 1, 4, "t"), _line("patch7", 1, 4, "u")))
    assert list(_sequences(part)) == ["t"]
    assert part.dropped == {"chromosome_not_in_genome": 1}
    assert part.facts["chromosomes_missing"] == ["patch7"]
    assert part.says == []


def test_other_names_of_chromosomes_are_found_and_said(tmp_path: Path) -> None:
    part = _read(*_files(tmp_path, _line("chr1", 1, 4, "t"), _line("chr2", 1, 4, "u")))
    assert _sequences(part) == {"t": "ACGT", "u": "GGGG"}
    assert part.facts["chromosomes_renamed"] == {"chr1": "1", "chr2": "2"}
    assert part.says == ["human: chromosome names of annotation = genome: chr1 = 1, chr2 = 2"]


def test_a_genome_of_another_species_is_refused(tmp_path: Path) -> None:
    files = _files(tmp_path, _line("scaffold_9", 1, 4, "t"))
    with pytest.raises(
        InputError, match=r"no sequence name in common, found 'scaffold_9' .* and '1'"
    ):
        _read(*files)


def test_a_structure_table_has_no_coordinates(tmp_path: Path) -> None:
    genome, _ = _files(tmp_path)
    table = tmp_path / "s.tsv"
    table.write_text("transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths\nt\t1\t3\t1\t3,2\n")
    with pytest.raises(InputError, match="no transcript with coordinates"):
        _read(genome, table)


def test_rows_are_by_chromosome_and_the_same_with_many_threads(world: Any) -> None:
    one, four = (_read(world.genome, world.annotation, threads=threads) for threads in (1, 4))
    assert one.table.equals(four.table)
    assert one.codes.tolist() == four.codes.tolist()
    assert one.table["sequence"].rle().len() == 2
    assert one.table["order"].to_list() == list(range(len(world.truth)))


def test_shards_take_their_place_in_the_whole(world: Any) -> None:
    whole = _read(world.genome, world.annotation)
    order: list[int] = []
    for number in (1, 2, 3):
        shard = Options(OPTIONS.calling, True, OPTIONS.max_length, (number, 3))
        part = _read(world.genome, world.annotation, shard)
        order += part.table["order"].to_list()
        assert part.records == whole.records
    assert sorted(order) == whole.table["order"].to_list()
