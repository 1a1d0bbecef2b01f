"""The corpus where the views are made: all its bytes on one device."""

import warnings
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isoclr.corpus.codes import Codes
from isoclr.errors import InputError

Rows = NDArray[np.int64]


class Isoforms(Protocol):
    """What pre-training needs of a corpus (:class:`isoclr.corpus.reader.Corpus`)."""

    @property
    def codes(self) -> Codes:
        """``(nt,)`` codes of all transcripts."""

    @property
    def index(self) -> NDArray[np.void]:
        """Structured ``(n,)``; the fields ``offset`` and ``length`` are in nt."""

    @property
    def members(self) -> tuple[Rows, Rows]:
        """Transcripts gene set by gene set, and where each gene set starts."""


class Resident:
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

    def __init__(self, corpus: Isoforms, device: torch.device | str = "cpu") -> None:
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
