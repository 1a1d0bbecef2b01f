"""Long RNAs in short windows: cutting tokens to what a model reads at once, and batches of like length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoclr.baselines.language_models.tokens import Frame, Tokens


@dataclass(frozen=True)
class Window:
    """A stretch of one RNA's tokens.

    Attributes:
        rna: which RNA.
        tokens: without special ones.
        nt: nucleotides of the RNA that it stands for; those of all its windows add up to its length.
    """

    rna: int
    tokens: Tokens
    nt: int


def cut(rna: int, tokens: Tokens, nt: int, size: int) -> list[Window]:
    """The windows of one RNA: full ones, and what is left.

    Args:
        rna: its number.
        tokens: all of them.
        nt: its length.
        size: tokens of a full window, without special ones.
    """
    starts = range(0, len(tokens), size)
    edges = [nt * start // len(tokens) for start in starts] + [nt]
    return [
        Window(rna, tokens[start : start + size], edges[i + 1] - edges[i])
        for i, start in enumerate(starts)
    ]


def batches(windows: Sequence[Window], frame: int, most: int) -> Iterator[list[Window]]:
    """Groups of windows of like length, the shortest first.

    Args:
        windows: in any order.
        frame: special tokens of each.
        most: tokens of a batch, padding and special ones included; a window alone may have more.
    """
    batch: list[Window] = []
    for window in sorted(windows, key=lambda w: len(w.tokens)):
        if batch and (len(batch) + 1) * (len(window.tokens) + frame) > most:
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


def padded(
    batch: Sequence[Window], frame: Frame
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """A batch as arrays ``(b, l)``.

    Returns:
        The tokens with the special ones around each window and padding behind; where no padding is; and where the
        RNA's own tokens are, neither special nor padding.
    """
    lengths = np.array([len(window.tokens) for window in batch])
    first = len(frame.before)
    shape = (len(batch), int(lengths.max()) + frame.size)
    tokens = np.full(shape, frame.pad, np.int64)
    column = np.arange(shape[1])
    for row, window in enumerate(batch):
        words = (frame.before, window.tokens, frame.after)
        whole = np.concatenate([np.asarray(part, np.int64) for part in words])
        tokens[row, : len(whole)] = whole
    real = column < (lengths + frame.size)[:, None]
    own = (column >= first) & (column < (lengths + first)[:, None])
    return tokens, real, own
