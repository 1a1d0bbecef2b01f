import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from isoclr.errors import InputError
from isoclr.genomics import encoding as codes
from isoclr.genomics.encoding import (
    CODON_START,
    EXON_END,
    MIN_LENGTH,
    coding_region,
    encode,
    letters,
    longest_orf,
    nucleotides,
    region_lengths,
)
from isoclr.genomics.fasta import Transcripts, read_transcripts


def test_region_lengths() -> None:
    codes = encode(nucleotides("CCATGAAATAAGGGG"), np.array([7, 8]), (2, 11))
    assert coding_region(codes) == (2, 11)
    assert region_lengths(codes) == (2, 9, 4)


def test_regions_of_a_noncoding_rna() -> None:
    codes = encode(nucleotides("CCATGAAATAAGGGG"))
    assert coding_region(codes) == (0, 0)
    assert region_lengths(codes) == (0, 0, 15)


def test_nucleotides() -> None:
    assert codes.nucleotides("ACGTUacgtu").tolist() == [0, 1, 2, 3, 3] * 2
    assert (codes.nucleotides("NRYSWKMBDHVXnryswkmbdhvx") == codes.N).all()
    assert codes.nucleotides(b"GATN").tolist() == codes.nucleotides("GATN").tolist() == [2, 0, 3, 4]


@pytest.mark.parametrize("bad", ["MKV*", "ACG-T", "AC GT", "ACE\x00", "ACé"])
def test_nucleotides_invalid_letter(bad: str) -> None:
    with pytest.raises(InputError, match=r"record 7: position [1-4] is .*expected a nucleotide"):
        codes.nucleotides(bad, name="record 7")


def test_reverse_complement() -> None:
    assert codes.letters(codes.reverse_complement(codes.nucleotides("AACGTN"))) == "NACGTT"


def test_encode() -> None:
    encoded = codes.encode(codes.nucleotides("CCATGAAATAGC"), np.array([4, 8]), (2, 11))
    assert np.flatnonzero(encoded & codes.CODON_START).tolist() == [2, 5, 8]
    assert np.flatnonzero(encoded & codes.EXON_END).tolist() == [3, 11]
    assert codes.letters(encoded) == "CCATGAAATAGC"


@pytest.mark.parametrize("end", [8, 9, 10])
def test_encode_incomplete_cds(end: int) -> None:
    encoded = codes.encode(codes.nucleotides("CCATGAAATA"), None, (2, end))
    assert np.flatnonzero(encoded & codes.CODON_START).tolist() == [2, 5]
    assert not (encoded & codes.EXON_END).any()


def test_encode_wrong_lengths() -> None:
    bases = codes.nucleotides("ATGTAA")
    with pytest.raises(ValueError, match="exons add up to 5 nt, the transcript has 6"):
        codes.encode(bases, np.array([2, 3]))
    with pytest.raises(ValueError, match="CDS 0-7 outside"):
        codes.encode(bases, None, (0, 7))


def test_tracks() -> None:
    tracks = codes.tracks(codes.encode(codes.nucleotides("ATGN"), np.array([4]), (0, 3)))
    assert tracks.shape == (6, 4)
    assert tracks.dtype == np.float32
    assert tracks[:4].T.tolist() == [[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0.25] * 4]
    assert tracks[4].tolist() == [1, 0, 0, 0]
    assert tracks[5].tolist() == [0, 0, 0, 1]


def test_tracks_of_padding_and_mask() -> None:
    assert (codes.TRACKS[codes.PAD] == 0).all()
    for marks in (0, codes.CODON_START, codes.EXON_END):
        assert (codes.TRACKS[codes.MASK | marks] == 0.25).all()
        assert (codes.TRACKS[codes.PAD | marks] == 0).all()


def by_pattern(sequence: str, min_length: int) -> tuple[int, int] | None:
    """The longest ORF by trying every ATG, the slow and plain way."""
    best = None
    for start in (m.start() for m in re.finditer("(?=ATG)", sequence)):
        codons = [sequence[i : i + 3] for i in range(start, len(sequence) - 2, 3)]
        stop = next((k for k, codon in enumerate(codons) if codon in ("TAA", "TAG", "TGA")), None)
        if stop is None or 3 * (stop + 1) < min_length:
            continue
        if best is None or 3 * (stop + 1) > best[1] - best[0]:
            best = (start, start + 3 * (stop + 1))
    return best


