import numpy as np
import polars as pl
import pytest
import torch

import isoclr
from isoclr.corpus.codes import Codes, encode, nucleotides
from isoclr.errors import InputError
from isoclr.models import Encoder
from isoclr.mutagenesis.consequences import CONSEQUENCES
from isoclr.mutagenesis.scanning import MutationScan, mutated, point_mutations, scan
from isoclr.predicting.linear import Line


def line(dim: int = 256) -> Line:
    return Line(np.random.default_rng(5).normal(size=dim), 0.7)


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
    first = Line(
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


def test_bad_input(trained: Encoder) -> None:
    with pytest.raises(InputError, match="t9: is empty"):
        scan(trained, np.empty(0, np.uint8), line(), transcript_id="t9")
    with pytest.raises(InputError, match=r"from 3 values .* expected 256"):
        scan(trained, nucleotides("ACGT"), line(3))
