"""From layouts to chunks of codes: gather, drop tracks, mask and shift, by tensor operations on the corpus' device."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isoclr.corpus.codes import MASK, PAD
from isoclr.models.chunk import Chunk, sent
from isoclr.models.packing import STRIDE, Layout
from isoclr.views.augmenting import Draws
from isoclr.views.hashing import below, words
from isoclr.views.resident import Resident

Rows = NDArray[np.int64]


class Placing(NamedTuple):
    """Which views a chunk holds, and where."""

    layout: Layout
    views: Rows
    """(n,) numbers of the views in the batch, in the order of the layout's starts."""


def render(
    resident: Resident, transcripts: Rows, draws: Draws, placings: Sequence[Placing]
) -> list[Chunk]:
    """The chunks of some views of a batch.

    Args:
        resident: the corpus.
        transcripts: ``(n,)`` the transcript of every view of the batch, on this process or not.
        draws: the random choices of the batch.
        placings: which of the views go where.

    Returns:
        One chunk a placing, its codes on the corpus' device. A view's codes depend on its number in the batch and on
        the draws only.
    """
    facts = [_facts(resident, transcripts, draws, placing) for placing in placings]
    none = np.empty((0, len(_Facts._fields)), np.int64)
    on_device = sent(np.concatenate([none, *facts]), resident.device)
    parts = torch.split(on_device, [len(part) for part in facts])
    return [
        _chunk(resident, draws, placing, part, transcripts)
        for placing, part in zip(placings, parts, strict=True)
    ]


class _Facts(NamedTuple):
    """What the device has to know of a view, one integer each: the columns of one array that is sent at once."""

    begin: Any
    """Where its first base lies in the chunk, counted through the rows."""
    offset: Any
    """Where its first base lies in the corpus."""
    length: Any
    """nt."""
    strides: Any
    """How many strides of the chunk are looked after with it: up to the next view."""
    low: Any
    """Half of its key."""
    high: Any
    """The other half."""
    keep: Any
    """Bits of a code that it keeps."""


def _facts(resident: Resident, transcripts: Rows, draws: Draws, placing: Placing) -> Rows:
    """``(n, 7)``: a row of facts for each view of a chunk."""
    (height, width), starts = placing.layout.shape, placing.layout.starts
    rnas, keys = transcripts[placing.views], draws.keys[placing.views]
    ends = np.append(starts[1:], height * width)
    columns = _Facts(
        begin=starts + draws.shift,
        offset=resident.offsets[rnas],
        length=resident.lengths[rnas],
        strides=(ends - np.append(0, starts[1:])) // STRIDE,  # the first has what lies before it
        low=keys[:, 0],
        high=keys[:, 1],
        keep=np.zeros_like(rnas) if draws.keep is None else draws.keep[placing.views],
    )
    return np.stack(columns, axis=1)


def _chunk(
    resident: Resident, draws: Draws, placing: Placing, facts: Tensor, transcripts: Rows
) -> Chunk:
    height, width = placing.layout.shape
    codes = _codes(resident, draws, facts, height * width // STRIDE)
    lengths = resident.lengths[transcripts[placing.views]] + draws.shift
    return Chunk(
        codes.view(height, width),
        torch.from_numpy(placing.layout.starts),
        torch.from_numpy(lengths),
    )


def _codes(resident: Resident, draws: Draws, facts: Tensor, strides: int) -> Tensor:
    """``(strides, 32)`` codes: views begin at whole strides, so a view's facts are looked up once in 32 nt."""
    owners = torch.repeat_interleave(
        facts, _Facts(*facts.unbind(1)).strides, dim=0, output_size=strides
    )
    view = _Facts(*(column[:, None] for column in owners.unbind(1)))  # each (strides, 1)
    first = torch.arange(0, strides * STRIDE, STRIDE, device=facts.device)[:, None] - view.begin
    within = torch.arange(STRIDE, dtype=torch.int32, device=facts.device)
    position = first.int() + within  # (strides, 32), counted from the view's first base
    address = (first + view.offset + within).clamp_(0, len(resident.codes) - 1)
    codes = resident.codes.index_select(0, address.flatten()).view(strides, STRIDE)
    if draws.keep is not None:
        codes &= view.keep.to(torch.uint8)
    if draws.mask_rate > 0:
        hidden = below(words(position, view.low.int(), view.high.int()), draws.mask_rate)
        codes.masked_fill_(hidden, MASK)
    return codes.masked_fill_((position < 0) | (position >= view.length.int()), PAD)
