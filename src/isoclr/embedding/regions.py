"""Embeddings of a region of every RNA instead of the whole: the 5' UTR, with its upstream reading frames.

An average over a whole mRNA hardly changes with one upstream AUG, and no average knows whether that AUG is in frame.
For the load of ribosomes, both matter more than anything else (docs/variants.md).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.embedding.distributed import Embedder
from isoclr.embedding.inputs import RnaTable
from isoclr.genomics.encoding import EXON_END, Codes, coding_region
from isoclr.genomics.features import UPSTREAM, upstream_features

Region = Literal["rna", "utr5"]
"""The whole RNA, or its 5' UTR and the first :data:`BEYOND` nt of the coding sequence."""
BEYOND = 6  # More would differ between reporters, whose coding sequences are all the same, and other mRNAs


def crop(codes: Codes, region: str) -> Codes:
    """The region of an RNA: for a 5' UTR without exon ends, which reporters do not have.

    An RNA without a coding sequence has only its first :data:`BEYOND` nt.
    """
    if region == "rna":
        return codes
    return codes[: coding_region(codes)[0] + BEYOND] & np.uint8(0xFF ^ EXON_END)


def added_features(codes: Sequence[Codes], region: str) -> NDArray[np.float64]:
    """What follows the embedding of each region, ``(n, k)``: for a 5' UTR, its 11 upstream features.

    Args:
        codes: Regions, as :func:`crop` returns them.
    """
    if region != "utr5":
        return np.empty((len(codes), 0))
    rows = [upstream_features(one) for one in codes]
    return np.array(rows, np.float64).reshape(len(codes), len(UPSTREAM))


def added_dim(region: str) -> int:
    """Number of :func:`added_features`."""
    return len(UPSTREAM) if region == "utr5" else 0


def cropped(rnas: RnaTable, region: str) -> RnaTable:
    """The regions of RNAs; their ``length`` is that of the region."""
    if region == "rna":
        return rnas
    regions = [crop(rnas.codes_of(row), region) for row in range(len(rnas))]
    lengths = np.array([len(one) for one in regions], np.int64)
    column = pl.Series("length", lengths, rnas.table["length"].dtype)
    return replace(
        rnas,
        table=rnas.table.with_columns(column),
        codes=np.concatenate([np.empty(0, np.uint8), *regions]),
        starts=np.cumsum(lengths) - lengths,
    )


def regional(embedder: Embedder, region: str) -> Embedder:
    """The embedder of regions, as :func:`crop` returns them: vectors are followed by :func:`added_features`."""
    if region == "rna":
        return embedder

    def embed_codes(codes: Sequence[Codes], **options: Any) -> NDArray[np.float32]:
        added = added_features(codes, region).astype(np.float32)
        return np.hstack([embedder.embed_codes(codes, **options), added])

    meta, dim = {**embedder.meta, "region": region}, embedder.dim + added_dim(region)
    return replace(embedder, meta=meta, dim=dim, embed_codes=embed_codes)
