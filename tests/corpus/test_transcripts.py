from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from isoclr.corpus.inputs import BuildConfig, Input
from isoclr.corpus.transcripts import COLUMNS, TranscriptTable, read_fasta, read_genome, read_input
from isoclr.errors import InputError
from isoclr.genomics.encoding import CODON_START, EXON_END, letters

CONFIG = BuildConfig()


def _gtf(path: Path, *transcripts: tuple[str, int, tuple[int, int] | None], gene: str = "G.1") -> Path:
    lines = []
    for name, length, cds in transcripts:
        tail = f'gene_id "{gene}"; transcript_id "{name}"; gene_name "S";'
        lines.append(f"1\tx\texon\t11\t{10 + length - 4}\t.\t+\t.\t{tail}")
        lines.append(f"1\tx\texon\t101\t104\t.\t+\t.\t{tail}")
        if cds:
            lines.append(f"1\tx\tCDS\t{11 + cds[0]}\t{10 + cds[1]}\t.\t+\t0\t{tail}")
    path.write_text("\n".join(lines) + "\n")
    return path


def _read(tmp_path: Path, fasta: str, *annotation: Path) -> TranscriptTable:
    file = tmp_path / "rna.fa"
    file.write_text(fasta)
    return read_fasta(file, annotation, CONFIG)


def _rows(part: TranscriptTable) -> list[dict[str, Any]]:
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
def test_versions_of_ids(in_fasta: str, in_annotation: str, tmp_path: Path) -> None:
    gtf = _gtf(tmp_path / "a.gtf", ("other", 20, None), (in_annotation, 20, (3, 12)))
    (row,) = _rows(_read(tmp_path, f">{in_fasta}\n{'ACGT' * 5}\n", gtf))
    assert row["transcript_id"] == in_fasta
    assert row["exon_lengths"] == [16, 4]
    assert (row["cds_start"], row["cds_end"]) == (3, 12)
    assert (row["gene_id"], row["gene_symbol"]) == ("G.1", "S")


@pytest.mark.parametrize("name", ["AT1G01010.2", "Y74C9A.3.1"])
def test_dot_in_a_name_is_not_a_version(name: str, tmp_path: Path) -> None:
    gtf = _gtf(tmp_path / "a.gtf", (name[:-1] + "9", 20, (3, 12)))
    part = _read(tmp_path, f">{name}\n{'ACGT' * 5}\n>{name[:-1]}9\n{'CCGT' * 5}\n", gtf)
    assert part.noted == {"not_in_annotation": 1}
    assert part.table["cds_start"].to_list() == [-1, 3]


def test_annotation_of_other_transcripts(tmp_path: Path) -> None:
    gtf = _gtf(tmp_path / "a.gtf", ("t", 20, (3, 12)))
    with pytest.raises(InputError, match=r"no transcript id in common, found 't' .* and 'u' in"):
        _read(tmp_path, f">u\n{'ACGT' * 5}\n", gtf)


def test_annotation_of_another_length(tmp_path: Path) -> None:
    gtf = _gtf(tmp_path / "a.gtf", ("t", 20, (3, 12)), ("u", 20, None))
    part = _read(tmp_path, f">t\n{'ACGT' * 5}AAAC\n>u\n{'ACGT' * 6}\n", gtf)
    coding, without = _rows(part)
    assert coding["exon_lengths"] is None
    assert (coding["cds_start"], coding["cds_end"]) == (-1, -1)
    assert coding["gene_id"] == "G.1"
    assert not coding["no_cds"]  # it codes, we only do not know where
    assert without["no_cds"]
    assert part.noted == {"length_disagrees": 2}


def test_poly_a_tail_beyond_the_annotation(tmp_path: Path) -> None:
    gtf = _gtf(tmp_path / "a.gtf", *((name, 20, (3, 12)) for name in "tuvwx"))
    longer = _gtf(tmp_path / "b.gtf", ("w", 22, (3, 15)))
    sequences = {
        "t": "ACGT" * 5 + "A" * 30,
        "u": "ACGT" * 4 + "ACAA" + "AAA",
        "v": "ACGT" * 5 + "CAA",
        "w": "ACGT" * 5 + "AA",
    }
    fasta = "".join(f">{name}\n{sequence}\n" for name, sequence in {**sequences, "x": "ACGT" * 4 + "AC"}.items())
    part = _read(tmp_path, fasta, gtf, longer)
    assert part.table["exon_lengths"].to_list() == [[16, 34], [16, 7], None, [18, 4], None]
    assert part.table["cds_start"].to_list() == [3, 3, -1, 3, -1]
    assert part.table["cds_end"].to_list() == [12, 12, -1, 15, -1]  # of the same length, not the tail's
    assert part.noted == {"poly_a_tail": 2, "length_disagrees": 2}
    assert part.first_noted["poly_a_tail"] == "t"


