"""How isoforms differ, which of the differences change a prediction, and mutation maps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoclr.analysis.ism import MutationScan, scan
from isoclr.analysis.readout import LinearPredictor
from isoclr.genomics.encoding import (
    CODON_START,
    EXON_END,
    IS_STOP,
    NUCLEOTIDE_BITS,
    Codes,
    coding_region,
    codon_numbers,
    longest_orf,
)

COMPARED = 6  # Isoforms of a gene that are compared in pairs, from the representative one


@dataclass(frozen=True)
class Difference:
    """A stretch of isoform A that differs from isoform B."""

    a: tuple[int, int]  # 0-based half-open positions in A; empty if B has more there
    b: tuple[int, int]  # Positions in B


def differences(a: Codes, b: Codes) -> list[Difference]:
    """Stretches in which two isoforms differ, from 5' to 3'.

    Exons of equal sequence are matched in order. What is left between them loses the bases that both sides begin or end
    with, so that an exon with another splice site differs by the bases between the two sites.
    """
    marks = np.uint8(NUCLEOTIDE_BITS | EXON_END)
    a, b = a & marks, b & marks
    exons_a, exons_b = _exons(a), _exons(b)
    ends_a, ends_b = (np.cumsum([0, *map(len, exons)]).tolist() for exons in (exons_a, exons_b))
    found = []
    for kind, a0, a1, b0, b1 in SequenceMatcher(None, exons_a, exons_b, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        (p, q), (s, t) = (ends_a[a0], ends_a[a1]), (ends_b[b0], ends_b[b1])
        shared = min(q - p, t - s)
        same = a[p : p + shared] == b[s : s + shared]
        head = shared if same.all() else int(same.argmin())
        p, s, shared = p + head, s + head, shared - head
        same = (a[q - shared : q] == b[t - shared : t])[::-1]
        tail = shared if same.all() else int(same.argmin())
        found.append(Difference((p, q - tail), (s, t - tail)))
    return found


def _exons(codes: Codes) -> list[bytes]:
    return [exon.tobytes() for exon in np.split(codes, np.flatnonzero(codes & EXON_END) + 1) if len(exon)]


def put_back(a: Codes, b: Codes, difference: Difference) -> Codes:
    """Isoform A with one stretch as it is in B, and its coding sequence read anew if the stretch reaches into it.

    Translation begins at A's start codon, or at B's if the stretch replaces it, and ends at the first stop codon in
    frame (also at the UGA of a selenocysteine). If neither start is left, the longest open reading frame is taken.
    """
    (a0, a1), (b0, b1) = difference.a, difference.b
    codes = np.concatenate([a[:a0], b[b0:b1], a[a1:]]) & ~np.uint8(CODON_START)
    start, end = coding_region(a)
    first: int | None = None
    if end:
        if start + 3 <= a0:
            first = start
        elif start >= a1:
            first = start - a1 + a0 + b1 - b0
        else:
            other, other_end = coding_region(b)
            if other_end and b0 <= other and other + 3 <= b1:
                first = other - b0 + a0
        is_whole = bool(IS_STOP[codon_numbers(a[end - 3 : end] & np.uint8(NUCLEOTIDE_BITS))])
        if first is not None and (a1 <= start or (a0 >= end and is_whole)):
            region: tuple[int, int] | None = (first, first + end - start)
        else:
            region = longest_orf(codes) if first is None else (first, _stop(codes, first))
        if region is not None:
            codes[region[0] : region[1] - 2 : 3] |= CODON_START
    return codes


def _stop(codes: Codes, start: int) -> int:
    """End of the reading frame from a start codon, with its stop codon if it has one."""
    whole = (len(codes) - start) // 3 * 3
    bases = codes[start : start + whole] & np.uint8(NUCLEOTIDE_BITS)
    stops = np.flatnonzero(IS_STOP[codon_numbers(bases.reshape(-1, 3))])
    return start + 3 * (int(stops[0]) + 1) if len(stops) else start + whole


MAX_NT = 13_000  # Longest RNA that is mutated
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
