"""An encoder ready for use: sequences in, one vector per RNA out."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isoclr.corpus.codes import PAD, Codes, encode, nucleotides
from isoclr.errors import InputError
from isoclr.models import weights
from isoclr.models.chunk import Chunk
from isoclr.models.resnet import STRIDE, DilatedResNet
from isoclr.orf import longest_orf

Precision = Literal["float32", "bf16"]
DTYPES: dict[str, torch.dtype] = {"float32": torch.float32, "bf16": torch.bfloat16}


class Encoder:
    """A network with its name: embeds RNAs of any length, saves itself.

    Attributes:
        network: the torch module, for those who want to train it.
        name: the model's name in the registry.
        tracks: how many of the six tracks it reads.
    """

    def __init__(self, network: DilatedResNet, *, name: str, tracks: int = 6) -> None:
        self.network = network
        self.name = name
        self.tracks = tracks

    def __repr__(self) -> str:
        return (
            f"Encoder({self.name!r}, tracks={self.tracks}, dim={self.dim}, "
            f"parameters={self.num_parameters:,})"
        )

    @property
    def dim(self) -> int:
        """Size of an embedding."""
        return self.network.dim

    @property
    def num_parameters(self) -> int:
        """Number of trained values in the body (no projection head, no running statistics)."""
        return sum(p.numel() for p in self.network.parameters())

    @property
    def sha256(self) -> str:
        """SHA-256 of the weights file that :meth:`save` would write now: names exactly these weights."""
        return weights.digest(self)

    def embed(
        self, sequences: Sequence[str], *, orf: bool = True, precision: Precision = "float32"
    ) -> NDArray[np.float32]:
        """Embed mature RNAs given as text, one row each, ``(n, dim)`` float32.

        Args:
            sequences: RNA or DNA letters, 5' to 3', any case, of any length.
            orf: mark the codons of the longest open reading frame of 300 nt or more, as ``isoclr embed`` does for a
                FASTA without annotation, unless a record's name or header says that it does not code; else the codon
                track stays empty.
            precision: of the activations.

        Raises:
            InputError: an empty sequence, or a letter that no nucleic acid has.

        >>> import isoclr
        >>> model = isoclr.create("isoclr-s", seed=0)
        >>> model.embed(["AUGGCUUGA", "GGGACGU"]).shape
        (2, 256)
        """
        if isinstance(sequences, str):
            raise InputError("embed takes a list of sequences, not one sequence: write [sequence]")
        codes = []
        for i, sequence in enumerate(sequences):
            bases = nucleotides(sequence, name=f"sequence {i + 1}")
            codes.append(encode(bases, cds=longest_orf(bases) if orf else None))
        return self.embed_codes(codes, precision=precision)

    @torch.inference_mode()
    def embed_codes(
        self,
        codes: Sequence[Codes],
        *,
        precision: Precision = "float32",
        chunk_nt: int = 65_536,
        progress: Callable[[int], None] | None = None,
    ) -> NDArray[np.float32]:
        """Embed RNAs given as byte codes (:mod:`isoclr.corpus.codes`), ``(n, dim)`` float32 in their order.

        RNAs of like length are computed together. One longer than ``chunk_nt`` is cut into tiles that overlap
        by the encoder's reach, which gives the same embedding in bounded memory.

        Args:
            codes: one array ``(length,)`` an RNA.
            precision: of the activations.
            chunk_nt: nt computed at a time.
            progress: called with the number of nt done since the last call.

        Raises:
            InputError: an RNA without a single base.
        """
        lengths = np.array([len(c) for c in codes], np.int64)
        if (lengths == 0).any():
            raise InputError(f"sequence {int(np.argmin(lengths)) + 1} is empty, expected bases")
        was_training = self.network.training
        self.network.eval()
        embeddings = np.empty((len(codes), self.dim), np.float32)
        try:
            for rows in _by_length(lengths, chunk_nt):
                group = [codes[i] for i in rows]
                embeddings[rows] = self._embed_group(group, DTYPES[precision], chunk_nt)
                if progress is not None:
                    progress(int(lengths[rows].sum()))
        finally:
            self.network.train(was_training)
        return embeddings

    def _embed_group(
        self, group: list[Codes], dtype: torch.dtype, chunk_nt: int
    ) -> NDArray[np.float32]:
        """RNAs of like length as one chunk; a long one in tiles."""
        if len(group) == 1 and len(group[0]) > chunk_nt:
            return self._embed_tiled(group[0], dtype, chunk_nt)
        chunk = pad(group).to(self.network.stem.weight.device)
        found: NDArray[np.float32] = self.network([chunk], dtype).cpu().numpy()
        return found

    def _embed_tiled(self, codes: Codes, dtype: torch.dtype, tile_nt: int) -> NDArray[np.float32]:
        """Sum over tiles of the activations before pooling; each tile sees its neighbours' bases."""
        reach = self.network.architecture.reach
        tile_nt = max(tile_nt // STRIDE * STRIDE, STRIDE)
        total = torch.zeros(self.dim, dtype=torch.float64)
        for start in range(0, len(codes), tile_nt):
            end = min(start + tile_nt, len(codes))
            first = max(start - reach, 0)
            chunk = pad([codes[first : end + reach]]).to(self.network.stem.weight.device)
            (features,), _ = self.network.features([chunk], dtype)
            own = features[0, (start - first) // STRIDE : -(-(end - first) // STRIDE)]
            total += own.sum(0, dtype=torch.float64).cpu()
        positions = -(-len(codes) // STRIDE)
        mean: NDArray[np.float32] = (total / positions).float().numpy()
        return mean

    def save(self, directory: Path | str) -> Path:
        """Write ``config.json`` and ``model.safetensors``; the directory appears when both are whole."""
        return weights.save(self, Path(directory))


def pad(codes: Sequence[Codes]) -> Chunk:
    """One chunk from RNAs of like length, padded to the longest rounded up to the stride."""
    lengths = torch.tensor([len(c) for c in codes])
    width = -(-int(lengths.max()) // STRIDE) * STRIDE
    block: Tensor = torch.full((len(codes), width), PAD, dtype=torch.uint8)
    rows = block.numpy()
    for row, c in zip(rows, codes, strict=True):
        row[: len(c)] = c
    return Chunk(block, lengths)


def _by_length(lengths: NDArray[np.int64], chunk_nt: int) -> Iterator[NDArray[np.int64]]:
    """Row numbers in groups of like length, each group at most ``chunk_nt`` when padded."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    for i in range(1, len(order) + 1):
        full = i < len(order) and (i - start + 1) * int(lengths[order[i]]) > chunk_nt
        if i == len(order) or full:
            yield order[start:i]
            start = i
