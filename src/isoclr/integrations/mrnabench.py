"""mRNABench (Shi et al. 2025): our encoder as one of its models.

>>> from isoclr.integrations.mrnabench import register  # doctest: +SKIP
>>> register()  # doctest: +SKIP
>>> model = mrna_bench.load_model("IsoCLR", "isoclr-s", torch.device("cpu"))  # doctest: +SKIP
>>> embeddings = DatasetEmbedder(model, mrna_bench.load_dataset("rnahl-human")).embed_dataset()  # doctest: +SKIP

Its task files are read by :func:`isoclr.integrations.tracks.read_task`.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isoclr.errors import InputError, MissingExtraError
from isoclr.genomics.encoding import CODON_START, EXON_END, Codes, nucleotides
from isoclr.models.encoder import Encoder
from isoclr.models.load import load

try:
    from mrna_bench.models import MODEL_CATALOG, EmbeddingModel
except ImportError:
    raise MissingExtraError("mrna-bench", "mrnabench", "the adapter for mRNABench") from None

Track = NDArray[np.integer]


class IsoCLR(EmbeddingModel):  # type: ignore[misc]  # mrna-bench has no type information
    """An encoder of isoclr for mRNABench, by both of its interfaces: ``embed``, and ``embed_sequence`` up to 1.x.

    Args:
        model_version: An encoder as in :func:`isoclr.load`, or an encoder.
        device: Device to compute on.
    """

    default_version: ClassVar[str] = "isoclr-s"
    valid_versions: ClassVar[Any]

    @staticmethod
    def get_model_short_name(model_version: str) -> str:
        """Name in the names of files, without ``_`` and ``/``."""
        return model_version.rstrip("/").rpartition("/")[2].replace("_", "-")

    def __init__(self, model_version: str | Encoder = "isoclr-s", device: torch.device | str = "cpu") -> None:
        self.encoder = load(model_version)
        name = self.encoder.name if isinstance(model_version, Encoder) else model_version
        self.valid_versions = [name]  # type: ignore[misc]  # any encoder that can be loaded
        gradients = torch.is_grad_enabled()
        super().__init__(name, torch.device(device))
        torch.set_grad_enabled(gradients)  # mRNABench 1.x switches gradients off for the whole process
        self.encoder.network.to(self.device)
        self.model = self.encoder.network
        self.is_sixtrack = self.encoder.tracks == 6

    def embed(
        self,
        sequences: list[str],
        cds: list[Track] | None = None,
        splice: list[Track] | None = None,
        agg_fn: Callable[..., Tensor] | None = None,
    ) -> list[Tensor]:
        """Embeddings ``(dim,)`` of RNAs.

        Args:
            sequences: Letters.
            cds: For each, 1 at the first base of every codon.
            splice: For each, 1 at the last base of every exon.
            agg_fn: How to summarize the activations of a sequence ``(windows, channels)``; by default, and for a mean,
                the read-out that the encoder was trained with.

        Raises:
            InputError: A letter that no RNA has, or a track of another length.
        """
        codes = [
            _codes(
                sequence, None if cds is None else cds[i], None if splice is None else splice[i], f"sequence {i + 1}"
            )
            for i, sequence in enumerate(sequences)
        ]
        if agg_fn is None or getattr(agg_fn, "func", agg_fn) is torch.mean:
            return list(torch.from_numpy(self.encoder.embed_codes(codes)).to(self.device))
        positions = self.encoder.positions(codes)
        return [agg_fn(torch.from_numpy(one).to(self.device)) for one in positions]

    def embed_sequence(
        self,
        sequence: str,
        cds: Track | None = None,
        splice: Track | None = None,
        agg_fn: Callable[..., Tensor] | None = None,
    ) -> Tensor:
        """Embedding ``(1, dim)`` of one RNA."""
        if callable(cds):  # mRNABench 1.x: embed_sequence(sequence, agg_fn)
            cds, agg_fn = None, cds
        return torch.stack(self.embed([sequence], _optional(cds), _optional(splice), agg_fn))

    def embed_sequence_sixtrack(
        self, sequence: str, cds: Track, splice: Track, agg_fn: Callable[..., Tensor] | None = None
    ) -> Tensor:
        """Embedding ``(1, dim)`` of one RNA with its codons and exons, for mRNABench 1.x."""
        return self.embed_sequence(sequence, cds, splice, agg_fn)


def register(name: str = "IsoCLR") -> None:
    """Add :class:`IsoCLR` to mRNABench's catalog, from which ``mrna_bench.load_model`` chooses by name."""
    MODEL_CATALOG[name] = IsoCLR


def _optional(track: Track | None) -> list[Track] | None:
    return None if track is None else [track]


def _codes(sequence: str, cds: Track | None, splice: Track | None, name: str) -> Codes:
    codes = nucleotides(sequence, name=name)
    tracks: Sequence[tuple[str, Track | None, int]] = (("cds", cds, CODON_START), ("splice", splice, EXON_END))
    for what, track, bit in tracks:
        if track is None:
            continue
        if len(track) != len(codes):
            raise InputError(f"{name}: {what} has {len(track)} values for {len(codes)} nt")
        codes = codes | np.uint8(bit) * (np.asarray(track) > 0).astype(np.uint8)
    return codes
