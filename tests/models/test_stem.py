"""The look-up stem's own contract; that it equals the convolution is tested with the whole network."""

import numpy as np
import torch

from isoclr.corpus.codes import PAD
from isoclr.models.encoder import pad
from isoclr.models.stem import Stem, _pair_histogram


def test_histogram_counts_each_real_base_once() -> None:
    codes = [np.array([0, 1, 2, 3, 0], np.uint8), np.array([3, 3], np.uint8)]
    histogram = _pair_histogram([pad(codes)])
    assert histogram.sum() == 7
    assert histogram[0, 1] == 1
    assert histogram[0, PAD] == 1
    assert histogram[3, 3] == 1
    assert histogram[PAD].sum() == 0


def test_positions_in_padding_are_zero() -> None:
    stem = Stem(6, 4).eval()
    torch.nn.init.constant_(stem.bias, 3.0)
    (y,) = stem([pad([np.zeros(5, np.uint8)])], torch.float32)
    assert (y[0, :3] > 0).all(), "five bases reach into three pooled positions"
    assert not y[0, 3:].any()