def test_match_by_length(tmp_path: Path) -> None:
    first = _gtf(tmp_path / "a.gtf", ("NM_000001.2", 24, (0, 3)), gene="A")
    second = _gtf(tmp_path / "b.gtf", ("NM_000001.1", 20, (3, 12)), gene="B")
    part = _read(tmp_path, f">NM_000001.2\n{'ACGT' * 5}\n", first, second)
    (row,) = _rows(part)
    assert (row["gene_id"], row["cds_start"]) == ("B", 3)
    assert not part.noted


def test_first_annotation_takes_precedence(tmp_path: Path) -> None:
    first = _gtf(tmp_path / "a.gtf", ("t", 20, (3, 12)), gene="A")
    second = _gtf(tmp_path / "b.gtf", ("t", 20, (0, 9)), ("u", 20, (0, 9)), gene="B")
    part = _read(tmp_path, f">t\n{'ACGT' * 5}\n>u\n{'CCGT' * 5}\n", first, second)
    assert part.table["gene_id"].to_list() == ["A", "B"]


def test_header_completes_the_annotation(tmp_path: Path) -> None:
    bed = tmp_path / "a.bed"
    bed.write_text("chr1\t100\t120\tt\t0\t+\t103\t112\t0\t2\t16,4,\t0,16,\n")
    fasta = f">t cdna gene:ENSG7 gene_symbol:SYM transcript_biotype:protein_coding\n{'ACGT' * 5}\n"
    (row,) = _rows(_read(tmp_path, fasta, bed))
    assert (row["gene_id"], row["gene_symbol"], row["biotype"]) == ("ENSG7", "SYM", "protein_coding")
    assert (row["cds_start"], row["cds_end"]) == (3, 12)
    (bare,) = _rows(_read(tmp_path, f">t\n{'ACGT' * 5}\n", bed))
    assert bare["gene_id"] == "t"


def test_gene_of_the_annotation_takes_precedence(tmp_path: Path) -> None:
    gtf = _gtf(tmp_path / "a.gtf", ("t", 20, None))
    (row,) = _rows(_read(tmp_path, f">t gene:OTHER\n{'ACGT' * 5}\n", gtf))
    assert row["gene_id"] == "G.1"


def test_a_symbol_as_gene_id_yields_to_the_headers_gene(tmp_path: Path) -> None:
    table = tmp_path / "refFlat.txt"
    table.write_text("SYM\tt\tchr1\t+\t100\t120\t103\t112\t2\t100,116,\t116,120,\n")
    (row,) = _rows(_read(tmp_path, f">t gene:ENSG7\n{'ACGT' * 5}\n", table))
    assert (row["gene_id"], row["gene_symbol"], row["exon_lengths"]) == ("ENSG7", "SYM", [16, 4])
    (row,) = _rows(_read(tmp_path, f">t gene:ENSG7 gene_symbol:NEW\n{'ACGT' * 5}\n", table))
    assert (row["gene_id"], row["gene_symbol"], row["exon_lengths"]) == ("ENSG7", "NEW", [16, 4])
    (row,) = _rows(_read(tmp_path, f">t\n{'ACGT' * 5}\n", table))
    assert (row["gene_id"], row["gene_symbol"]) == ("SYM", "SYM")


def test_cds_of_the_header(tmp_path: Path) -> None:
    header = "ENST00000000001.1|ENSG00000000001.1|-|-|S-1|S|20|UTR5:1-2|CDS:3-14|UTR3:15-20|"
    (row,) = _rows(_read(tmp_path, f">{header}\n{'ACGT' * 5}\n"))
    assert (row["cds_start"], row["cds_end"], row["gene_symbol"]) == (2, 14, "S")


