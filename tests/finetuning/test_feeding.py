"""RNAs of a study in chunks."""

import numpy as np

from isoclr.finetuning.feeding import Feed


def test_chunks_hold_the_rnas_asked_for(feed: Feed) -> None:
    rows = np.array([9, 2, 55])
    found = {}
    for layout in feed.layouts(rows, gap=32):
        chunk = feed.chunk(layout, rows)
        flat = chunk.codes.flatten().numpy()
        for i, start, length in zip(layout.rows, chunk.starts, chunk.lengths, strict=True):
            found[int(rows[i])] = flat[int(start) : int(start) + int(length)]
    assert all(np.array_equal(found[row], feed.codes[row]) for row in rows)
    assert feed.lengths(rows).tolist() == [len(feed.codes[row]) for row in rows]