def test_longest_orf_equals_a_plain_search() -> None:
    random = np.random.default_rng(0)
    some = 0
    for trial in range(400):
        codes = random.choice(5, size=trial, p=[0.3, 0.14, 0.2, 0.34, 0.02]).astype(np.uint8)
        for min_length in (6, 30):
            expected = by_pattern(letters(codes), min_length)
            some += expected is not None
            assert longest_orf(codes, min_length) == expected
    assert some > 400


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        ("ATGAAATAA", (0, 9)),
        ("CATGAAATAG", (1, 10)),
        ("CCATGAAATGAC", (2, 11)),
        ("ATGATGAAATAA", (0, 12)),  # the first ATG after the last stop
        ("ATGTAAATGCCCTAA", (6, 15)),
        ("ATGAAATAACATGAAATAA", (0, 9)),  # equally long: the most 5'
        ("ATGAAAAAA", None),  # no stop
        ("AAAAAATAA", None),  # no start
        ("ATGAATAA", None),  # the stop is in another frame
        ("ATNAAATAA", None),
        ("ATGAAATNATAA", (0, 12)),  # an N breaks the stop, not the frame
        ("AUGaaauaa", (0, 9)),
        ("ATG", None),
        ("", None),
    ],
)
def test_longest_orf(sequence: str, expected: tuple[int, int] | None) -> None:
    assert longest_orf(nucleotides(sequence), min_length=6) == expected


def test_longest_orf_min_length() -> None:
    codes = nucleotides("ATG" + "GCA" * 98 + "TAA")
    assert longest_orf(codes) == (0, 300)
    assert longest_orf(codes, min_length=301) is None
    assert MIN_LENGTH == 300


def test_longest_orf_ignores_track_bits() -> None:
    marked = nucleotides("ATGAAATAA") | np.uint8(CODON_START | EXON_END)
    assert longest_orf(marked, 6) == (0, 9)


def bed_cds(path: Path) -> dict[str, tuple[int, int, int]]:
    """Transcript → length, CDS start and end of a BED12 file."""
    structures = {}
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        cell = line.split("\t")
        sizes, starts = (np.array([int(x) for x in cell[i].split(",") if x.strip()]) for i in (10, 11))
        first, last = (int(np.clip(int(cell[i]) - int(cell[1]) - starts, 0, sizes).sum()) for i in (6, 7))
        length = int(sizes.sum())
        if first < last:
            cds = (first, last) if cell[5] == "+" else (length - last, length - first)
            structures[cell[3]] = (length, *cds)
    return structures


def structure_cds(path: Path) -> dict[str, tuple[int, int, int]]:
    """Transcript → length, CDS start and end of a structure table."""
    rows = [line.split("\t") for line in gzip.decompress(path.read_bytes()).decode().splitlines()[1:]]
    complete = {name: (int(a), int(b), int(c)) for name, a, b, c, _ in rows if a and b and c}
    return {name: (a + b + c, a, a + b) for name, (a, b, c) in complete.items()}


def agreement(transcripts: Transcripts, annotated: dict[str, tuple[int, int, int]]) -> tuple[int, float, float]:
    """Annotated transcripts, share with the same start and end, share with the same end."""
    same = []
    for i, name in enumerate(transcripts.table["transcript_id"]):
        codes = transcripts.codes_of(i)
        length, *cds = annotated.get(name) or (0, 0, 0)
        if length == len(codes):
            orf = longest_orf(codes, min_length=6) or (-1, -1)
            same.append((list(orf) == cds, orf[1] == cds[1]))
    exact, end = np.mean(same, axis=0)
    return len(same), float(exact), float(end)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("records", "annotation", "count", "exact", "end"),
    [
        ("human_refseq", "human_refseq.hg19.bed", 4000, 0.976, 0.987),
        ("human_more", "human_more.structures.tsv", 1400, 0.92, 0.94),
    ],
)
def test_real_orfs_agree_with_annotated_cds(
    real_data: Path, records: str, annotation: str, count: int, exact: float, end: float
) -> None:
    folder = real_data / "transcripts"
    read = bed_cds if annotation.endswith("bed") else structure_cds
    shares = agreement(read_transcripts(folder / f"{records}.fa.gz"), read(folder / f"{annotation}.gz"))
    assert shares[0] >= count
    assert exact < shares[1] < exact + 0.02
    assert end < shares[2] < end + 0.02


@pytest.mark.realdata
def test_real_lncrnas_with_an_orf_by_chance(real_data: Path) -> None:
    transcripts = read_transcripts(real_data / "transcripts/mouse_lncrna.fa.gz")
    called = [longest_orf(transcripts.codes_of(i)) is not None for i in range(len(transcripts))]
    assert 0.15 < np.mean(called) < 0.2
