"""Augmentations (mask, shift, dropped tracks) and the packed batches of augmented views."""

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
from isoclr.models.packing import STRIDE, PackedBatch, PackLayout, Rows, to_device
from isoclr.training.rng import RngStream, bernoulli, hash_uint32, keyed_rng


class AugmentationSample(NamedTuple):
    """The random values of one batch of n views."""

    shift: int  # Empty positions before every view
    mask_rate: float  # Probability that a position is masked
    keys: Rows
    """``(n, 2)`` int64 in the range of int32: the key of each view for :func:`isoclr.training.rng.hash_uint32`."""
    keep: Rows | None  # (n,) bits of a code that each view keeps; None: all of them


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Parameters of the augmentations; without arguments views are left as they are."""

    mask: float = 0.0  # Probability that a position is masked (all six tracks 0.25)
    max_shift: int = 0  # Views are shifted by 0 to this many positions, one value per batch
    drop_splice: float = 0.0  # Fraction of the views without exon ends
    drop_tracks: float = 0.0
    """Fraction of the views without exon ends and codon starts; a view is in one of the two fractions only."""

    def draw(self, n: int, *, seed: int, epoch: int, step: int) -> AugmentationSample:
        """Random values for the n views of a step; those of view i do not depend on n."""
        shift = int(keyed_rng(seed, RngStream.SHIFT, epoch, step).integers(self.max_shift + 1))
        keys = keyed_rng(seed, RngStream.MASK, epoch, step).integers(-(2**31), 2**31, (n, 2))
        return AugmentationSample(shift, self.mask, keys, self._keep(n, seed, epoch, step))

    def _keep(self, n: int, seed: int, epoch: int, step: int) -> Rows | None:
        if self.drop_splice == self.drop_tracks == 0:
            return None
        uniform = keyed_rng(seed, RngStream.TRACKS, epoch, step).random(n)
        without_tracks = uniform < self.drop_tracks
        without_splice = uniform < self.drop_tracks + self.drop_splice
        all_tracks = NUCLEOTIDE_BITS | CODON_START | EXON_END
        bits = np.where(without_splice, all_tracks & ~EXON_END, all_tracks)
        return np.where(without_tracks, NUCLEOTIDE_BITS, bits).astype(np.int64)


class CorpusLike(Protocol):
    """The part of :class:`isoclr.corpus.corpus.Corpus` that pre-training uses."""

    @property
    def codes(self) -> Codes:
        """``(nt,)`` codes of all transcripts."""

    @property
    def index(self) -> NDArray[np.void]:
        """``(n,)`` structured, with the fields ``offset`` and ``length`` in nt."""

    @property
    def members(self) -> tuple[Rows, Rows]:
        """Transcripts sorted by gene set, and where each gene set starts."""


class DeviceCorpus:
    """The codes of a corpus on a device, and on the host where each transcript is.

    On a CPU the codes are the memory map, without a copy; to a GPU they are uploaded once.
    """

    def __init__(self, corpus: CorpusLike, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.offsets: Rows = np.asarray(corpus.index["offset"], np.int64)
        """``(n,)`` position of each transcript's first code."""
        self.lengths: Rows = np.asarray(corpus.index["length"], np.int64)  # (n,) nt of each transcript
        with warnings.catch_warnings():  # a memory map is read-only, and nothing writes to it
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            codes = torch.from_numpy(corpus.codes)
        self.codes = codes if self.device.type == "cpu" else _upload(codes, self.device)
        """``(nt,)`` uint8 codes on the device."""


def _upload(codes: Tensor, device: torch.device) -> Tensor:
    try:
        return codes.to(device)
    except torch.OutOfMemoryError:
        raise InputError(
            f"the corpus has {len(codes):,} bytes, more than {device} has free; --corpus-on cpu keeps it in host memory"
        ) from None


def make_views(
    corpus: DeviceCorpus, transcripts: Rows, sample: AugmentationSample, layouts: Sequence[PackLayout]
) -> list[PackedBatch]:
    """The packed, augmented views of one process.

    Args:
        transcripts: ``(n,)`` transcript of every view of the batch, of all processes.
        layouts: Chunks, whose rows are the numbers of views in the batch.

    Returns:
        One packed batch per layout, with its codes on the corpus' device. The codes of a view depend on its number in
        the batch and on ``sample`` only.
    """
    tables = [_view_table(corpus, transcripts, sample, layout) for layout in layouts]
    empty = np.empty((0, len(_ViewColumns._fields)), np.int64)
    on_device = to_device(np.concatenate([empty, *tables]), corpus.device)
    parts = torch.split(on_device, [len(table) for table in tables])
    return [
        PackedBatch(
            _codes(corpus, sample, part, layout.shape),
            torch.from_numpy(layout.starts),
            torch.from_numpy(corpus.lengths[transcripts[layout.rows]] + sample.shift),
            torch.from_numpy(layout.rows),
        )
        for layout, part in zip(layouts, parts, strict=True)
    ]


class _ViewColumns(NamedTuple):
    """Columns of a table with one row of integers per view, which is sent to the device at once."""

    begin: Any  # Position of the view's first base in the chunk, counted through the rows
    offset: Any  # Position of its first base in the corpus
    length: Any  # nt
    strides: Any  # Strides of the chunk from this view to the next one
    low: Any  # Low half of its key
    high: Any  # High half of its key
    keep: Any  # Bits of a code that it keeps


def _view_table(corpus: DeviceCorpus, transcripts: Rows, sample: AugmentationSample, layout: PackLayout) -> Rows:
    (height, width), starts = layout.shape, layout.starts
    rows, keys = transcripts[layout.rows], sample.keys[layout.rows]
    columns = _ViewColumns(
        begin=starts + sample.shift,
        offset=corpus.offsets[rows],
        length=corpus.lengths[rows],
        strides=np.diff(np.append(starts[1:], height * width), prepend=0) // STRIDE,  # the first has what is before it
        low=keys[:, 0],
        high=keys[:, 1],
        keep=np.zeros_like(rows) if sample.keep is None else sample.keep[layout.rows],
    )
    return np.stack(columns, axis=1)


def _codes(corpus: DeviceCorpus, sample: AugmentationSample, table: Tensor, shape: tuple[int, int]) -> Tensor:
    """The codes of a chunk; views begin at whole strides, so a view is looked up once in 32 nt."""
    strides = shape[0] * shape[1] // STRIDE
    rows = torch.repeat_interleave(table, _ViewColumns(*table.unbind(1)).strides, dim=0, output_size=strides)
    view = _ViewColumns(*(column[:, None] for column in rows.unbind(1)))  # each (strides, 1)
    first = torch.arange(0, strides * STRIDE, STRIDE, device=table.device)[:, None] - view.begin
    within = torch.arange(STRIDE, dtype=torch.int32, device=table.device)
    position = first.int() + within  # (strides, 32), counted from the view's first base
    address = (first + view.offset + within).clamp_(0, len(corpus.codes) - 1)
    codes = corpus.codes.index_select(0, address.flatten()).view(strides, STRIDE)
    if sample.keep is not None:
        codes &= view.keep.to(torch.uint8)
    if sample.mask_rate > 0:
        numbers = hash_uint32(position, view.low.int(), view.high.int())
        codes.masked_fill_(bernoulli(numbers, sample.mask_rate), MASK)
    return codes.masked_fill_((position < 0) | (position >= view.length.int()), PAD).view(shape)
