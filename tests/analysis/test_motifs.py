from pathlib import Path

import numpy as np
import polars as pl
import pytest

import isoclr
from isoclr.analysis.motifs import (
    MOTIFS,
    Motif,
    coding_rnas,
    insert_motifs,
    motifs,
    plant,
    scrambled,
)
from isoclr.errors import InputError
from isoclr.genomics.encoding import (
    CODON_START,
    EXON_END,
    NUCLEOTIDE_BITS,
    Codes,
    coding_region,
    encode,
    letters,
    region_lengths,
)
from isoclr.models.encoder import Encoder
from isoclr.probing.linear import LinearModel


@pytest.mark.parametrize("motif", MOTIFS, ids=lambda motif: motif.name)
def test_planting(motif: Motif, mrna: Codes) -> None:
    size = len(motif.sequence)
    for seed in range(20):
        planted = plant(mrna, motif, np.random.default_rng(seed))
        assert planted is not None
        first, end = planted.position, planted.position + size
        with_motif, control = letters(planted.motif), letters(planted.control)
        pairs = zip(with_motif[first:end], motif.sequence, strict=True)
        assert all(wanted in (base, "N") for base, wanted in pairs)
        assert control[first:end] != with_motif[first:end]
        assert (motif.core or with_motif[first:end]) not in control[first:end]
        if motif.name != "poly(U)":
            assert sorted(control[first:end]) == sorted(with_motif[first:end])
        low, high = {"5' UTR": (0, 61), "CDS": (91, 261), "3' UTR": (361, 500)}[motif.region]
        assert low <= first < end <= high
        for other in (planted.motif, planted.control):
            outside = np.r_[0:first, end:500]
            bases = NUCLEOTIDE_BITS | EXON_END
            assert (other[outside] & bases == mrna[outside] & bases).all()
        assert (planted.control & ~np.uint8(NUCLEOTIDE_BITS) == mrna & ~np.uint8(7)).all()


def test_a_premature_stop_is_in_frame(mrna: Codes) -> None:
    for motif in (one for one in MOTIFS if one.in_frame):
        planted = plant(mrna, motif, np.random.default_rng(0))
        assert planted is not None
        assert (planted.position - 61) % 3 == 0
        end = planted.position + 3 if motif.ends_coding else 361
        assert coding_region(planted.motif) == (61, end)
        assert planted.motif[planted.position] & CODON_START
        assert coding_region(planted.control) == (61, 361)


def test_places_are_spread_over_the_region(mrna: Codes) -> None:
    motif = Motif("x", "ACGTA", "3' UTR")
    found = [plant(mrna, motif, np.random.default_rng(seed)) for seed in range(300)]
    places = {one.position for one in found if one is not None}
    assert min(places) < 366
    assert max(places) > 490


def test_no_room() -> None:
    short = encode(np.array([0, 3, 2, 3, 0, 0], np.uint8), cds=(0, 6))
    bare = np.zeros(100, np.uint8)
    for motif in MOTIFS:
        assert plant(short, motif, np.random.default_rng(0)) is None
        if motif.region != "5' UTR":
            assert plant(bare, motif, np.random.default_rng(0)) is None


def test_scrambling() -> None:
    rng = np.random.default_rng(0)
    assert {scrambled("TAA", "", rng) for _ in range(50)} == {"ATA", "AAT"}
    assert set(scrambled("TTTTTTTT", "", rng)) <= {"A", "T"}
    assert scrambled("TG", "", rng) == "GT"
    with pytest.raises(ValueError, match="no order"):
        scrambled("TG", "G", rng)


