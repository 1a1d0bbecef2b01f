import gzip
import os
import random
import re
import tempfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pysam
import pytest

from isoclr.errors import InputError
from isoclr.genomics.encoding import letters, nucleotides
from isoclr.genomics.genome import (
    _existing_index,
    batches,
    codon_starts,
    match_chromosomes,
    open_genome,
    read_descriptions,
    splice,
)


def test_splice() -> None:
    rng = random.Random(1)
    chromosome = "".join(rng.choices("ACGTN", k=500))
    complement = str.maketrans("ACGTN", "TGCAN")
    starts = [rng.randrange(450) for _ in range(60)]
    lengths = [rng.randint(1, 50) for _ in range(60)]
    minus = [rng.random() < 0.5 for _ in range(60)]
    expected = ""
    for start, length, reverse in zip(starts, lengths, minus, strict=True):
        exon = chromosome[start : start + length]
        expected += exon.translate(complement)[::-1] if reverse else exon
    spliced = splice(nucleotides(chromosome), np.array(starts), np.array(lengths), np.array(minus))
    assert letters(spliced) == expected


def test_codon_starts() -> None:
    first, end = np.array([2, 20, 30, 40]), np.array([11, 28, 32, 40])
    assert codon_starts(first, end).tolist() == [2, 5, 8, 20, 23]


def test_batches() -> None:
    lengths = np.array([5, 5, 5, 100, 1, 1, 9])
    slices = list(batches(lengths, size=10))
    assert [i for rows in slices for i in range(rows.start, rows.stop)] == list(range(7))
    assert all(lengths[rows].sum() <= 10 or rows.stop - rows.start == 1 for rows in slices)
    assert list(batches(np.array([], np.int64))) == []


MATCHES = (
    "chr1:1 1:chr1 Chr1:chr1 chrX:X chr01:1 Chr01:chr1 chrI:I 2L:chr2L chrM:MT MT:chrM M:MT MtDNA:chrM "
    "mitochondrion_genome:chrM chrM:Mito ChrC:Pt chrUn_KI270302v1:KI270302.1 KI270706.1:chr1_KI270706v1_random "
    "chr19_GL949746v1_alt:GL949746.1 chrUn_NW_020110001v1:NW_020110001.1 NW_020110001v1:NW_020110001.1 "
    "chrUn_AAEX03021227v1:AAEX03021227.1"
)
NO_MATCHES = "chr1:11 chr1:chr1_alt chr:1 KI270302.1:chrUn_KI270302v2 chr10:1"


def test_matching_names() -> None:
    for annotation, genome in (pair.split(":") for pair in MATCHES.split()):
        assert match_chromosomes([annotation], ["other", genome]) == {annotation: genome}
    for annotation, genome in (pair.split(":") for pair in NO_MATCHES.split()):
        assert match_chromosomes([annotation], [genome]) == {}


def test_equal_name_takes_precedence() -> None:
    assert match_chromosomes(["chrM", "1"], ["MT", "chrM", "chr1"]) == {"chrM": "chrM", "1": "chr1"}


def test_ambiguous_name() -> None:
    assert match_chromosomes(["M", "2"], ["chrM", "MT", "chr2"]) == {"2": "chr2"}


def test_several_names_of_one_sequence() -> None:
    assert match_chromosomes(["chr1", "1"], ["1"]) == {"chr1": "1", "1": "1"}


def test_matching_descriptions() -> None:
    descriptions = {
        "NC_000001.11": "Homo sapiens chromosome 1, GRCh38.p14 Primary Assembly",
        "NC_000011.10": "Homo sapiens chromosome 11, GRCh38.p14 Primary Assembly",
        "NT_187361.1": "Homo sapiens chromosome 1 unlocalized genomic scaffold, GRCh38.p14",
        "NC_000023.11": "Homo sapiens chromosome X, GRCh38.p14 Primary Assembly",
        "NC_012920.1": "Homo sapiens mitochondrion, complete genome",
        "NT_033779.5": "Drosophila melanogaster chromosome 2L",
    }
    assert match_chromosomes(["chr1", "chrX", "chrM", "2L", "12"], descriptions, descriptions) == {
        "chr1": "NC_000001.11",
        "chrX": "NC_000023.11",
        "chrM": "NC_012920.1",
        "2L": "NT_033779.5",
    }
    assert match_chromosomes(["chr1"], descriptions) == {}


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
def test_plain_gz_and_bgz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
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
        assert read_descriptions(genome.path) == {"chr1": "Some species chromosome 1, here", "scaffold_2": ""}
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


