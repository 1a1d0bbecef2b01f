from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import isoclr
from isoclr.analysis import ism as room
from isoclr.analysis.consequences import CONSEQUENCES
from isoclr.analysis.ism import (
    MutationScan,
    linear_readout,
    mutate,
    mutated,
    point_mutations,
    predictor,
    scan,
)
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes, encode, nucleotides
from isoclr.models.encoder import Encoder
from isoclr.probing.linear import LinearModel


def test_the_line_is_what_the_head_predicts(workbench: Path) -> None:
    found = predictor(workbench / "head", None, "", str(workbench / "model"), None)
    matrix = read_embeddings(workbench / "e.parquet").matrix
    wanted = isoclr.load_head(workbench / "head").predict(matrix).value
    assert found.line(matrix) == pytest.approx(wanted)
    assert found.target == "gc"
    assert np.corrcoef(wanted, np.arange(40) % 7)[0, 1] > 0.5


def test_a_label_of_two_classes_gives_log_odds(workbench: Path, tmp_path: Path) -> None:
    rows = (workbench / "labels.tsv").read_text().splitlines()[1:]
    classes = [f"{row.split()[0]}\t{int(float(row.split()[1]) > 0.47)}" for row in rows]
    (tmp_path / "c.tsv").write_text("transcript_id\thigh\n" + "\n".join(classes) + "\n")
    isoclr.fit(workbench / "e.parquet", tmp_path / "c.tsv", out=tmp_path / "head", folds=3)
    head = isoclr.load_head(tmp_path / "head")
    line, title = linear_readout(head)
    matrix = read_embeddings(workbench / "e.parquet").matrix
    assert title == "high, log-odds"
    assert 1 / (1 + np.exp(-line(matrix))) == pytest.approx(head.predict(matrix).value)


@pytest.mark.usefixtures("shipped")
def test_a_head_that_ships_brings_its_model(workbench: Path) -> None:
    assert predictor(None, "gc", "human", None, None).target == "gc"
    assert predictor(workbench / "head", None, "", None, "gc").encoder.dim == 256


def test_bad_requests(workbench: Path, tmp_path: Path) -> None:
    model = str(workbench / "model")
    other = str(isoclr.create("isoclr-s", seed=1).save(tmp_path / "other"))
    for given, message in (
        ((None, None, "", None, None), "expected --head, or --task with --species"),
        ((workbench / "head", "gc", "human", None, None), "expected --head, or --task"),
        ((workbench / "head", None, "", model, "x"), "head 'gc' predicts gc, not 'x'"),
        ((workbench / "head", None, "", None, None), "give that model with --model"),
        ((workbench / "head", None, "", other, None), "head 'gc' belongs to weights"),
    ):
        with pytest.raises(InputError, match=message):
            predictor(*given)


def options(workbench: Path) -> dict[str, Path | str]:
    return {"head": workbench / "head", "model": str(workbench / "model")}


def test_effects_are_those_of_predicting_mutants(workbench: Path, tmp_path: Path) -> None:
    found = mutate(
        (workbench / "short.fa",),
        out=tmp_path / "m.parquet",
        transcripts=("ENST00000000001",),
        plot=tmp_path / "m.png",
        **options(workbench),  # type: ignore[arg-type]
    )
    table = pl.read_parquet(tmp_path / "m.parquet")
    assert table.height == 23
    assert table["transcript_id"].unique().to_list() == ["ENST00000000001.2"]
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
    sequence = "ACGGUAGCUAGCUAACGAUCGAU"
    assert "".join(table["base"]) == sequence
    encoder, head = isoclr.load(workbench / "model"), isoclr.load_head(workbench / "head")
    values = head.predict(encoder.embed([sequence, sequence[:4] + "C" + sequence[5:]])).value
    assert table["C"][4] == pytest.approx(values[1] - values[0], abs=1e-5)
    assert found.scans[0].value == pytest.approx(values[0], abs=1e-5)
    assert {row["transcript"] for row in found.rows()} == {"ENST00000000001.2"}


