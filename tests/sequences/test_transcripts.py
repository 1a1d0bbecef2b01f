from pathlib import Path

import numpy as np
import pytest

from isoclr.corpus.codes import letters
from isoclr.errors import InputError
from isoclr.sequences import Transcripts, read_transcripts


def read(tmp_path: Path, text: str) -> Transcripts:
    path = tmp_path / "t.fa"
    path.write_text(text)
    return read_transcripts(path)


def test_records_in_the_files_order(tmp_path: Path) -> None:
    found = read(tmp_path, ">b gene:g1 gene_symbol:S\nACGU\nac\n>a\nNRT\n")
    assert found.table["transcript_id"].to_list() == ["b", "a"]
    assert found.table["gene_id"].to_list() == ["g1", ""]
    assert found.table.columns == [
        "transcript_id", "gene_id", "gene_symbol", "biotype", "cds_start", "cds_end",
    ]  # fmt: skip
    assert found.offsets.tolist() == [0, 6, 9]
    assert found.offsets.dtype == np.int64
    assert [letters(found.codes_of(i)) for i in range(len(found))] == ["ACGTAC", "NNT"]
    assert found.codes.flags.writeable
    assert not found.dropped


def test_duplicates_and_empty_records_are_dropped_and_counted(tmp_path: Path) -> None:
    found = read(tmp_path, ">a\nAC\n>b\n>a again\nA\nC\n>c\nGG\n>a\nTT\n>b\nA\n>a.1\nAC\n>d\n")
    assert found.table["transcript_id"].to_list() == ["a", "c", "b", "a.1"]
    assert [letters(found.codes_of(i)) for i in range(4)] == ["AC", "GG", "A", "AC"]
    assert found.dropped == {"empty_sequence": 2, "duplicate_record": 1, "duplicate_id": 1}


def test_header_cds(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        ">t1|g|-|-|n|s|12|UTR5:1-3|CDS:4-12|protein_coding|\nGGGATGAAATAA\n"
        ">t2|g|-|-|n|s|6|CDS:4-12|protein_coding|\nGGGATG\n",
    )
    assert found.table.select("cds_start", "cds_end").rows() == [(3, 12), (-1, -1)]
    assert found.dropped == {"cds_outside_sequence": 1}


@pytest.mark.parametrize(
    ("cds", "phase"),
    [
        ("ATGTAAAAATAG", 0),  # a start codon settles it, whatever follows (selenocysteine)
        ("CCCGAAAAATAG", 0),
        ("CTAACCCCCAGTGA", 2),  # the frame that ends in the stop codon, though frame 0 has none
        ("TAAGTGCATTTTAG", 2),
        ("CTGAGCCTAGCATAA", 0),
    ],
)
def test_frame_of_a_cds_that_is_incomplete_at_its_start(
    tmp_path: Path, cds: str, phase: int
) -> None:
    n = len(cds)
    found = read(
        tmp_path, f">t|g|-|-|n|s|{n + 2}|CDS:1-{n}|UTR3:{n + 1}-{n + 2}|protein_coding|\n{cds}CC\n"
    )
    assert found.table.select("cds_start", "cds_end").row(0) == (phase, n)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (">a\n>b\n", "none of its 2 records has a sequence"),
        (">a\nA\n> \nC\n", "a record has no name"),
    ],
)
def test_nothing_to_read(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)


@pytest.mark.realdata
def test_real_transcripts(real_data: Path) -> None:
    counts = {"human_chr19.cdna": 11_470, "human_refseq": 4_000, "mouse_more": 1_020, "fly": 2_100}
    for name, count in counts.items():
        found = read_transcripts(real_data / f"transcripts/{name}.fa.gz")
        assert len(found) == count
        assert not found.dropped
        assert found.codes.max() <= 4
        assert np.mean(found.table["gene_id"].to_numpy() != "") > 0.9