def test_noncoding_by_annotation(tmp_path: Path) -> None:
    fasta = f">t\n{'ACGT' * 5}\n>u\n{'CCGT' * 5}\n>v\n{'GCGT' * 5}\n"
    marks = _gtf(tmp_path / "a.gtf", ("t", 20, (3, 12)), ("u", 20, None))
    assert _read(tmp_path, fasta, marks).table["no_cds"].to_list() == [False, True, False]
    marks_none = _gtf(tmp_path / "b.gtf", ("t", 20, None), ("u", 20, None))
    assert _read(tmp_path, fasta, marks_none).table["no_cds"].to_list() == [False, False, False]
    table = tmp_path / "s.tsv"
    table.write_text("transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths\nt\t3\t9\t8\t16,4\nu\t\t\t\t16,4\n")
    part = _read(tmp_path, fasta, table)  # an empty cell of a structure table means unknown
    assert part.table["no_cds"].to_list() == [False, False, False]
    assert part.table["exon_lengths"].to_list() == [[16, 4], [16, 4], None]


def test_noncoding_by_one_of_two_annotations_of_a_genome(tmp_path: Path) -> None:
    marks = _gtf(tmp_path / "a.gtf", ("t", 20, (3, 12)), ("u", 20, None))
    marks_none = _gtf(tmp_path / "b.gtf", ("v", 20, None))
    genome = tmp_path / "genome.fa"
    genome.write_text(f">1\n{'ACGT' * 50}\n")
    table = read_genome(genome, [marks, marks_none], "human", CONFIG, 1, lambda *_: None).table
    assert dict(table.select("transcript_id", "no_cds").iter_rows()) == {"t": False, "u": True, "v": False}


def test_places_and_lengths_point_into_the_codes(tmp_path: Path) -> None:
    part = _read(tmp_path, ">a\nAC\n>b\nGGG\n>c\nTTTT\n")
    assert part.table.select("order", "start", "length").rows() == [(0, 0, 2), (1, 2, 3), (2, 5, 4)]
    assert part.codes.tolist() == [0, 1, 2, 2, 2, 3, 3, 3, 3]
    assert part.codes.flags.writeable
    assert part.records == 3
    assert isinstance(part.table, pl.DataFrame)


def _read_genome(genome: Path, annotation: Path, config: BuildConfig = CONFIG, threads: int = 1) -> TranscriptTable:
    return read_genome(genome, [annotation], "human", config, threads, lambda *_: None)


def _line(chrom: str, start: int, end: int, name: str, strand: str = "+") -> str:
    return f'{chrom}\tx\texon\t{start}\t{end}\t.\t{strand}\t.\tgene_id "g{name}"; transcript_id "{name}";\n'


def _files(tmp_path: Path, *lines: str, genome: str = ">1\nACGTACGTAC\n>2\nGGGGG\n") -> tuple[Path, Path]:
    (tmp_path / "g.fa").write_text(genome)
    (tmp_path / "a.gtf").write_text("".join(lines))
    return tmp_path / "g.fa", tmp_path / "a.gtf"


def _sequences(part: TranscriptTable) -> dict[str, str]:
    rows = part.table.select("transcript_id", "start", "length").iter_rows()
    return {name: letters(part.codes[start : start + length]) for name, start, length in rows}


def test_splicing_on_both_strands(tmp_path: Path) -> None:
    plus = _line("1", 8, 9, "p") + _line("1", 1, 3, "p")  # in any order
    minus = _line("1", 1, 3, "m", "-") + _line("1", 8, 9, "m", "-")
    abutting = _line("1", 4, 6, "a") + _line("1", 1, 3, "a")
    part = _read_genome(*_files(tmp_path, plus, minus, abutting))
    assert _sequences(part) == {"p": "ACGTA", "m": "TACGT", "a": "ACGTAC"}
    assert part.table["exon_lengths"].to_list() == [[3, 2], [2, 3], [3, 3]]


def test_lower_case_and_ambiguous_bases(tmp_path: Path) -> None:
    files = _files(tmp_path, _line("1", 1, 6, "t", "-"), genome=">1\nacgRyN\n")
    assert _sequences(_read_genome(*files)) == {"t": "NNNCGT"}