def test_fresh_and_stale_index(tmp_path: Path) -> None:
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


def test_index_of_another_file(tmp_path: Path) -> None:
    path = tmp_path / "g.fa"
    path.write_bytes(b">a\nACGT\n")
    Path(f"{path}.fai").write_text("a\t400\t3\t60\t61\n")
    with open_genome(path) as genome, pytest.raises(InputError, match="'a' cannot be read to its end, expected 400 nt"):
        genome.fetch("a")


def test_unknown_sequence(tmp_path: Path) -> None:
    with (
        open_genome(_genome(tmp_path, "plain")) as genome,
        pytest.raises(InputError, match="no sequence 'chr9', expected one of chr1, scaffold_2"),
    ):
        genome.fetch("chr9")


@pytest.mark.parametrize("kind", ["gz", "bgz"])
def test_truncated_file(tmp_path: Path, kind: str) -> None:
    path = _genome(tmp_path, kind)
    path.write_bytes(path.read_bytes()[: -28 if kind == "bgz" else -10])
    with pytest.raises(InputError, match="file is cut off"):
        open_genome(path)


@pytest.mark.parametrize("kind", ["plain", "gz"])
def test_protein(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "p.fa"
    content = b">P53_HUMAN\nMEEPQSDPSV\n"
    path.write_bytes(gzip.compress(content) if kind == "gz" else content)
    with (
        pytest.raises(InputError, match=r"p\.fa: .*P53_HUMAN.*position 2 is 'E', expected a nucleotide"),
        open_genome(path) as genome,
    ):
        genome.fetch("P53_HUMAN")


@pytest.mark.parametrize("content", [b"", b"ACGT\n", b"##gff-version 3\n"])
def test_not_fasta(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "g.fa"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"expected (a )?FASTA"):
        open_genome(path)


def test_no_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _genome(tmp_path, "gz")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(InputError, match=r"cannot be unpacked to .*set TMPDIR"):
        open_genome(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _genome(tmp_path, "gz")

    def full_disk(prefix: str) -> BinaryIO:
        return Path("/dev/full").open("wb")

    monkeypatch.setattr(tempfile, "TemporaryFile", full_disk)
    with pytest.raises(InputError, match=r"cannot be unpacked to .*No space left"):
        open_genome(path)


def test_match_by_description(tmp_path: Path) -> None:
    path = tmp_path / "g.fa"
    path.write_bytes(b">NC_000001.11 Homo sapiens chromosome 1, GRCh38.p14 Primary Assembly\nA\n>NC_1 x\nA\n")
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


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "bgz"])
def test_index_of_another_order_is_not_used(packed: bool, tmp_path: Path) -> None:
    """A newer index of a file with the same lengths would give other sequences."""
    rng = random.Random(0)
    first, second = ("".join(rng.choices("ACGT", k=150_000)) for _ in range(2))
    path = tmp_path / "g.fa"
    path.write_text(f">chr2 long\n{second}\n>chr1\n{first}\n")
    if packed:
        pysam.tabix_compress(str(path), f"{path}.gz")
        path = tmp_path / "g.fa.gz"
    pysam.faidx(str(path))
    index = Path(f"{path}.fai")
    right = index.read_text()
    assert _existing_index(path) is not None
    names = {"chr1": "chr2", "chr2": "chr1"}
    index.write_text(re.sub("chr[12]", lambda match: names[match[0]], right))
    later = path.stat().st_mtime + 10
    os.utime(index, (later, later))
    assert _existing_index(path) is None
    with open_genome(path) as genome:
        assert letters(genome.fetch("chr1")) == first
        assert letters(genome.fetch("chr2")) == second
    for damaged in ("chr2\tx\ty\n", right.replace("\t", " "), "chr2\t9\t99999999999\t1\t2\n"):
        index.write_text(damaged)
        assert _existing_index(path) is None
    if packed:
        index.write_text(right)
        Path(f"{path}.gzi").write_bytes(b"\x05")
        assert _existing_index(path) is None
