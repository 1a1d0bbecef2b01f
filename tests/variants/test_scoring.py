"""Scores of edits."""

from dataclasses import replace

import numpy as np
import pytest

import isoclr
from isoclr.embedding.embed import added_features, crop
from isoclr.genomics.encoding import nucleotides
from isoclr.models.encoder import Encoder
from isoclr.probing.network import Dense, NetworkRegressor
from isoclr.probing.resolve import find_head
from isoclr.variants.edits import Edit, Rna, apply
from isoclr.variants.scoring import Scorer, _half_width


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


def differences(encoder: Encoder, rna: Rna, edited: list[Rna]) -> np.ndarray:
    """Changes of the embedding, from embedding every RNA whole."""
    whole = encoder.embed_codes([rna.codes, *(one.codes for one in edited)]).astype(np.float64)
    return np.asarray(whole[1:] - whole[0])


def test_a_distance_equals_that_of_whole_embeddings(encoder: Encoder, rna: Rna) -> None:
    edited = [apply(rna, [edit]) for edit in EDITS]
    scorer = Scorer(encoder)
    (scores,) = scorer.score(rna, edited)
    expected = np.linalg.norm(differences(encoder, rna, edited), axis=1)
    assert scorer.names == ["embedding distance"]
    assert scores.delta == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert (scores.delta > 1e-3).all()
    assert np.isnan(scores.ref)
    assert np.isnan(scores.alt).all()
    assert np.isnan(scores.rank).all()


def test_a_fine_tuned_network_scores_the_difference_of_its_predictions(encoder: Encoder, rna: Rna) -> None:
    rng = np.random.default_rng(2)
    shipped = isoclr.load_head(find_head("half-life", "human"))
    layers = [
        Dense(rng.normal(size=shape, scale=0.1), np.full(shape[0], 0.1)) for shape in [(8, encoder.dim), (8, 8), (1, 8)]
    ]
    network = NetworkRegressor(layers, np.ones(9))
    head = replace(shipped, targets=(replace(shipped.targets[0], predictor=network),))
    edited = [apply(rna, [edit]) for edit in EDITS]
    (scores,) = Scorer(encoder, [head]).score(rna, edited, rank=True)
    expected = network.value(encoder.embed_codes([one.codes for one in (rna, *edited)]))
    assert scores.ref == pytest.approx(expected[0], abs=1e-5)
    assert scores.alt == pytest.approx(expected[1:], abs=1e-5)
    assert scores.delta == pytest.approx(expected[1:] - expected[0], abs=1e-5)
    assert np.ptp(scores.delta) > 1e-3
    assert np.isnan(scores.low).all()
    assert ((scores.rank >= 0) & (scores.rank <= 100)).all()


def test_the_interval_of_a_change_is_that_of_a_jackknife_over_folds() -> None:
    # mean 3, sum of squares 10: sqrt(3 / 4 * 10) = 2.7386, times 3.18245, the 97.5 % quantile of t with 3 degrees
    assert _half_width(np.array([[1.0, 2.0, 4.0, 5.0], [7.0, 7.0, 7.0, 7.0]])) == pytest.approx(
        [8.71549, 0.0], abs=1e-5
    )


def test_a_head_of_the_5_utr_sees_its_reading_frames(rna: Rna) -> None:
    encoder = isoclr.load("isoclr-s.v1")
    head = isoclr.load_head(find_head("mean-ribosome-load", "human", "isoclr-s.v1"))
    edits = [*EDITS, Edit(20, 23, nucleotides("ATG")), Edit(22, 25, nucleotides("ATG"))]
    edited = [apply(rna, [edit]) for edit in edits]
    (scores,) = Scorer(encoder, [head]).score(rna, edited, rank=True)
    regions = [crop(one.codes, "utr5") for one in (rna, *edited)]
    rows = np.hstack([encoder.embed_codes(regions), added_features(regions, "utr5")])
    expected = head.predict(rows).value
    assert scores.ref == pytest.approx(expected[0], abs=1e-5)
    assert scores.alt == pytest.approx(expected[1:], abs=1e-4)
    coding = 2  # beyond the region
    assert scores.delta[coding] == 0
    assert len(np.flatnonzero(scores.delta)) == len(edits) - 4  # and the other edits of the CDS
    every = [
        apply(rna, [Edit(i, i + 1, np.array([base], np.uint8))])
        for i in range(90)
        for base in range(4)
        if base != rna.bases[i]
    ]
    deltas = Scorer(encoder, [head]).score(rna, every)[0].delta
    mutants = len(deltas) + 18  # of the first two codons
    below = (abs(scores.delta[-1]) >= abs(deltas)).sum()
    assert 100 * below / mutants <= scores.rank[-1] <= 100 * (below + 18) / mutants


def test_a_head_of_the_5_utr_needs_a_coding_sequence(rna: Rna) -> None:
    head = isoclr.load_head(find_head("mean-ribosome-load", "human", "isoclr-s.v1"))
    noncoding = Rna(rna.bases, rna.exon_lengths, None)
    edited = [apply(noncoding, [EDITS[0]])]
    (scores,) = Scorer(isoclr.load("isoclr-s.v1"), [head]).score(noncoding, edited)
    assert np.isnan(scores.delta).all()


def test_an_rna_that_is_deleted_whole_has_no_score(encoder: Encoder, rna: Rna) -> None:
    short = Rna(rna.bases[:40], np.array([40]), None)
    (scores,) = Scorer(encoder).score(short, [apply(short, [Edit(0, 40, nucleotides(""))])], rank=True)
    assert np.isnan(scores.delta).all()
    assert np.isnan(scores.rank).all()


def test_ranks_are_percentiles_among_all_point_mutations(encoder: Encoder, rna: Rna) -> None:
    scorer = Scorer(encoder)
    short = Rna(rna.bases[:40], np.array([40]), None)
    every = [
        Edit(i, i + 1, np.array([base], np.uint8)) for i in range(40) for base in range(4) if base != short.bases[i]
    ]
    (scores,) = scorer.score(short, [apply(short, [edit]) for edit in every], rank=True)
    below = (scores.delta[:, None] >= scores.delta).mean(1)
    assert scores.rank == pytest.approx(100 * below, abs=1)
    assert scores.rank.max() == 100