def test_exon_beyond_the_chromosome(tmp_path: Path) -> None:
    lines = (_line("1", 1, 10, "whole"), _line("1", 2, 3, "over") + _line("1", 9, 11, "over"))
    part = _read_genome(*_files(tmp_path, *lines))
    assert list(_sequences(part)) == ["whole"]
    assert part.dropped == {"beyond_sequence_end": 1}


def test_missing_chromosome(tmp_path: Path) -> None:
    part = _read_genome(*_files(tmp_path, _line("1", 1, 4, "t"), _line("patch7", 1, 4, "u")))
    assert list(_sequences(part)) == ["t"]
    assert part.dropped == {"chromosome_not_in_genome": 1}
    assert part.metadata["chromosomes_missing"] == ["patch7"]
    assert part.messages == []


def test_renamed_chromosomes(tmp_path: Path) -> None:
    part = _read_genome(*_files(tmp_path, _line("chr1", 1, 4, "t"), _line("chr2", 1, 4, "u")))
    assert _sequences(part) == {"t": "ACGT", "u": "GGGG"}
    assert part.metadata["chromosomes_renamed"] == {"chr1": "1", "chr2": "2"}
    assert part.messages == ["human: chromosome names of annotation = genome: chr1 = 1, chr2 = 2"]


def test_genome_of_another_species(tmp_path: Path) -> None:
    files = _files(tmp_path, _line("scaffold_9", 1, 4, "t"))
    with pytest.raises(InputError, match=r"no sequence name in common, found 'scaffold_9' .* and '1'"):
        _read_genome(*files)


def test_structure_table_with_genome(tmp_path: Path) -> None:
    genome, _ = _files(tmp_path)
    table = tmp_path / "s.tsv"
    table.write_text("transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths\nt\t1\t3\t1\t3,2\n")
    with pytest.raises(InputError, match="no transcript with coordinates"):
        _read_genome(genome, table)


def test_same_rows_with_any_number_of_threads(world: Any) -> None:
    one, four = (_read_genome(world.genome, world.annotation, threads=threads) for threads in (1, 4))
    assert one.table.equals(four.table)
    assert one.codes.tolist() == four.codes.tolist()
    assert one.table["sequence"].rle().len() == 2
    assert one.table["order"].to_list() == list(range(len(world.truth)))


def _part(lengths: list[int], genes: list[str] | None = None) -> TranscriptTable:
    ids = [f"t{i}" for i in range(len(lengths))]
    table = pl.DataFrame({"transcript_id": ids, "length": lengths, "gene_id": genes or ids})
    return TranscriptTable(table, np.empty(0, np.uint8), len(lengths))


def test_empty_and_too_long_transcripts() -> None:
    part = _part([0, 1, 100, 101, 500])
    part.drop_by_length(100)
    assert part.table["length"].to_list() == [1, 100]
    assert part.dropped == {"empty": 1, "longer_than_max_length": 2}


def test_unknown_length() -> None:
    part = _part([5, 6])
    part.table = part.table.with_columns(length=pl.Series([5, None]))
    part.drop_by_length(100)
    assert part.table.height + sum(part.dropped.values()) == 2


def test_note() -> None:
    part = _part([1, 2, 3])
    part.note(pl.col("length") > 1, "odd")
    part.note(pl.col("length") > 9, "never")
    assert part.noted == {"odd": 2}
    assert part.first_noted == {"odd": "t1"}
    assert part.table.height == 3


@pytest.mark.parametrize("kind", ["genome", "transcripts"])
def test_transcripts_of_n_alone_are_dropped(tmp_path: Path, kind: str) -> None:
    lines = (_line("1", 1, 3, "n"), _line("1", 2, 5, "t"), _line("1", 1, 3, "m"), _line("2", 1, 2, "end"))
    genome, annotation = _files(tmp_path, *lines, genome=">1\nnNnAC\n>2\nNN\n")
    (tmp_path / "t.fa").write_text(">n\nNNN\n>t\nNNAC\n>m\nNNN\n>end\nNN\n")
    source = {"genome": (None, genome), "transcripts": (tmp_path / "t.fa", None)}[kind]
    part = read_input(Input("human", *source, (annotation,)), CONFIG, 1, lambda *_: None)
    assert part.table["transcript_id"].to_list() == ["t"]
    assert part.dropped == {"no_known_base": 3}
    kept = read_input(Input("human", *source, (annotation,)), CONFIG, 1, lambda *_: None, keep_unknown=True)
    assert kept.table.height == 4


