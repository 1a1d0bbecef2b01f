"""Where RNAs lie: the places between them, and whose each place is."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isoclr.genomics.encoding import PAD
from isoclr.models.packing import STRIDE, PackedBatch, Segments, pack, plan_layouts


@given(
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=6),
    gap=st.sampled_from([0, 64, None]),
    halvings=st.integers(0, 5),
)
def test_gaps_are_the_places_of_no_rna(lengths: list[int], gap: int | None, halvings: int) -> None:
    codes = [np.zeros(n, np.uint8) for n in lengths]
    for chunk in pack(codes, gap=gap, chunk_nt=512)[0]:
        extent = Segments.of(chunk)
        for _ in range(halvings):
            extent = extent.halved()
        owner = np.full(extent.size, -1)
        for i, (start, n) in enumerate(zip(extent.starts, extent.lengths, strict=True)):
            owner[start : start + n] = i
        assert extent.gaps.tolist() == np.flatnonzero(owner < 0).tolist()
        assert (extent.owners.numpy()[owner >= 0] == owner[owner >= 0]).all()
        assert extent.total == (owner >= 0).sum()
        x = extent.mask_(torch.ones(1, extent.size, 2))
        assert (x[0, :, 0].numpy() == (owner >= 0)).all()


def test_an_empty_chunk_is_all_gap() -> None:
    extent = Segments.of(PackedBatch.empty(STRIDE))
    assert extent.total == 0
    assert extent.gaps.tolist() == list(range(STRIDE))


@given(
    lengths=st.lists(st.integers(1, 3000), min_size=1, max_size=40),
    gap=st.sampled_from([None, 0, 128]),
    chunk_nt=st.sampled_from([512, 2048, 1 << 20]),
    round_to=st.sampled_from([32, 256]),
)
def test_every_rna_has_its_place_and_its_distance(
    lengths: list[int], gap: int | None, chunk_nt: int, round_to: int
) -> None:
    layouts = plan_layouts(np.array(lengths), gap=gap, chunk_nt=chunk_nt, round_to=round_to)
    assert sorted(np.concatenate([lay.rows for lay in layouts]).tolist()) == [*range(len(lengths))]
    for layout in layouts:
        rows, width = layout.shape
        ends = layout.starts + np.array(lengths)[layout.rows]
        assert width % round_to == 0
        assert (layout.starts % 32 == 0).all()
        assert len(layout.rows) == 1 or rows * width <= chunk_nt + round_to
        if gap is None:
            assert (layout.starts % width == 0).all()
            assert (ends - layout.starts <= width).all()
        else:
            assert rows == 1
            assert (layout.starts[1:] - ends[:-1] >= gap).all()
            assert ends[-1] <= width


def test_codes_stand_where_the_layout_says() -> None:
    rng = np.random.default_rng(0)
    codes = [rng.integers(0, 4, n).astype(np.uint8) for n in (100, 7, 300, 64)]
    chunks, rows = pack(codes, gap=32, chunk_nt=512)
    seen = 0
    for chunk, members in zip(chunks, rows, strict=True):
        flat = chunk.codes.numpy().ravel()
        for start, length, row in zip(chunk.starts, chunk.lengths, members, strict=True):
            np.testing.assert_array_equal(flat[start : start + length], codes[row])
        seen += int((flat != PAD).sum())
    assert seen == sum(map(len, codes))


def test_little_is_padding() -> None:
    lengths = np.random.default_rng(0).lognormal(7.5, 0.7, 1000).astype(np.int64).clip(200, 12288)
    for chunk_nt in (16_384, 1 << 23):
        total = sum(b * w for b, w in (lay.shape for lay in plan_layouts(lengths, gap=128, chunk_nt=chunk_nt)))
        assert 1 - lengths.sum() / total < 0.09
    assert len(plan_layouts(lengths, gap=128, chunk_nt=1 << 23)) == 1


def test_nothing_is_kernel_image_in_nothing() -> None:
    assert plan_layouts(np.empty(0, np.int64), gap=128, chunk_nt=512) == []
    assert plan_layouts(np.empty(0, np.int64), gap=None, chunk_nt=512) == []


@pytest.mark.parametrize("gap", [128, None])
def test_an_rna_longer_than_a_chunk_is_alone(gap: int | None) -> None:
    layouts = plan_layouts(np.array([5000, 40]), gap=gap, chunk_nt=1024)
    assert sorted(lay.rows.tolist() for lay in layouts) == [[0], [1]]
