"""What the atlas computes for genes that are asked for: mutation maps, and what sets two isoforms apart."""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoclr.analysis.ism import MutationScan, scan
from isoclr.analysis.readout import LinearPredictor
from isoclr.atlas.isoforms import COMPARED, differences, put_back
from isoclr.genomics.encoding import Codes

MAX_NT = 13_000
"""Longest RNA that is mutated."""
STEPS = 32_767


def mutation_arrays(result: MutationScan) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """A mutation map for the page: effects as steps of ``unit``, four to a base (A, C, G, U)."""
    unit = float(np.abs(result.effects).max()) / STEPS or 1.0
    values = {
        "target": result.target,
        "value": result.value,
        "unit": unit,
        "coding": list(result.coding),
        "exonEnds": result.exon_ends.tolist(),
    }
    effects = np.rint(result.effects / unit).astype(np.int16).ravel()
    return values, {"effects": effects, "bases": result.bases.astype(np.uint8)}


def compare(predictor: LinearPredictor, isoforms: dict[int, Codes]) -> Iterator[dict[str, Any]]:
    """What each difference of two isoforms does to the prediction, for all pairs.

    Args:
        predictor: Encoder and linear model.
        isoforms: Codes by number of the isoform within its gene.

    Yields:
        ``a`` and ``b``, the isoforms; ``from`` and ``to``, their predictions; ``parts``: start and end in A, start and
        end in B, and the change of A's prediction when this stretch alone is as in B.
    """
    for (i, a), (j, b) in combinations(isoforms.items(), 2):
        parts = differences(a, b)
        rnas = [a, b, *(put_back(a, b, part) for part in parts)]
        values = predictor.model(predictor.encoder.embed_codes(rnas)).tolist()
        changes = [value - values[0] for value in values[2:]]
        yield {
            "a": i,
            "b": j,
            "from": values[0],
            "to": values[1],
            "parts": [[*p.a, *p.b, change] for p, change in zip(parts, changes, strict=True)],
        }


def explain_gene(
    predictor: LinearPredictor, codes: list[Codes | None], progress: Callable[[int], None] = lambda _: None
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The mutation map of a gene's first isoform and the comparison of its first isoforms, for one shard.

    Args:
        predictor: Encoder and linear model.
        codes: Codes of the isoforms; None for those that the corpus does not have.
        progress: Called with the number of mutants computed since the last call.
    """
    known = {number: own for number, own in enumerate(codes[:COMPARED]) if own is not None}
    values: dict[str, Any] = {"target": predictor.target, "pairs": [*compare(predictor, known)]}
    arrays: dict[str, NDArray[Any]] = {}
    first = next(((number, own) for number, own in known.items() if len(own) <= MAX_NT), None)
    if first is not None:
        result = scan(predictor, np.asarray(first[1]), progress=progress)
        about, arrays = mutation_arrays(result)
        values |= {"isoform": first[0], **about}
    return values, arrays
