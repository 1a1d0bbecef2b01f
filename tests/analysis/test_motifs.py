from pathlib import Path

import numpy as np
import polars as pl
import pytest

import isoclr
from isoclr.analysis.motifs import MOTIFS, Motif, coding_rnas, insert_motif, insert_motifs, motifs, shuffle
from isoclr.analysis.readout import LinearPredictor
from isoclr.cli import main
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
def test_inserting(motif: Motif, mrna: Codes) -> None:
    size = len(motif.sequence)
    for seed in range(20):
        inserted = insert_motif(mrna, motif, np.random.default_rng(seed))
        assert inserted is not None
        first, end = inserted.position, inserted.position + size
        with_motif, control = letters(inserted.motif), letters(inserted.control)
        pairs = zip(with_motif[first:end], motif.sequence, strict=True)
        assert all(expected in (base, "N") for base, expected in pairs)
        assert control[first:end] != with_motif[first:end]
        assert (motif.core or with_motif[first:end]) not in control[first:end]
        if motif.name != "poly(U)":
            assert sorted(control[first:end]) == sorted(with_motif[first:end])
        low, high = {"5' UTR": (0, 61), "CDS": (91, 261), "3' UTR": (361, 500)}[motif.region]
        assert low <= first < end <= high
        for other in (inserted.motif, inserted.control):
            outside = np.r_[0:first, end:500]
            bases = NUCLEOTIDE_BITS | EXON_END
            assert (other[outside] & bases == mrna[outside] & bases).all()
        assert (inserted.control & ~np.uint8(NUCLEOTIDE_BITS) == mrna & ~np.uint8(7)).all()


def test_premature_stop_is_in_frame(mrna: Codes) -> None:
    for motif in (one for one in MOTIFS if one.in_frame):
        inserted = insert_motif(mrna, motif, np.random.default_rng(0))
        assert inserted is not None
        assert (inserted.position - 61) % 3 == 0
        end = inserted.position + 3 if motif.ends_cds else 361
        assert coding_region(inserted.motif) == (61, end)
        assert inserted.motif[inserted.position] & CODON_START
        assert coding_region(inserted.control) == (61, 361)


def test_positions_cover_the_region(mrna: Codes) -> None:
    motif = Motif("x", "ACGTA", "3' UTR")
    result = [insert_motif(mrna, motif, np.random.default_rng(seed)) for seed in range(300)]
    places = {one.position for one in result if one is not None}
    assert min(places) < 366
    assert max(places) > 490


def test_region_too_short() -> None:
    short = encode(np.array([0, 3, 2, 3, 0, 0], np.uint8), cds=(0, 6))
    bare = np.zeros(100, np.uint8)
    for motif in MOTIFS:
        assert insert_motif(short, motif, np.random.default_rng(0)) is None
        if motif.region != "5' UTR":
            assert insert_motif(bare, motif, np.random.default_rng(0)) is None


def test_shuffle() -> None:
    rng = np.random.default_rng(0)
    assert {shuffle("TAA", "", rng) for _ in range(50)} == {"ATA", "AAT"}
    assert set(shuffle("TTTTTTTT", "", rng)) <= {"A", "T"}
    assert shuffle("TG", "", rng) == "GT"
    with pytest.raises(ValueError, match="no order"):
        shuffle("TG", "G", rng)


def test_table_and_figure(workbench: Path, tmp_path: Path) -> None:
    result = motifs(
        workbench / "corpus",
        out=tmp_path / "m.csv",
        head=workbench / "head",
        model=str(workbench / "model"),
        sample=3,
        plot=tmp_path / "m.svg",
    )
    table = pl.read_csv(tmp_path / "m.csv")
    assert table.height == 3 * len(MOTIFS)
    assert table["n"].unique().to_list() == [3]
    assert result.target == "gc"
    assert "poly(U)" in (tmp_path / "m.svg").read_text()
    known = isoclr.open_corpus(workbench / "corpus").transcripts
    names = result.table.unique("rna").join(known, on="transcript_id", how="inner")
    assert names.height == 3
    assert (names["gene_symbol"] == names["gene_symbol_right"]).all()


