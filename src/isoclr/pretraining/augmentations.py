"""What a view loses: positions to the mask, tracks on request, its start to the shift."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isoclr.errors import InputError
from isoclr.genomics.encoding import CODON_START, EXON_END, MASK, NUCLEOTIDE_BITS, PAD, Codes
from isoclr.models.packing import STRIDE, PackedBatch, PackLayout, to_device
from isoclr.training.rng import RngStream, bernoulli, hash_uint32, keyed_rng

Rows = NDArray[np.int64]


class AugmentationSample(NamedTuple):
    """The random choices of one batch of n views."""

    shift: int
    """Empty positions before every view."""
    mask_rate: float
    """Probability that a position is masked."""
    keys: Rows
    """(n, 2) int64 in the range of int32: each view's key of :func:`isoclr.training.rng.hash_uint32`."""
    keep: Rows | None
    """(n,) the bits of a code that the view keeps; None: all views keep all."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How views are made poorer; without arguments they stay as they are.

    Attributes:
        mask: probability that a position is hidden (all six tracks 0.25).
        most_shift: views start 0 to this many positions late, one draw a batch.
        drop_splice: share of the views without their exon ends.
        drop_tracks: share of the views without exon ends and codon starts; the two shares exclude each other and
            are at most 1 together.
    """

    mask: float = 0.0
    most_shift: int = 0
    drop_splice: float = 0.0
    drop_tracks: float = 0.0

    def draw(self, n: int, *, seed: int, epoch: int, step: int) -> AugmentationSample:
        """The choices for the n views of a step; those of view i do not depend on n."""
        shift = int(keyed_rng(seed, RngStream.SHIFT, epoch, step).integers(self.most_shift + 1))
        keys = keyed_rng(seed, RngStream.MASK, epoch, step).integers(-(2**31), 2**31, (n, 2))
        return AugmentationSample(shift, self.mask, keys, self._kept(n, seed, epoch, step))

    def _kept(self, n: int, seed: int, epoch: int, step: int) -> Rows | None:
        if self.drop_splice == self.drop_tracks == 0:
            return None
        drawn = keyed_rng(seed, RngStream.TRACKS, epoch, step).random(n)
        bare, unspliced = drawn < self.drop_tracks, drawn < self.drop_tracks + self.drop_splice
        everything = NUCLEOTIDE_BITS | CODON_START | EXON_END
        kept: Rows = np.where(
            bare, NUCLEOTIDE_BITS, np.where(unspliced, everything & ~EXON_END, everything)
        ).astype(np.int64)
        return kept


class CorpusLike(Protocol):
    """What pre-training needs of a corpus (:class:`isoclr.corpus.corpus.Corpus`)."""

    @property
    def codes(self) -> Codes:
        """``(nt,)`` codes of all transcripts."""

    @property
    def index(self) -> NDArray[np.void]:
        """Structured ``(n,)``; the fields ``offset`` and ``length`` are in nt."""

    @property
    def members(self) -> tuple[Rows, Rows]:
        """Transcripts gene set by gene set, and where each gene set starts."""


class DeviceCorpus:
    """A corpus' bytes on a device; where each transcript lies in them is known on the host.

    On a CPU this is the memory map itself, nothing is copied; on a GPU the bytes are uploaded once.

    Args:
        corpus: where the transcripts are.
        device: where the views are to be made.

    Raises:
        InputError: the corpus does not fit in the device's memory.

    Attributes:
        codes: ``(nt,)`` uint8, on the device.
        offsets: ``(n,)`` int64, where each transcript begins.
        lengths: ``(n,)`` int64, nt of each transcript.
    """

    def __init__(self, corpus: CorpusLike, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.offsets: Rows = np.asarray(corpus.index["offset"], np.int64)
        self.lengths: Rows = np.asarray(corpus.index["length"], np.int64)
        mapped = _as_tensor(corpus.codes)
        self.codes = mapped if self.device.type == "cpu" else _upload(mapped, self.device)


def _as_tensor(codes: Codes) -> Tensor:
    """The memory map as a tensor without a copy; nothing here writes to it, as torch fears."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(codes)


def _upload(codes: Tensor, device: torch.device) -> Tensor:
    try:
        return codes.to(device)
    except torch.OutOfMemoryError:
        raise InputError(
            f"the corpus has {len(codes):,} bytes, more than {device} has free; "
            "--corpus-on cpu leaves it in the host's memory"
        ) from None


class Placement(NamedTuple):
    """Which views a chunk holds, and where."""

    layout: PackLayout
    views: Rows
    """(n,) numbers of the views in the batch, in the order of the layout's starts."""


def make_views(
    resident: DeviceCorpus,
    transcripts: Rows,
    draws: AugmentationSample,
    placings: Sequence[Placement],
) -> list[PackedBatch]:
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
    on_device = to_device(np.concatenate([none, *facts]), resident.device)
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


def _facts(
    resident: DeviceCorpus, transcripts: Rows, draws: AugmentationSample, placing: Placement
) -> Rows:
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
    resident: DeviceCorpus,
    draws: AugmentationSample,
    placing: Placement,
    facts: Tensor,
    transcripts: Rows,
) -> PackedBatch:
    height, width = placing.layout.shape
    codes = _codes(resident, draws, facts, height * width // STRIDE)
    lengths = resident.lengths[transcripts[placing.views]] + draws.shift
    return PackedBatch(
        codes.view(height, width),
        torch.from_numpy(placing.layout.starts),
        torch.from_numpy(lengths),
    )


def _codes(
    resident: DeviceCorpus, draws: AugmentationSample, facts: Tensor, strides: int
) -> Tensor:
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
        hidden = bernoulli(hash_uint32(position, view.low.int(), view.high.int()), draws.mask_rate)
        codes.masked_fill_(hidden, MASK)
    return codes.masked_fill_((position < 0) | (position >= view.length.int()), PAD)
