"""The embeddings of a study and the simple features that stand beside them, for the same RNAs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.baselines.kmers import KmersAndCodons
from isoclr.baselines.protocol import Embedder
from isoclr.baselines.random_init import RandomInit
from isoclr.corpus import Corpus
from isoclr.corpus.codes import Codes
from isoclr.embedding import Embeddings
from isoclr.errors import InputError
from isoclr.latent.kinship import Numbers
from isoclr.models import MODELS
from isoclr.models.resnet import Pooling

KEYS = ("species", "transcript_id")


@dataclass(frozen=True)
class Rnas:
    """RNAs that both the embeddings and the corpus have.

    Attributes:
        table: one row an RNA, as in the embeddings.
        places: ``(n,)`` their numbers in the corpus.
        corpus: where they are.
        missing: how many of the embedded RNAs the corpus does not have.
    """

    table: pl.DataFrame
    places: Numbers
    corpus: Corpus
    missing: int

    def __len__(self) -> int:
        return self.table.height

    def codes(self, row: int) -> Codes:
        """The codes of one of them."""
        return self.corpus.codes_of(int(self.places[row]))


def shared(embeddings: Sequence[Embeddings], corpus: Corpus) -> tuple[Rnas, list[Numbers]]:
    """The RNAs that all embeddings and the corpus have, and their rows in each of the embeddings.

    Raises:
        InputError: there are none.
    """
    known = corpus.transcripts.select(*KEYS, "length").with_row_index("place")
    known = known.unique(KEYS, keep="first", maintain_order=True)
    joined = (
        embeddings[0]
        .table.with_row_index("row0")
        .join(known, on=[*KEYS, "length"], how="inner", maintain_order="left")
    )
    for i, others in enumerate(embeddings[1:], 1):
        rows = others.table.select(*KEYS).with_row_index(f"row{i}").unique(KEYS, keep="first")
        joined = joined.join(rows, on=KEYS, how="inner", maintain_order="left")
    if not joined.height:
        raise InputError(
            f"{corpus.path}: no RNA with the species, name and length of an embedded one ({_first(embeddings[0])}, …); "
            "expected the corpus that was embedded"
        )
    rnas = Rnas(
        joined.select(embeddings[0].table.columns),
        joined["place"].to_numpy().astype(np.int64),
        corpus,
        len(embeddings[0]) - joined.height,
    )
    return rnas, [joined[f"row{i}"].to_numpy().astype(np.int64) for i in range(len(embeddings))]


def _first(embeddings: Embeddings) -> str:
    if not len(embeddings):
        return "there is none"
    name, species, length = embeddings.table.select("transcript_id", "species", "length").row(0)
    return f"{name} of {species!r}, {length:,} nt"


def baselines(embeddings: Embeddings) -> list[Embedder]:
    """The features that stand beside embeddings: k-mers and codons, and the same encoder with random weights.

    An encoder that is none of ours has no random twin here.
    """
    found: list[Embedder] = [KmersAndCodons()]
    meta = embeddings.meta
    if meta["model"] in MODELS and meta["n_tracks"] in ("4", "5", "6"):
        pooling: Pooling = "all" if meta["pooling"] == "all" else "last"
        found.append(RandomInit(meta["model"], tracks=int(meta["n_tracks"]), pooling=pooling))
    return found


def features_of(
    embedder: Embedder, rnas: Rnas, progress: Callable[[int], None] | None = None
) -> NDArray[np.float32]:
    """A baseline's features ``(n, d)`` of all RNAs.

    Args:
        embedder: the baseline.
        rnas: the RNAs.
        progress: called with the number of nucleotides done since the last call.
    """
    return embedder.embed([rnas.codes(i) for i in range(len(rnas))], progress)
