"""Vectors: the same as those of `isoclr neighbours`, and an index that finds nearly all true neighbours."""

from pathlib import Path

import numpy as np
import pytest

from isoclr.analysis.neighbors import nearest, normalize
from isoclr.atlas import vectors as module
from isoclr.atlas.layout import landmark_coordinates, to_uint16
from isoclr.atlas.vectors import ClusterIndex, audited, fit_space, principal_axes, read_blocks, recall
from isoclr.embedding.io import read_embeddings

RANDOM = np.random.default_rng(0)


def clustered(n: int, d: int) -> np.ndarray:
    centers = RANDOM.normal(0, 3, (n // 20, d))
    return (centers[np.arange(n) % len(centers)] + RANDOM.normal(0, 1, (n, d))).astype(np.float32)


def test_unit_vectors_are_those_of_neighbours() -> None:
    features = RANDOM.normal(3, 2, (300, 70)).astype(np.float32)
    features[:, 5] = 1.0
    np.testing.assert_allclose(fit_space(features, 300)(features.copy()), normalize(features), atol=1e-5)


def test_principal_axes_keep_the_largest_variance() -> None:
    data = RANDOM.normal(0, [5, 1, 3, 0.1], (500, 4)).astype(np.float32)
    axes = principal_axes(data, 2)
    assert abs(axes[0, 0]) > 0.99
    assert abs(axes[2, 1]) > 0.99


@pytest.mark.parametrize("itself", [False, True])
def test_cluster_index_finds_neighbours(itself: bool) -> None:
    vectors = normalize(clustered(2000, 12))
    found = ClusterIndex(vectors).search(5, itself=itself)
    rows = np.arange(len(vectors))
    exact = nearest(vectors, rows, 5, {"all": rows})["all"]
    if itself:
        np.testing.assert_array_equal(found.rows[:, 0], rows)
        return
    shared = [len(set(a) & set(b)) / 5 for a, b in zip(found.rows.tolist(), exact.rows.tolist(), strict=True)]
    assert np.mean(shared) > 0.95
    assert not (found.rows == rows[:, None]).any()
    same = found.rows == exact.rows
    np.testing.assert_allclose(found.similarity[same], exact.similarity[same], atol=1e-5)


def test_search_among_few_candidates_is_filled() -> None:
    vectors = normalize(clustered(1000, 8))
    among = np.array([3, 500, 900])
    found = ClusterIndex(vectors).search(3, among, itself=True)
    assert set(found.rows.ravel().tolist()) <= {3, 500, 900, -1}
    assert (found.rows[:, 0] >= 0).all()
    assert found.rows[500, 0] == 500


def test_recall_of_true_and_of_wrong_neighbours(thin: Path) -> None:
    features = read_embeddings(thin).matrix
    space = fit_space(features, len(features))
    vectors = space(features.copy())
    rows, some = np.arange(len(vectors)), audited(features, len(features))
    exact = nearest(vectors, rows, 4, {"all": rows})["all"].rows
    assert recall(thin, space, some, exact, rows) == 1.0
    half = exact.copy()
    half[:, 2:] = rows[:, None]
    assert recall(thin, space, some, half, rows) == 0.5
    shuffled = np.random.default_rng(0).permutation(len(rows))  # the atlas has another order
    moved = np.empty_like(exact)
    moved[shuffled] = shuffled[exact]
    assert recall(thin, space, some, moved, shuffled) == 1.0


def test_blocks_keep_a_sample(thin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT", 50)
    monkeypatch.setattr(module, "SAMPLED", 50)
    monkeypatch.setattr("isoclr.embedding.io.ROWS", 50)
    seen: list[int] = []
    table, features, _ = read_blocks(thin, lambda block: seen.append(len(block)))
    assert seen == [50, 50, 20]
    assert sum(seen) == len(table) == 120
    np.testing.assert_array_equal(features, read_embeddings(thin).matrix[::3])
    rows, some = audited(features, len(table))
    np.testing.assert_array_equal(read_embeddings(thin).matrix[rows], some)
    space = fit_space(features, len(table))
    assert space.basis is not None
    assert space(features.copy()).shape[1] == min(module.DIMENSIONS, features.shape[1])


def test_landmarks_place_the_others_near_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isoclr.atlas.layout.LANDMARKS", 300)
    vectors = normalize(clustered(900, 10))
    placed, landmarks = landmark_coordinates("tsne", vectors, ClusterIndex(vectors), 0)
    assert len(landmarks) == 300
    size = np.ptp(placed, axis=0).max()
    group = np.arange(900) % 45
    spread = [np.linalg.norm(placed[group == g].std(0)) for g in range(45)]
    assert np.median(spread) < 0.15 * size  # a cluster stays together


def test_map_is_square_and_keeps_its_shape() -> None:
    steps = to_uint16(np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 5.0]]))
    assert steps[1, 0] - steps[0, 0] == pytest.approx(2 * (steps[2, 1] - steps[1, 1]), abs=2)
    assert to_uint16(np.zeros((3, 2))).tolist() == [[32768, 32768]] * 3


@pytest.mark.parametrize("rows", [40, 700])
@pytest.mark.parametrize("kind", ["clustered", "noise", "copies"])
def test_bounded_search_is_exact(rows: int, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DIMENSIONS", 3)  # poor bounds: many RNAs must be compared again
    monkeypatch.setattr(module, "CHECKED", 2)
    data = clustered(rows, 12) if kind == "clustered" else RANDOM.normal(0, 1, (rows, 12))
    if kind == "copies":
        data[rows // 2 :] = data[: rows - rows // 2]
    vectors = normalize(data)
    vectors[7] = 0
    every = np.arange(rows)
    exact = nearest(vectors, every, 6, {"all": every})["all"]
    found = module.find_exactly(vectors, 6)
    np.testing.assert_allclose(found.similarity, exact.similarity, atol=1e-6)
    assert not (found.rows == every[:, None]).any()
    products = (vectors[found.rows] * vectors[:, None]).sum(2)
    np.testing.assert_allclose(products, found.similarity, atol=1e-6)
    more = module.find_exactly(vectors, 6, 20)
    np.testing.assert_allclose(more.similarity[:, :6], exact.similarity, atol=1e-6)
    assert more.rows.shape == (rows, 26)
    assert all(len(set(one)) == 26 for one in more.rows.tolist())