def test_several_rnas_and_a_corpus(workbench: Path, tmp_path: Path) -> None:
    given = options(workbench)
    found = mutate((workbench / "short.fa",), out=tmp_path / "a.tsv", **given)  # type: ignore[arg-type]
    assert [scan.transcript_id for scan in found.scans] == ["ENST00000000001.2", "s2"]
    assert pl.read_csv(tmp_path / "a.tsv", separator="\t").height == 33
    one = mutate((workbench / "corpus",), out=tmp_path / "b.parquet", transcripts=("t3",), **given)  # type: ignore[arg-type]
    (scan,) = one.scans
    assert (len(scan), scan.coding) == (446, (70, 376))
    assert np.isfinite(scan.effects).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"out": "m.txt"}, "m.txt: unknown format"),
        ({"plot": "m.bmp"}, "written as"),
        ({"plot": "m.png"}, "--plot draws one RNA, found 2"),
        ({"transcripts": ("s2", "s7")}, "no RNA named 's7'"),
        ({"zoom": (0, 5)}, "--zoom 0 5: expected two bases"),
        ({"zoom": (5, 24)}, "from 1 to 23"),
        ({"threads": 0}, "--threads 0"),
        ({"head": None}, "expected --head"),
    ],
)
def test_bad_input(workbench: Path, tmp_path: Path, given: dict[str, object], message: str) -> None:
    whole = {"out": "m.csv", **options(workbench), **given}
    for key in ("out", "plot"):
        if key in whole:
            whole[key] = tmp_path / str(whole[key])
    with pytest.raises(InputError, match=message):
        mutate((workbench / "short.fa",), **whole)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_too_much(workbench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_NT", 100)
    with pytest.raises(InputError, match="17,840 nt of 40 RNAs to mutate, expected at most 100"):
        mutate((workbench / "corpus",), out=tmp_path / "m.csv", **options(workbench))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="nothing to mutate"):
        mutate((), out=tmp_path / "m.csv", **options(workbench))  # type: ignore[arg-type]


def line(dim: int = 256) -> LinearModel:
    return LinearModel(np.random.default_rng(5).normal(size=dim), 0.7)


@pytest.fixture(scope="module")
def found(trained: Encoder, mrna: Codes) -> MutationScan:
    return scan(trained, mrna, line(), transcript_id="t1", target="half_life")


def test_effects_are_those_of_embedding_every_mutant(
    found: MutationScan, trained: Encoder, mrna: Codes
) -> None:
    rng = np.random.default_rng(0)
    value = line()(trained.embed_codes([mrna]))[0]
    assert found.value == pytest.approx(value, abs=1e-4)
    for position in rng.integers(len(mrna), size=8).tolist():
        mutants = [mutated(mrna, position, base) for base in range(4)]
        wanted = line()(trained.embed_codes(mutants)) - value
        assert found.effects[position] == pytest.approx(wanted, abs=1e-4)


def test_the_base_that_is_there_has_no_effect(found: MutationScan) -> None:
    known = found.bases < 4
    assert (found.effects[np.flatnonzero(known), found.bases[known]] == 0).all()
    assert (found.effects[~known] != 0).all(), "an unknown base has four mutants"
    assert np.count_nonzero(found.effects) > 0.95 * 3 * len(found)


def test_importance_is_minus_the_mean_effect() -> None:
    effects = np.array([[0, 1, 2, 3], [4, 4, 4, 0], [1, 1, 1, 1]], np.float32)
    known = MutationScan("t", "y", np.array([0, 3, 4], np.uint8), 0.0, effects)
    assert known.importance.tolist() == [-2, -4, -1]


