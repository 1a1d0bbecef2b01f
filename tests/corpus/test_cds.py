from collections import Counter

import numpy as np
import polars as pl
import pytest

from isoclr.corpus.cds import assign_cds, known_noncoding, mark_tracks
from isoclr.genomics.encoding import CODON_START, EXON_END, NUCLEOTIDE_BITS, Codes, encode, nucleotides


def _table(
    sequences: list[str],
    cds: list[tuple[int, int]],
    no_cds: list[bool] | None = None,
    exons: list[list[int] | None] | None = None,
) -> tuple[pl.DataFrame, Codes]:
    lengths = [len(sequence) for sequence in sequences]
    table = pl.DataFrame(
        {
            "start": np.cumsum([0, *lengths[:-1]]),
            "length": lengths,
            "cds_start": [start for start, _ in cds],
            "cds_end": [end for _, end in cds],
            "no_cds": no_cds or [False] * len(cds),
            "exon_lengths": pl.Series(exons or [None] * len(cds), dtype=pl.List(pl.Int64)),
        }
    )
    return table, nucleotides("".join(sequences)).copy()


def _assign(
    sequence: str, cds: tuple[int, int], *, no_cds: bool = False, orf: int | None = 9
) -> tuple[int, int, str, Counter[str]]:
    table, codes = _table(["CCC", sequence], [(-1, -1), cds], [True, no_cds])
    noted: Counter[str] = Counter()
    row = assign_cds(table, codes, orf, noted).row(1, named=True)
    return row["cds_start"], row["cds_end"], row["cds_source"], noted


@pytest.mark.parametrize("stop", ["TAA", "TAG", "TGA"])
def test_missing_stop_codon_is_added(stop: str) -> None:
    *cds, noted = _assign(f"CATGAAA{stop}C", (1, 7))
    assert cds == [1, 10, "annotated"]
    assert noted == {"stop_codon_added": 1}


@pytest.mark.parametrize(
    ("sequence", "cds"),
    [
        ("CATGTAATAAC", (1, 7)),  # it has its stop; the next one is not its own
        ("CATGAAATGGC", (1, 7)),  # the next triplet is no stop
        ("CATGAAATNAC", (1, 7)),  # N is no stop
        ("CATGAAAGNAC", (1, 7)),
        ("CATGAAATA", (1, 7)),  # the transcript ends before
        ("CATGAAAATAA", (1, 8)),  # no multiple of three: the next triplet is out of frame
    ],
)
def test_no_stop_codon_is_added_elsewhere(sequence: str, cds: tuple[int, int]) -> None:
    first, end, source, noted = _assign(sequence, cds)
    assert (first, end, source) == (*cds, "annotated")
    assert not noted["stop_codon_added"]
    assert noted["cds_not_multiple_of_three"] == ((cds[1] - cds[0]) % 3 != 0)


def test_stop_codon_of_the_next_transcript() -> None:
    table, codes = _table(["ATGAAA", "TAACCC"], [(0, 6), (-1, -1)], [False, True])
    assert assign_cds(table, codes, 9, Counter())["cds_end"].to_list() == [6, -1]


def test_orf_calling() -> None:
    sequence = "CCATGAAACCCTAAGG"
    assert _assign(sequence, (-1, -1))[:3] == (2, 14, "orf")
    assert _assign(sequence, (-1, -1), no_cds=True)[:3] == (-1, -1, "none")
    assert _assign(sequence, (-1, -1), orf=None)[:3] == (-1, -1, "none")
    assert _assign(sequence, (-1, -1), orf=15)[:3] == (-1, -1, "none")
    assert _assign(sequence, (4, 10))[:3] == (4, 10, "annotated")


def test_cds_outside_the_transcript() -> None:
    first, end, source, noted = _assign("CCCCCC", (3, 9))
    assert (first, end, source) == (-1, -1, "none")
    assert noted == {"cds_outside_transcript": 1}


def test_progress() -> None:
    table, codes = _table(["CCATGAAACCCTAAGG"] * 1200, [(-1, -1)] * 1200)
    steps: list[int] = []
    assign_cds(table, codes, 9, Counter(), steps.append)
    assert sum(steps) == 1200
    assert len(steps) > 2


def test_mark_equals_encode() -> None:
    rng = np.random.default_rng(0)
    sequences = ["".join(rng.choice(list("ACGTN"), int(n))) for n in rng.integers(3, 90, 50)]
    cds = [(int(a := rng.integers(0, len(s) - 2)), int(rng.integers(a + 3, len(s) + 1))) for s in sequences]
    cds[::4] = [(-1, -1)] * len(cds[::4])
    exons = [[1, len(s) - 2, 1] if i % 3 else None for i, s in enumerate(sequences)]
    table, codes = _table(sequences, cds, exons=exons)
    expected = [
        encode(nucleotides(s), None if e is None else np.array(e), None if c == (-1, -1) else c)
        for s, c, e in zip(sequences, cds, exons, strict=True)
    ]
    mark_tracks(table, codes)
    assert codes.tolist() == np.concatenate(expected).tolist()
    assert (codes & CODON_START).any()
    assert (codes & EXON_END).any()
    assert (codes & NUCLEOTIDE_BITS).max() == 4


CODING = ["", "mRNA", "protein_coding", "protein_coding_LoF", "nonsense_mediated_decay", "non_stop_decay"]
CODING += ["polymorphic_pseudogene", "IG_V_gene", "TR_C_gene", "transcript"]
NONCODING = ["lncRNA", "lnc_RNA", "lincRNA", "ncRNA", "snRNA", "snoRNA", "miRNA", "rRNA", "Mt_tRNA", "misc_RNA"]
NONCODING += ["processed_pseudogene", "unitary_pseudogene", "pseudogenic_transcript", "retained_intron"]
NONCODING += ["processed_transcript", "antisense", "antisense_RNA", "sense_intronic", "TEC", "ribozyme"]
NONCODING += ["protein_coding_CDS_not_defined", "transposable_element", "non_coding", "scaRNA", "vault_RNA"]


def test_biotypes() -> None:
    for name in ("ENST00000335137.4", "NM_001005484.2"):
        assert _noncoding(dict.fromkeys(CODING + NONCODING, name)) == NONCODING


def test_noncoding_refseq_accessions() -> None:
    assert _noncoding({"": "NR_046018.2"}) == _noncoding({"": "XR_046018"}) == [""]


def _noncoding(names: dict[str, str]) -> list[str]:
    """The biotypes, each with an accession, that are known to be non-coding."""
    rows = pl.DataFrame({"biotype": [*names], "transcript_id": [*names.values()]})
    return rows.filter(known_noncoding())["biotype"].to_list()
