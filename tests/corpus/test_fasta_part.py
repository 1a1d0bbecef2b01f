from pathlib import Path
from typing import Any

import polars as pl
import pytest

from isoclr.corpus.coding import OrfCalling
from isoclr.corpus.fasta_part import read_fasta_part
from isoclr.corpus.part import Options, Part
from isoclr.errors import InputError

OPTIONS = Options(OrfCalling(True, 300), True, 12_288)


def _gtf(
    path: Path, *transcripts: tuple[str, int, tuple[int, int] | None], gene: str = "G.1"
) -> Path:
    lines = []
    for name, length, cds in transcripts:
        tail = f'gene_id "{gene}"; transcript_id "{name}"; gene_name "S";'
        lines.append(f"1\tx\texon\t11\t{10 + length - 4}\t.\t+\t.\t{tail}")
        lines.append(f"1\tx\texon\t101\t104\t.\t+\t.\t{tail}")
        if cds:
            lines.append(f"1\tx\tCDS\t{11 + cds[0]}\t{10 + cds[1]}\t.\t+\t0\t{tail}")
    path.write_text("\n".join(lines) + "\n")
    return path


def _read(tmp_path: Path, fasta: str, *annotation: Path) -> Part:
    file = tmp_path / "rna.fa"
    file.write_text(fasta)
    return read_fasta_part(file, annotation, "human", OPTIONS)


def _rows(part: Part) -> list[dict[str, Any]]:
    return part.table.rows(named=True)


@pytest.mark.parametrize(
    ("in_fasta", "in_annotation"),
    [
        ("ENST00000000001.2", "ENST00000000001.2"),
        ("ENST00000000001", "ENST00000000001.2"),
        ("ENST00000000001.2", "ENST00000000001"),
        ("ENST00000000001.2", "ENST00000000001.7"),
        ("NM_014028.3", "NM_014028"),
        ("AT1G01010.1", "AT1G01010.1"),
    ],
)
def test_ids_are_joined_with_and_without_version(
    in_fasta: str, in_annotation: str, tmp_path: Path
) -> None:
    gtf = _gtf(tmp_path / "a.gtf", ("other", 20, None), (in_annotation, 20, (3, 12)))
    (row,) = _rows(_read(tmp_path, f">{in_fasta}\n{'ACGT' * 5}\n", gtf))
    assert row["transcript_id"] == in_fasta
    assert row["exon_lengths"] == [16, 4]
    assert (row["cds_start"], row["cds_end"]) == (3, 12)
    assert (row["gene_id"], row["gene_symbol"]) == ("G.1", "S")


@pytest.mark.parametrize("name", ["AT1G01010.2", "Y74C9A.3.1"])
def test_a_dot_that_is_part_of_the_name_is_no_version(name: str, tmp_path: Path) -> None:
    gtf = _gtf(tmp_path / "a.gtf", (name[:-1] + "9", 20, (3, 12)))
    part = _read(tmp_path, f">{name}\n{'ACGT' * 5}\n>{name[:-1]}9\n{'CCGT' * 5}\n", gtf)
    assert part.noted == {"not_in_annotation": 1}
    assert part.table["cds_start"].to_list() == [-1, 3]


def test_an_annotation_of_other_transcripts_is_refused(tmp_path: Path) -> None:
    gtf = _gtf(tmp_path / "a.gtf", ("t", 20, (3, 12)))
    with pytest.raises(InputError, match=r"no transcript id in common, found 't' .* and 'u' in"):
        _read(tmp_path, f">u\n{'ACGT' * 5}\n", gtf)


def test_an_annotation_of_another_length_gives_names_but_no_tracks(tmp_path: Path) -> None:
    gtf = _gtf(tmp_path / "a.gtf", ("t", 20, (3, 12)), ("u", 20, None))
    part = _read(tmp_path, f">t\n{'ACGT' * 5}AAAA\n>u\n{'ACGT' * 6}\n", gtf)
    coding, without = _rows(part)
    assert coding["exon_lengths"] is None
    assert (coding["cds_start"], coding["cds_end"]) == (-1, -1)
    assert coding["gene_id"] == "G.1"
    assert not coding["no_cds"]  # it codes, we only do not know where
    assert without["no_cds"]
    assert part.noted == {"length_disagrees": 2}