def test_the_table(workbench: Path, tmp_path: Path) -> None:
    found = motifs(
        workbench / "corpus",
        out=tmp_path / "m.csv",
        head=workbench / "head",
        model=str(workbench / "model"),
        rnas=4,
        plot=tmp_path / "m.svg",
    )
    table = pl.read_csv(tmp_path / "m.csv")
    assert table.height == 3 * len(MOTIFS)
    assert table["n"].unique().to_list() == [4]
    assert found.target == "gc"
    assert "poly(U)" in (tmp_path / "m.svg").read_text()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rnas": 0}, "--rnas 0: expected 1"),
        ({"seed": -1}, "--seed -1: expected 0"),
        ({"out": "m.txt"}, "unknown format"),
        ({"plot": "m.txt"}, "written as"),
        ({"species": "cow"}, "no mRNA of species 'cow'"),
    ],
)
def test_bad_input(workbench: Path, tmp_path: Path, given: dict[str, object], message: str) -> None:
    whole = {"out": "m.csv", "head": workbench / "head", "model": str(workbench / "model"), **given}
    for key in ("out", "plot"):
        if key in whole:
            whole[key] = tmp_path / str(whole[key])
    with pytest.raises(InputError, match=message):
        motifs(workbench / "corpus", **whole)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


class CountsU:
    """An encoder whose one feature is the number of U, and whose other one is the number of codons."""

    dim = 2

    def embed_codes(self, some: list[Codes]) -> np.ndarray:
        return np.array([[((c & 7) == 3).sum(), ((c & 8) > 0).sum()] for c in some], np.float32)


PLANTED = (
    Motif("ten U", "T" * 10, "3' UTR"),
    Motif("mixed", "TTTTAAAACC", "3' UTR"),
    Motif("stop", "TAA", "CDS", in_frame=True, ends_coding=True),
)


def test_a_predictor_that_counts_u(mrna: Codes) -> None:
    rnas = [mrna] * 40
    counts: list[int] = []
    found = insert_motifs(
        CountsU(),  # type: ignore[arg-type]
        LinearModel(np.array([1.0, 0.0]), 3.0),
        rnas,
        target="U",
        motifs=PLANTED,
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
    line = LinearModel(np.array([0.0, 1.0]), 0.0)
    found = insert_motifs(CountsU(), line, [mrna] * 5, motifs=PLANTED[2:])  # type: ignore[arg-type]
    table = found.table
    assert table["control"].to_list() == [0.0] * 5
    wanted = (table["position"].to_numpy() - 1 - 61) / 3 + 1 - 100
    assert table["effect"].to_numpy() == pytest.approx(wanted)


def test_it_is_drawn_by_the_seed(mrna: Codes, trained: Encoder) -> None:
    line = LinearModel(np.ones(256), 0.0)
    motifs = PLANTED[:1]
    first, again, other = (
        insert_motifs(trained, line, [mrna], motifs=motifs, seed=seed).table for seed in (0, 0, 1)
    )
    assert first.equals(again)
    assert not first.equals(other)


def test_bad_input_planting(mrna: Codes, trained: Encoder) -> None:
    line = LinearModel(np.ones(256), 0.0)
    with pytest.raises(InputError, match="no mRNA to plant"):
        insert_motifs(trained, line, [])
    with pytest.raises(InputError, match=r"ten U: none of 1 mRNAs has room .* 3' UTR"):
        insert_motifs(trained, line, [np.zeros(30, np.uint8)], motifs=PLANTED[:1])
    with pytest.raises(InputError, match="from 2 values"):
        insert_motifs(trained, LinearModel(np.ones(2), 0.0), [mrna])


def test_mrnas_of_a_corpus(workbench: Path) -> None:
    corpus = isoclr.open_corpus(workbench / "corpus")
    found = coding_rnas(corpus, species="human", count=7)
    assert len(found) == 7 == len({name for name, _ in found})
    assert all(region_lengths(codes) == (70, 306, 70) for _, codes in found)
    assert [name for name, _ in found] == [name for name, _ in coding_rnas(corpus, count=7)]
    assert len(coding_rnas(corpus)) == 40
    with pytest.raises(InputError, match="no mRNA of species 'cow'"):
        coding_rnas(corpus, species="cow")