def test_a_prediction_that_counts_a_base_is_explained_exactly() -> None:
    """An encoder whose stem tells A from the rest and whose blocks pass it on gives an answer known beforehand."""
    encoder = isoclr.create("isoclr-s", seed=0, pooling="all")
    codes = np.random.default_rng(0).integers(0, 4, 320).astype(np.uint8)
    for parameter in encoder.network.parameters():
        torch.nn.init.zeros_(parameter)
    stem = encoder.network.stem
    with torch.no_grad():
        stem.norm.weight.fill_(float(np.sqrt(1 + stem.norm.eps)))
        stem.weight[0, 0, 0] = (
            1.0  # the first channel is 1 where a base is A, before pooling by two
        )
    first = LinearModel(
        np.eye(encoder.dim)[0], 0.0
    )  # the first block's first channel: A anywhere in its 4 nt
    found = scan(encoder, codes, first)
    is_a = (codes == 0).reshape(-1, 4)
    assert found.value == pytest.approx(is_a.any(1).mean())
    alone = is_a.sum(1) == 1
    wanted = np.zeros((80, 4, 4))
    wanted[~is_a.any(1), :, 0] = 1 / 80  # an A where there was none
    wanted[alone[:, None] & is_a] = [0, -1 / 80, -1 / 80, -1 / 80]  # the only one lost
    assert found.effects == pytest.approx(wanted.reshape(320, 4), abs=1e-6)


def test_an_encoder_that_sees_far_is_computed_whole() -> None:
    encoder = isoclr.create("isoclr-l", seed=0)
    codes = np.random.default_rng(0).integers(0, 4, 12).astype(np.uint8)
    found = scan(encoder, codes, line(1024))
    mutants = [mutated(codes, 3, base) for base in range(4)]
    wanted = line(1024)(encoder.embed_codes(mutants)) - line(1024)(encoder.embed_codes([codes]))
    assert found.effects[3] == pytest.approx(wanted, abs=1e-3)


def test_threads_change_nothing(trained: Encoder, mrna: Codes) -> None:
    before, short = torch.get_num_threads(), mrna[:40]
    alone = scan(trained, short, line())
    try:
        torch.set_num_threads(2)
        together = scan(trained, short, line())
    finally:
        torch.set_num_threads(before)
    assert together.effects == pytest.approx(alone.effects, abs=1e-4)


def test_progress_counts_every_mutant(trained: Encoder) -> None:
    done: list[int] = []
    codes = nucleotides("ACGTNACGT")
    scan(trained, codes, line(), progress=done.append)
    assert sum(done) == 8 * 3 + 4 == len(point_mutations(codes)[0])


def test_regions_and_table(found: MutationScan) -> None:
    assert found.coding == (61, 361)
    assert found.exon_ends.tolist() == [99, 249, 499]
    counts = dict(zip(*np.unique(found.regions, return_counts=True), strict=True))
    assert counts == {"5' UTR": 61, "CDS": 300, "3' UTR": 139}
    table = found.table()
    assert table.columns == [
        *("transcript_id", "position", "base", "region", "importance"),
        *"ACGU",
    ]
    assert table["position"].to_list() == [*range(1, 501)]
    assert table["base"][440] == "N"
    assert table.select("A", "C", "G", "U").to_numpy() == pytest.approx(found.effects)
    assert table["transcript_id"].unique().to_list() == ["t1"]


def test_rows_are_means_by_kind(found: MutationScan) -> None:
    rows = pl.DataFrame(found.rows())
    kinds = found.consequences
    for name in ("missense", "stop codon gained", "3' UTR, other"):
        own = found.effects[kinds == CONSEQUENCES.index(name)]
        shown = rows.filter(consequence=name, metric="mean absolute effect")
        assert shown["value"].item() == pytest.approx(abs(own).mean(), rel=1e-5)
        assert shown["n"].item() == len(own)
    assert rows.filter(metric="mean effect")["n"].sum() == 3 * 499 + 4


def test_an_rna_without_a_coding_sequence(trained: Encoder) -> None:
    found = scan(trained, encode(nucleotides("ACGUA")), line())
    assert set(found.regions.tolist()) == {"RNA"}
    assert {row["consequence"] for row in found.rows()} == {"RNA without coding sequence"}


def test_bad_input_scanning(trained: Encoder) -> None:
    with pytest.raises(InputError, match="t9: is empty"):
        scan(trained, np.empty(0, np.uint8), line(), transcript_id="t9")
    with pytest.raises(InputError, match=r"from 3 values .* expected 256"):
        scan(trained, nucleotides("ACGT"), line(3))
