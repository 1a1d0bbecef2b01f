import gzip
from collections.abc import Callable
from pathlib import Path

import pysam
import pytest

from isoclr.errors import InputError
from isoclr.sequences import fasta


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def _write(content: bytes) -> Path:
        path = tmp_path / "x.fa"
        path.write_bytes(content)
        return path

    return _write


def joined(path: Path) -> list[tuple[str, list[int]]]:
    """Records with their codes, whatever pieces they came in."""
    records: list[tuple[str, list[int]]] = []
    for header, codes in fasta.pieces(path):
        if header is not None:
            records.append((header, []))
        records[-1][1].extend(codes)
    return records


def test_lower_case_u_iupac_blank_lines_and_line_ends(write: Callable[[bytes], Path]) -> None:
    path = write(b"\xef\xbb\xbf\n\n>a first\r\nACgu\r\n\r\nRT A\r\n>b\nTT")
    assert joined(path) == [("a first", [0, 1, 2, 3, 4, 3, 0]), ("b", [3, 3])]


@pytest.mark.parametrize("size", range(1, 25))
def test_cutting_into_blocks_changes_nothing(
    write: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = write(b">a one > two\r\nACGT\r\nAC\n\n>bb\n>c\nGGGG\nTTTTTTTTTT\n")
    monkeypatch.setattr(fasta, "BLOCK", size)
    expected = [("a one > two", [0, 1, 2, 3, 0, 1]), ("bb", []), ("c", [2] * 4 + [3] * 10)]
    if size > 3:  # what begins the file must fit in one block
        assert joined(path) == expected
    assert list(fasta.headers(path)) == ["a one > two", "bb", "c"]


def test_header_at_the_very_end_is_an_empty_record(write: Callable[[bytes], Path]) -> None:
    assert joined(write(b">a\nA\n>b")) == [("a", [0]), ("b", [])]


def test_gzip_of_several_members(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b">a\nAC") + gzip.compress(b"GT\n>b\nA\n"))
    assert joined(path) == [("a", [0, 1, 2, 3]), ("b", [0])]


def test_biomart_says_sequence_unavailable(write: Callable[[bytes], Path]) -> None:
    assert joined(write(b">a\nSequence unavailable\n>b\nA\n")) == [("a", []), ("b", [0])]


def test_bgzip_is_told_from_gzip_and_plain_by_content(tmp_path: Path) -> None:
    plain, packed, block = (tmp_path / name for name in ("a.gz", "b.fa", "c.fa"))
    plain.write_bytes(b">a\nA\n")
    packed.write_bytes(gzip.compress(b">a\nA\n"))
    pysam.tabix_compress(str(plain), str(block), force=True)
    assert [fasta.is_bgzip(p) for p in (plain, packed, block)] == [False, False, True]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"x\.fa: the file is empty, expected a FASTA file"),
        (b" \n\n", r"x\.fa: the file is empty"),
        (b"@read\nACGT\n+\nIIII\n", r"begins with '@' \(FASTQ\?\), expected FASTA"),
        (b"\x89PNG\r\n", r"begins with '\\x89', expected FASTA"),
        (b">p1 x\nMKVLEF\n", r"record 'p1', position 4 is 'L'.*is this a protein\?"),
        (b">a\nACGT\nAC-T\n", r"record 'a', position 7 is '-', expected a nucleotide \(ACGTU"),
        (b">a\nAC\x00T\n", r"record 'a', position 3 is '\\x00'"),
        (gzip.compress(b">a\n" + b"ACGT" * 500, mtime=0)[:-9], r"the gzip file is cut off"),
        (b"\x1f\x8b\x08\x00garbage that is long enough", r"the gzip file is damaged"),
        (gzip.compress(b"hello", mtime=0), r"begins with 'h'"),
    ],
)
def test_what_is_no_nucleic_acid_fasta_gets_one_line(
    write: Callable[[bytes], Path], content: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        joined(write(content))
    assert "\n" not in str(error.value)


def test_a_bad_letter_in_a_later_piece_has_its_position_in_the_record(
    write: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fasta, "BLOCK", 8)
    with pytest.raises(InputError, match="record 'a', position 21 is 'J'"):
        joined(write(b">a\n" + b"ACGTACGTAC\n" * 2 + b"J\n"))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.fa", tmp_path):
        with pytest.raises(InputError, match="expected a FASTA file"):
            joined(path)


def test_a_record_needs_a_name() -> None:
    assert fasta.name_of("chr1 the first", Path("g.fa")) == "chr1"
    with pytest.raises(InputError, match=r"g\.fa: a record has no name"):
        fasta.name_of("  ", Path("g.fa"))
