"""Scores of edits."""

import numpy as np
import pytest

import isoclr
from isoclr.genomics.encoding import nucleotides
from isoclr.models.encoder import Encoder
from isoclr.variants.edits import Edit, Rna, apply
from isoclr.variants.scoring import Scorer


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return isoclr.create("isoclr-s", seed=0, pooling="all")


@pytest.fixture(scope="module")
def rna() -> Rna:
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("ACGT"), 90)) + "ATGGCTGCA" * 20 + "TAA"
    text += "".join(rng.choice(list("ACGT"), 200))
    return Rna(nucleotides(text), np.array([120, len(text) - 120]), (90, 90 + 183))


EDITS = [
    Edit(3, 4, nucleotides("A")),
    Edit(200, 201, nucleotides("C")),
    Edit(300, 301, nucleotides("G")),
    Edit(90, 91, nucleotides("T")),  # start lost
    Edit(99, 102, nucleotides("TAA")),  # stop gained
    Edit(150, 150, nucleotides("ACG")),
    Edit(50, 60, nucleotides("")),
]


def test_changes_equal_embedding_each_edited_rna(encoder: Encoder, rna: Rna) -> None:
    pairs = [(edit, apply(rna, [edit])) for edit in EDITS]
    embedding, changes = Scorer(encoder).embed(rna, pairs)
    whole = encoder.embed_codes([rna.codes, *(edited.codes for _, edited in pairs)])
    assert embedding == pytest.approx(whole[0], rel=1e-6, abs=1e-5)
    assert changes == pytest.approx(whole[1:] - whole[0], rel=1e-4, abs=2e-5)
    assert (abs(changes).max(1) > 1e-4).all()


def test_a_distance_without_a_head(encoder: Encoder, rna: Rna) -> None:
    pairs = [(edit, apply(rna, [edit])) for edit in EDITS]
    scorer = Scorer(encoder)
    (scores,) = scorer.score(rna, pairs)
    assert scorer.names == ["embedding distance"]
    assert scores.delta == pytest.approx(np.linalg.norm(scorer.embed(rna, pairs)[1], axis=1))
    assert np.isnan(scores.ref)
    assert np.isnan(scores.alt).all()


def test_an_rna_that_is_deleted_whole_has_no_score(encoder: Encoder, rna: Rna) -> None:
    edit = Edit(0, len(rna), nucleotides(""))
    (scores,) = Scorer(encoder).score(rna, [(edit, apply(rna, [edit]))])
    assert np.isnan(scores.delta).all()


def test_ranks_are_percentiles_among_all_point_mutations(encoder: Encoder, rna: Rna) -> None:
    scorer = Scorer(encoder)
    short = Rna(rna.bases[:40], np.array([40]), None)
    every = [
        Edit(i, i + 1, np.array([base], np.uint8))
        for i in range(40)
        for base in range(4)
        if base != short.bases[i]
    ]
    (scores,) = scorer.score(short, [(edit, apply(short, [edit])) for edit in every])
    (ranks,) = scorer.ranks(short, [scores.delta])
    order = np.argsort(scores.delta)
    assert (np.diff(ranks[order]) >= 0).all()
    assert ranks.max() == 100
    assert ranks.min() < 2
