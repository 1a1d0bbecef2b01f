import gzip
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pysam
import pytest

from isoclr.corpus.codes import letters
from isoclr.errors import InputError
from isoclr.sequences import open_genome

CONTENT = b">chr1 Some species chromosome 1, here\nACGTacgtNR\nACG\n>scaffold_2\nTTTTT\n"
EXPECTED = {"chr1": "ACGTACGTNNACG", "scaffold_2": "TTTTT"}


def _genome(folder: Path, kind: str) -> Path:
    path = folder / f"g.fa{'' if kind == 'plain' else '.gz'}"
    if kind == "bgz":
        source = folder / "source.fa"
        source.write_bytes(CONTENT)
        pysam.tabix_compress(str(source), str(path), force=True)
        source.unlink()
    else:
        path.write_bytes(gzip.compress(CONTENT) if kind == "gz" else CONTENT)
    return path


@pytest.mark.parametrize("kind", ["plain", "gz", "bgz"])
def test_every_kind_gives_the_same_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    data, scratch = tmp_path / "data", tmp_path / "scratch"
    data.mkdir()
    scratch.mkdir()
    path = _genome(data, kind)
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    with open_genome(path) as genome:
        assert genome.lengths == {"chr1": 13, "scaffold_2": 5}
        for name in ("scaffold_2", "chr1"):
            codes = genome.fetch(name)
            assert letters(codes) == EXPECTED[name]
            assert codes.dtype == np.uint8
        assert list(scratch.iterdir()) == []  # also after a kill: nothing has a name
        assert genome.descriptions() == {
            "chr1": "Some species chromosome 1, here",
            "scaffold_2": "",
        }
        assert repr(genome).endswith("2 sequences, 18 nt)")
    assert list(data.iterdir()) == [path]


def test_uneven_lines_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "g.fa"
    path.write_bytes(b">a\nACG\nACGTT\n\nA\n>b\nTT\n>a again\nGGG\n>c\nC\n")
    with open_genome(path) as genome:
        assert genome.lengths == {"a": 9, "b": 2, "c": 1}
        assert [letters(genome.fetch(n)) for n in "abc"] == ["ACGACGTTA", "TT", "C"]
    path.write_bytes(b">a x\r\nACGT\r\nACG\r\n>b\r\nTT\r\n")
    with open_genome(path) as genome:
        assert [letters(genome.fetch(n)) for n in "ab"] == ["ACGTACG", "TT"]


def test_a_fresh_index_is_used_and_a_stale_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "g.fa"
    path.write_bytes(CONTENT)
    pysam.faidx(str(path))
    index = Path(f"{path}.fai")
    first = index.read_text().splitlines()[0]
    index.write_text(first + "\n")  # an index that shows whether it was read
    with open_genome(path) as genome:
        assert list(genome.lengths) == ["chr1"]
    os.utime(index, (1, 1))
    with open_genome(path) as genome:
        assert list(genome.lengths) == ["chr1", "scaffold_2"]


def test_an_index_of_another_file_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "g.fa"
    path.write_bytes(b">a\nACGT\n")
    Path(f"{path}.fai").write_text("a\t400\t3\t60\t61\n")
    with (
        open_genome(path) as genome,
        pytest.raises(InputError, match="'a' cannot be read to its end, expected 400 nt"),
    ):
        genome.fetch("a")


def test_an_unknown_sequence_is_named(tmp_path: Path) -> None:
    with (
        open_genome(_genome(tmp_path, "plain")) as genome,
        pytest.raises(InputError, match="no sequence 'chr9', expected one of chr1, scaffold_2"),
    ):
        genome.fetch("chr9")


@pytest.mark.parametrize("kind", ["gz", "bgz"])
def test_a_cut_off_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = _genome(tmp_path, kind)
    path.write_bytes(path.read_bytes()[: -28 if kind == "bgz" else -10])
    with pytest.raises(InputError, match="file is cut off"):
        open_genome(path)


@pytest.mark.parametrize("kind", ["plain", "gz"])
def test_a_protein_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "p.fa"
    content = b">P53_HUMAN\nMEEPQSDPSV\n"
    path.write_bytes(gzip.compress(content) if kind == "gz" else content)
    with (
        pytest.raises(
            InputError, match=r"p\.fa: .*P53_HUMAN.*position 2 is 'E', expected a nucleotide"
        ),
        open_genome(path) as genome,
    ):
        genome.fetch("P53_HUMAN")


@pytest.mark.parametrize("content", [b"", b"ACGT\n", b"##gff-version 3\n"])
def test_not_fasta_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "g.fa"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"expected (a )?FASTA"):
        open_genome(path)


def test_no_room_for_unpacking_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _genome(tmp_path, "gz")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(InputError, match=r"cannot be unpacked into .*set TMPDIR"):
        open_genome(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _genome(tmp_path, "gz")

    def full_disk(prefix: str) -> BinaryIO:
        return Path("/dev/full").open("wb")

    monkeypatch.setattr(tempfile, "TemporaryFile", full_disk)
    with pytest.raises(InputError, match=r"cannot be unpacked into .*No space left"):
        open_genome(path)


def test_match_reads_descriptions_of_accessions_only(tmp_path: Path) -> None:
    path = tmp_path / "g.fa"
    path.write_bytes(
        b">NC_000001.11 Homo sapiens chromosome 1, GRCh38.p14 Primary Assembly\nA\n>NC_1 x\nA\n"
    )
    with open_genome(path) as genome:
        assert genome.match(["chr1", "chr2"]) == {"chr1": "NC_000001.11"}
    path.write_bytes(b">1 Homo sapiens chromosome 7, x\nA\n")
    with open_genome(path) as genome:
        assert genome.match(["chr1", "7"]) == {"chr1": "1"}


@pytest.mark.realdata
def test_real_genomes(real_data: Path) -> None:
    with open_genome(real_data / "genomes/scerevisiae.R64-1-1.fa.gz") as genome:
        assert len(genome.lengths) == 17
        assert sum(genome.lengths.values()) == 12_157_105
        assert letters(genome.fetch("I")[:10]) == "CCACACCACA"
        assert genome.match(["chrI", "chrM", "chrXVII"]) == {"chrI": "I", "chrM": "Mito"}
