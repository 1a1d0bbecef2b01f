import numpy as np
import pytest

from isoclr.baselines.features import FEATURES, SequenceFeatures
from isoclr.corpus.codes import encode, nucleotides

# exons of 4, 6, 7 and 5 nt; CDS 3-15: junctions after position 3 (CDS), 9 (CDS), 16 (3' UTR); the end is no junction
RNA = encode(nucleotides("CCG" + "ATGGCCGCGTAA" + "AATTNNG"), np.array([4, 6, 7, 5]), (3, 15))


def told(codes: np.ndarray) -> dict[str, float]:
    features = SequenceFeatures().embed([codes])
    assert features.shape == (1, len(FEATURES))
    assert features.dtype == np.float32
    return dict(zip(FEATURES, features[0].tolist(), strict=True))


def test_every_feature_of_an_rna() -> None:
    found = told(RNA)
    expected = {
        "log2 length": np.log2(23),
        "log2 length of 5' UTR": 2,
        "log2 length of CDS": np.log2(13),
        "log2 length of 3' UTR": 3,
        "exons known": 1,
        "log2 exons": np.log2(5),
        "log2 junctions in 5' UTR": 0,
        "log2 junctions in CDS": np.log2(3),
        "log2 junctions in 3' UTR": 1,
        "junctions per kb": 3 / 22 * 1000,
        "junctions per kb of CDS": 2 / 12 * 1000,
        "GC": 11 / 20,
        "GC of 5' UTR": 1,
        "GC of CDS": 7 / 12,
        "GC of 3' UTR": 1 / 5,
        "GC of third codon positions": 3 / 4,
    }
    assert found == pytest.approx(expected, rel=1e-6)


def test_the_end_of_the_rna_is_no_junction_even_within_the_cds() -> None:
    found = told(encode(nucleotides("ATGGCCTAA"), np.array([9]), (0, 9)))
    assert found["log2 junctions in CDS"] == found["junctions per kb"] == 0
    assert (found["exons known"], found["log2 exons"]) == (1, 1)


def test_unknown_exons_and_a_noncoding_rna() -> None:
    found = told(nucleotides("ACGTNNNNNN"))
    assert (found["exons known"], found["log2 exons"], found["junctions per kb"]) == (0, 0, 0)
    assert found["log2 length of CDS"] == found["log2 length of 5' UTR"] == 0
    assert found["log2 length of 3' UTR"] == found["log2 length"]
    assert (found["GC"], found["GC of CDS"], found["GC of third codon positions"]) == (0.5, 0, 0)


def test_one_row_an_rna_and_progress_in_nucleotides() -> None:
    done: list[int] = []
    assert SequenceFeatures().embed([RNA, nucleotides("ACGTA")], progress=done.append).shape[0] == 2
    assert done == [22, 5]
