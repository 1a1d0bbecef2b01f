"""An encoder ready for use: sequences in, one vector per RNA out."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from isoclr.corpus.codes import Codes, encode, nucleotides
from isoclr.errors import InputError
from isoclr.models import weights
from isoclr.models.folded import FoldedResNet
from isoclr.models.packing import Layout, few_shapes, fill, lay_out
from isoclr.models.parallel import each
from isoclr.models.resnet import DilatedResNet
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
        self._folded: tuple[object, FoldedResNet] | None = None

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

    def embed_codes(
        self,
        codes: Sequence[Codes],
        *,
        precision: Precision = "float32",
        chunk_nt: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> NDArray[np.float32]:
        """Embed RNAs given as byte codes (:mod:`isoclr.corpus.codes`), ``(n, dim)`` float32 in their order.

        Several RNAs are computed together, on a CPU one such chunk on every thread. An RNA longer than ``chunk_nt``
        is cut into tiles that overlap by the encoder's reach, which gives the same embedding in bounded memory.

        Args:
            codes: one array ``(length,)`` an RNA.
            precision: of the activations.
            chunk_nt: nt computed at a time, on each thread of a CPU; None: what suits the device.
            progress: called with the number of nt done since the last call, by whichever thread did them.

        Raises:
            InputError: an RNA without a single base, or an unknown precision.
        """
        lengths = np.array([len(c) for c in codes], np.int64)
        if (lengths == 0).any():
            raise InputError(f"sequence {int(np.argmin(lengths)) + 1} is empty, expected bases")
        if precision not in DTYPES:
            raise InputError(f"precision is {precision!r}, expected {' or '.join(DTYPES)}")
        folded = self._fold(DTYPES[precision])
        tile_nt = chunk_nt or folded.tile_nt
        embeddings = np.empty((len(codes), self.dim), np.float32)

        def embed(layout: Layout) -> None:
            total = int(lengths[layout.rows].sum())
            if len(layout.rows) == 1 and total > tile_nt:
                found = folded.embed_long(codes[layout.rows[0]], tile_nt)
            else:
                found = folded.embed(fill(layout, codes, lengths))
            embeddings[layout.rows] = found
            if progress is not None:
                progress(total)

        gap = self.network.architecture.gap
        round_to = few_shapes(lengths, tile_nt, gap)
        layouts = lay_out(lengths, gap=gap, chunk_nt=tile_nt, round_to=round_to)
        each(embed, layouts, folded.device.type)
        return embeddings

    def _fold(self, dtype: torch.dtype) -> FoldedResNet:
        """The network ready for evaluation; kept until a weight changes."""
        state = self.network.state_dict(keep_vars=True).values()
        key = (dtype, *((t.data_ptr(), 0 if t.is_inference() else t._version) for t in state))
        if self._folded is None or self._folded[0] != key:
            self._folded = key, FoldedResNet(self.network, dtype)
        return self._folded[1]

    def save(self, directory: Path | str) -> Path:
        """Write ``config.json`` and ``model.safetensors``; the directory appears when both are whole."""
        return weights.save(self, Path(directory))