def test_ids_that_species_share(workbench: Path, tmp_path: Path) -> None:
    """Each mRNA keeps its own row and symbol when another species has an RNA of the same name."""
    fasta = (workbench / "mrnas.fa").read_text()
    inputs = ""
    for species in ("human", "mouse"):
        (tmp_path / f"{species}.fa").write_text(fasta.replace(" gene:g", f" gene_symbol:{species}_g gene:g"))
        inputs += f'[[input]]\nspecies = "{species}"\ntranscripts = "{species}.fa"\n'
        inputs += f'annotation = ["{workbench / "mrnas.structures.tsv"}"]\n'
    (tmp_path / "inputs.toml").write_text(inputs)
    isoclr.build((tmp_path / "inputs.toml",), out=tmp_path / "corpus")
    head = {"head": workbench / "head", "model": str(workbench / "model")}
    table = motifs(tmp_path / "corpus", species="mouse", sample=3, **head).table  # type: ignore[arg-type]
    assert table.height == 3 * len(MOTIFS)
    assert table["gene_symbol"].unique().to_list() == ["mouse_g"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sample": 0}, "--sample 0: expected 1"),
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


INSERTED = (
    Motif("ten U", "T" * 10, "3' UTR"),
    Motif("mixed", "TTTTAAAACC", "3' UTR"),
    Motif("stop", "TAA", "CDS", in_frame=True, ends_cds=True),
)


def test_predictor_that_counts_u(mrna: Codes) -> None:
    rnas = [mrna] * 40
    counts: list[int] = []
    result = insert_motifs(
        LinearPredictor(CountsU(), LinearModel(np.array([1.0, 0.0]), 3.0), "U"),  # type: ignore[arg-type]
        rnas,
        motifs=INSERTED,
        progress=counts.append,
    )
    assert sum(counts) == 40 * (2 * 3 + 1)
    rows = pl.DataFrame(result.rows())
    beyond = rows.filter(metric="effect beyond control")
    value = dict(beyond.select("motif", "value").rows())
    assert value["mixed"] == 0.0, "the control has the same bases"
    assert value["ten U"] == pytest.approx(5.0, abs=0.8), "half of the control's A and U are U"
    assert (beyond["low"] <= beyond["value"]).all()
    assert beyond["n"].to_list() == [40, 40, 40]
    own = result.table.filter(motif="ten U")
    assert own["difference"].to_numpy() == pytest.approx((own["effect"] - own["control"]).to_numpy())
    first = own.row(0, named=True)
    had = ((mrna[first["position"] - 1 :][:10] & 7) == 3).sum()
    assert first["effect"] == 10 - had


def test_truncated_coding_sequence(mrna: Codes) -> None:
    predictor = LinearPredictor(CountsU(), LinearModel(np.array([0.0, 1.0]), 0.0))  # type: ignore[arg-type]
    result = insert_motifs(predictor, [mrna] * 5, motifs=INSERTED[2:])
    table = result.table
    assert table["control"].to_list() == [0.0] * 5
    expected = (table["position"].to_numpy() - 1 - 61) / 3 + 1 - 100
    assert table["effect"].to_numpy() == pytest.approx(expected)


def test_seed(mrna: Codes, trained: Encoder) -> None:
    predictor = LinearPredictor(trained, LinearModel(np.ones(trained.dim), 0.0))
    motifs = INSERTED[:1]
    first, again, other = (insert_motifs(predictor, [mrna], motifs=motifs, seed=seed).table for seed in (0, 0, 1))
    assert first.equals(again)
    assert not first.equals(other)


def test_bad_input_of_insert_motifs(trained: Encoder) -> None:
    predictor = LinearPredictor(trained, LinearModel(np.ones(trained.dim), 0.0))
    with pytest.raises(InputError, match="no mRNA to insert"):
        insert_motifs(predictor, [])
    with pytest.raises(InputError, match=r"ten U: none of 1 mRNAs has room .* 3' UTR"):
        insert_motifs(predictor, [np.zeros(30, np.uint8)], motifs=INSERTED[:1])


def test_coding_rnas(workbench: Path) -> None:
    corpus = isoclr.open_corpus(workbench / "corpus")
    result = coding_rnas(corpus, species="human", count=7)
    assert len(result) == 7 == len({name for name, _ in result})
    assert all(region_lengths(codes) == (70, 306, 70) for _, codes in result)
    assert [name for name, _ in result] == [name for name, _ in coding_rnas(corpus, count=7)]
    assert len(coding_rnas(corpus)) == 40
    with pytest.raises(InputError, match=r"no mRNA of species 'cow' .* of 60 nt$"):
        coding_rnas(corpus, species="cow")


def test_coding_sequences_come_from_an_annotation(workbench: Path, tmp_path: Path) -> None:
    bare = isoclr.build(transcripts=workbench / "mrnas.fa", species="human", out=tmp_path / "corpus")
    with pytest.raises(InputError, match="isoclr build takes them from --annotation"):
        coding_rnas(bare)


def test_command(workbench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["motifs", str(workbench / "corpus"), "-o", str(tmp_path / "m.csv"), "--sample", "1"]
    head = ["--head", str(workbench / "head"), "--model", str(workbench / "model")]
    assert main([*words, *head]) == 0
    shown = capsys.readouterr().out
    assert "poly(U)" in shown
    assert "mean effect on gc" in shown
    assert (tmp_path / "m.csv").exists()
    assert main([*words, "--overwrite"]) == 2
    assert "expected --head, or --task with --species" in capsys.readouterr().err
    assert main([*words, "--overwrite", "--head", str(tmp_path / "nowhere")]) == 2
    assert "head.json: not found" in capsys.readouterr().err
