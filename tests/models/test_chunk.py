"""Where RNAs lie: the places between them, and whose each place is."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from isoclr.models.chunk import Chunk, Extent
from isoclr.models.packing import STRIDE, pack


@given(
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=6),
    gap=st.sampled_from([0, 64, None]),
    halvings=st.integers(0, 5),
)
def test_gaps_are_the_places_of_no_rna(lengths: list[int], gap: int | None, halvings: int) -> None:
    codes = [np.zeros(n, np.uint8) for n in lengths]
    for chunk in pack(codes, gap=gap, chunk_nt=512)[0]:
        extent = Extent.of(chunk)
        for _ in range(halvings):
            extent = extent.halved()
        owner = np.full(extent.size, -1)
        for i, (start, n) in enumerate(zip(extent.starts, extent.lengths, strict=True)):
            owner[start : start + n] = i
        assert extent.gaps.tolist() == np.flatnonzero(owner < 0).tolist()
        assert (extent.owners.numpy()[owner >= 0] == owner[owner >= 0]).all()
        assert extent.total == (owner >= 0).sum()
        x = extent.trim_(torch.ones(1, extent.size, 2))
        assert (x[0, :, 0].numpy() == (owner >= 0)).all()


def test_an_empty_chunk_is_all_gap() -> None:
    extent = Extent.of(Chunk.empty(STRIDE))
    assert extent.total == 0
    assert extent.gaps.tolist() == list(range(STRIDE))