def test_of_several_candidates_the_one_of_the_right_length(tmp_path: Path) -> None:
    first = _gtf(tmp_path / "a.gtf", ("NM_000001.2", 24, (0, 3)), gene="A")
    second = _gtf(tmp_path / "b.gtf", ("NM_000001.1", 20, (3, 12)), gene="B")
    part = _read(tmp_path, f">NM_000001.2\n{'ACGT' * 5}\n", first, second)
    (row,) = _rows(part)
    assert (row["gene_id"], row["cds_start"]) == ("B", 3)
    assert not part.noted


def test_the_first_annotation_wins_among_equals(tmp_path: Path) -> None:
    first = _gtf(tmp_path / "a.gtf", ("t", 20, (3, 12)), gene="A")
    second = _gtf(tmp_path / "b.gtf", ("t", 20, (0, 9)), ("u", 20, (0, 9)), gene="B")
    part = _read(tmp_path, f">t\n{'ACGT' * 5}\n>u\n{'CCGT' * 5}\n", first, second)
    assert part.table["gene_id"].to_list() == ["A", "B"]


def test_a_header_gives_what_the_annotation_does_not_say(tmp_path: Path) -> None:
    bed = tmp_path / "a.bed"
    bed.write_text("chr1\t100\t120\tt\t0\t+\t103\t112\t0\t2\t16,4,\t0,16,\n")
    fasta = f">t cdna gene:ENSG7 gene_symbol:SYM transcript_biotype:protein_coding\n{'ACGT' * 5}\n"
    (row,) = _rows(_read(tmp_path, fasta, bed))
    assert (row["gene_id"], row["gene_symbol"], row["biotype"]) == (
        "ENSG7",
        "SYM",
        "protein_coding",
    )
    assert (row["cds_start"], row["cds_end"]) == (3, 12)
    (bare,) = _rows(_read(tmp_path, f">t\n{'ACGT' * 5}\n", bed))
    assert bare["gene_id"] == "t"


def test_the_annotations_gene_wins_over_the_headers(tmp_path: Path) -> None:
    gtf = _gtf(tmp_path / "a.gtf", ("t", 20, None))
    (row,) = _rows(_read(tmp_path, f">t gene:OTHER\n{'ACGT' * 5}\n", gtf))
    assert row["gene_id"] == "G.1"


def test_a_headers_cds_counts_where_the_annotation_has_none(tmp_path: Path) -> None:
    header = "ENST00000000001.1|ENSG00000000001.1|-|-|S-1|S|20|UTR5:1-2|CDS:3-14|UTR3:15-20|"
    (row,) = _rows(_read(tmp_path, f">{header}\n{'ACGT' * 5}\n"))
    assert (row["cds_start"], row["cds_end"], row["gene_symbol"]) == (2, 14, "S")


def test_whom_an_annotation_knows_not_to_code(tmp_path: Path) -> None:
    fasta = f">t\n{'ACGT' * 5}\n>u\n{'CCGT' * 5}\n>v\n{'GCGT' * 5}\n"
    marks = _gtf(tmp_path / "a.gtf", ("t", 20, (3, 12)), ("u", 20, None))
    assert _read(tmp_path, fasta, marks).table["no_cds"].to_list() == [False, True, False]
    marks_none = _gtf(tmp_path / "b.gtf", ("t", 20, None), ("u", 20, None))
    assert _read(tmp_path, fasta, marks_none).table["no_cds"].to_list() == [False, False, False]
    table = tmp_path / "s.tsv"
    table.write_text(
        "transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths\nt\t3\t9\t8\t16,4\nu\t\t\t\t16,4\n"
    )
    part = _read(tmp_path, fasta, table)  # an empty cell of a structure table means unknown
    assert part.table["no_cds"].to_list() == [False, False, False]
    assert part.table["exon_lengths"].to_list() == [[16, 4], [16, 4], None]


def test_places_and_lengths_point_into_the_codes(tmp_path: Path) -> None:
    part = _read(tmp_path, ">a\nAC\n>b\nGGG\n>c\nTTTT\n")
    assert part.table.select("order", "start", "length").rows() == [(0, 0, 2), (1, 2, 3), (2, 5, 4)]
    assert part.codes.tolist() == [0, 1, 2, 2, 2, 3, 3, 3, 3]
    assert part.codes.flags.writeable
    assert part.records == 3
    assert isinstance(part.table, pl.DataFrame)
