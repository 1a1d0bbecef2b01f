from pathlib import Path

import numpy as np
import polars as pl
import pytest

import isoclr
from isoclr.baselines.regions import region_lengths
from isoclr.corpus.codes import Codes
from isoclr.errors import InputError
from isoclr.models import Encoder
from isoclr.mutagenesis import Motif, coding_rnas, planted_motifs
from isoclr.predicting.linear import Line


class CountsU:
    """An encoder whose one feature is the number of U, and whose other one is the number of codons."""

    dim = 2

    def embed_codes(self, some: list[Codes]) -> np.ndarray:
        return np.array([[((c & 7) == 3).sum(), ((c & 8) > 0).sum()] for c in some], np.float32)


MOTIFS = (
    Motif("ten U", "T" * 10, "3' UTR"),
    Motif("mixed", "TTTTAAAACC", "3' UTR"),
    Motif("stop", "TAA", "CDS", in_frame=True, ends_coding=True),
)


def test_a_predictor_that_counts_u(mrna: Codes) -> None:
    rnas = [mrna] * 40
    counts: list[int] = []
    found = planted_motifs(
        CountsU(),  # type: ignore[arg-type]
        Line(np.array([1.0, 0.0]), 3.0),
        rnas,
        target="U",
        motifs=MOTIFS,
        progress=counts.append,
    )
    assert sum(counts) == 40 * (2 * 3 + 1)
    rows = pl.DataFrame(found.rows())
    beyond = rows.filter(metric="effect beyond control")
    value = dict(beyond.select("motif", "value").rows())
    assert value["mixed"] == 0.0, "the control has the same bases"
    assert value["ten U"] == pytest.approx(5.0, abs=0.8), "half of the control's A and U are U"
    assert (beyond["low"] <= beyond["value"]).all()
    assert beyond["n"].to_list() == [40, 40, 40]
    own = found.table.filter(motif="ten U")
    assert own["beyond"].to_numpy() == pytest.approx((own["effect"] - own["control"]).to_numpy())
    first = own.row(0, named=True)
    had = ((mrna[first["position"] - 1 :][:10] & 7) == 3).sum()
    assert first["effect"] == 10 - had


def test_a_coding_sequence_that_ends_early(mrna: Codes) -> None:
    line = Line(np.array([0.0, 1.0]), 0.0)
    found = planted_motifs(CountsU(), line, [mrna] * 5, motifs=MOTIFS[2:])  # type: ignore[arg-type]
    table = found.table
    assert table["control"].to_list() == [0.0] * 5
    wanted = (table["position"].to_numpy() - 1 - 61) / 3 + 1 - 100
    assert table["effect"].to_numpy() == pytest.approx(wanted)


def test_it_is_drawn_by_the_seed(mrna: Codes, trained: Encoder) -> None:
    line = Line(np.ones(256), 0.0)
    motifs = MOTIFS[:1]
    first, again, other = (
        planted_motifs(trained, line, [mrna], motifs=motifs, seed=seed).table for seed in (0, 0, 1)
    )
    assert first.equals(again)
    assert not first.equals(other)


def test_bad_input(mrna: Codes, trained: Encoder) -> None:
    line = Line(np.ones(256), 0.0)
    with pytest.raises(InputError, match="no mRNA to plant"):
        planted_motifs(trained, line, [])
    with pytest.raises(InputError, match=r"ten U: none of 1 mRNAs has room .* 3' UTR"):
        planted_motifs(trained, line, [np.zeros(30, np.uint8)], motifs=MOTIFS[:1])
    with pytest.raises(InputError, match="from 2 values"):
        planted_motifs(trained, Line(np.ones(2), 0.0), [mrna])


def test_mrnas_of_a_corpus(workbench: Path) -> None:
    corpus = isoclr.open_corpus(workbench / "corpus")
    found = coding_rnas(corpus, species="human", count=7)
    assert len(found) == 7 == len({name for name, _ in found})
    assert all(region_lengths(codes) == (70, 306, 70) for _, codes in found)
    assert [name for name, _ in found] == [name for name, _ in coding_rnas(corpus, count=7)]
    assert len(coding_rnas(corpus)) == 40
    with pytest.raises(InputError, match="no mRNA of species 'cow'"):
        coding_rnas(corpus, species="cow")
