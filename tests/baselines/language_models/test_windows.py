import numpy as np
import pytest

from isoclr.baselines.language_models.tokens import Frame
from isoclr.baselines.language_models.windows import Window, batches, cut, padded


def window(rna: int, count: int) -> Window:
    return Window(rna, np.arange(10, 10 + count, dtype=np.uint16), count)


def test_full_windows_and_what_is_left() -> None:
    found = cut(7, np.arange(25, dtype=np.uint16), 150, 10)
    assert [w.tokens.tolist() for w in found] == [
        list(range(10)),
        list(range(10, 20)),
        list(range(20, 25)),
    ]
    assert [w.nt for w in found] == [60, 60, 30]
    assert {w.rna for w in found} == {7}
    (whole,) = cut(0, np.arange(10, dtype=np.uint16), 12, 10)
    assert whole.nt == 12


def test_batches_hold_windows_of_like_length_and_no_more_than_allowed() -> None:
    windows = [window(i, n) for i, n in enumerate((9, 2, 8, 3, 30, 2))]
    found = list(batches(windows, frame=1, most=20))
    assert [[w.rna for w in batch] for batch in found] == [[1, 5, 3], [2, 0], [4]]
    for batch in found[:-1]:
        assert len(batch) * (max(len(w.tokens) for w in batch) + 1) <= 20


@pytest.mark.parametrize("frame", [Frame((1,), (2,), 0), Frame((1,), (), 0), Frame((), (), 4)])
def test_padding_stands_behind_and_special_tokens_around(frame: Frame) -> None:
    tokens, real, own = padded([window(0, 3), window(1, 1)], frame)
    rows = [[*frame.before, 10, 11, 12, *frame.after], [*frame.before, 10, *frame.after]]
    assert tokens.tolist() == [rows[0], rows[1] + [frame.pad] * 2]
    assert real.sum(1).tolist() == [len(row) for row in rows]
    assert [row[mask].tolist() for row, mask in zip(tokens, own, strict=True)] == [
        [10, 11, 12],
        [10],
    ]