STOP_INSIDE, KEPT_START = "TGTTAACCC", "ATGTAACCC"  # the second as in a ciliate, where TAA is no stop


@pytest.mark.parametrize(
    ("kinds", "chrom", "refused"),
    [
        ([STOP_INSIDE] * 3 + ["TGTCCCCCC"] * 7, "1", True),
        ([STOP_INSIDE] * 5 + ["TGTCCCCCC"] * 15, "1", False),  # a quarter
        ([STOP_INSIDE] * 9, "1", False),  # too few
        ([KEPT_START] * 20, "1", False),
        ([STOP_INSIDE] * 20, "MT", False),
    ],
)
def test_annotation_of_another_assembly(tmp_path: Path, kinds: list[str], chrom: str, refused: bool) -> None:
    lines = []
    for i in range(len(kinds)):
        line = _line(chrom, 9 * i + 1, 9 * i + 9, f"t{i}")
        lines += [line, line.replace("\texon\t", "\tCDS\t")]
    genome, annotation = _files(tmp_path, *lines, genome=f">{chrom}\n{''.join(kinds)}\n")
    source = Input("human", None, genome, (annotation,))
    if refused:
        with pytest.raises(InputError, match="3 of 10 annotated coding sequences have a stop codon inside and no AUG"):
            read_input(source, CONFIG, 1, lambda *_: None)
    else:
        part = read_input(source, CONFIG, 1, lambda *_: None)
        assert part.noted == {"inner_stop_codon": sum("TAA" in one for one in kinds)}


@pytest.mark.parametrize("kind", ["genome", "transcripts"])
def test_read_input(world: Any, kind: str) -> None:
    paths: dict[str, Path | None] = {"genome": None, "transcripts": None}
    paths[kind] = getattr(world, kind)
    steps: list[tuple[int, int]] = []
    source = Input("human", paths["transcripts"], paths["genome"], (world.annotation,))
    part = read_input(source, BuildConfig(orf=False), 2, lambda *step: steps.append(step))
    assert part.table.columns == list(COLUMNS)
    assert sum(done for done, _ in steps) == len(world.truth) == steps[-1][1]
    truth = {one.transcript_id: one for one in world.truth}
    for row in part.table.rows(named=True):
        codes = part.codes[row["start"] : row["start"] + row["length"]]
        one = truth[row["transcript_id"]]
        assert letters(codes) == one.sequence
        assert np.flatnonzero(codes & CODON_START).tolist() == one.codon_starts
        assert np.flatnonzero(codes & EXON_END).tolist() == one.exon_ends
        assert (row["species"], row["n_exons"]) == ("human", len(one.exon_ends))


def test_known_noncoding_rnas_get_no_orf(tmp_path: Path) -> None:
    fasta = tmp_path / "rna.fa"
    names = [
        "mrna gene:ENSG00000000001.7",
        "lnc gene:ENSG00000000002.3",  # only the table of genes knows
        "own gene:ENSG00000000002 transcript_biotype:protein_coding",
        "type gene:ENSG00000000001 transcript_biotype:lncRNA",
        "NR_046018.2",
        "ENST00000000009.1 ncrna",
        "alone",
    ]
    fasta.write_text("".join(f">{name}\nATGAAATAA{'C' * i}\n" for i, name in enumerate(names)))
    genes = pl.DataFrame(
        [("ENSG00000000002", ""), ("ENSG00000000002", "lncRNA"), ("ENSG00000000001", "x")],
        schema=["gene_id", "biotype"],
        orient="row",
    )
    config = BuildConfig(orf_min_length=9)
    source = Input("human", fasta, None, ())
    with_table = read_input(source, config, 1, lambda *_: None, genes).table
    orf, none = "orf", "none"
    assert with_table["cds_source"].to_list() == [orf, none, orf, none, none, none, orf]
    assert with_table["biotype"].to_list() == ["x", "lncRNA", "protein_coding", "lncRNA", "", "ncRNA", ""]
    without = read_input(source, config, 1, lambda *_: None).table
    assert without["cds_source"].to_list() == [orf, orf, orf, none, none, none, orf]
