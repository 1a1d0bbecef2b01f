"""Consequences of edits: Sequence Ontology terms, changes of upstream open reading frames, and edits that act together.

A haplotype's edits are grouped into blocks that act together on a codon, a reading frame or the 5' UTR.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from isoclr.genomics.encoding import IS_STOP, START_CODON, codon_numbers
from isoclr.variants.edits import Edit, Rna, apply, common_prefix, common_suffix, shift_of, start_before, whole_codons

SEVERITY = (
    "exon_loss_variant",
    "splice_acceptor_variant",
    "splice_donor_variant",
    "stop_gained",
    "frameshift_variant",
    "stop_lost",
    "start_lost",
    "inframe_insertion",
    "inframe_deletion",
    "protein_altering_variant",
    "missense_variant",
    "splice_region_variant",
    "start_retained_variant",
    "stop_retained_variant",
    "synonymous_variant",
    "coding_sequence_variant",
    "uAUG_gained",
    "uAUG_lost",
    "uFrameshift",
    "uSTOP_gained",
    "uSTOP_lost",
    "5_prime_UTR_variant",
    "3_prime_UTR_variant",
    "non_coding_transcript_exon_variant",
    "intron_variant",
)
"""Consequences, most severe first.

Terms that start with ``u`` are UTRannotator's (Zhang et al. 2021), the others Sequence Ontology's, in the order of
Ensembl's Variant Effect Predictor.
"""


def sort_terms(terms: set[str]) -> tuple[str, ...]:
    """Terms with the most severe first."""
    return tuple(sorted(terms, key=SEVERITY.index))


def consequences(rna: Rna, edits: Sequence[Edit], edited: Rna) -> tuple[str, ...]:
    """Consequences of edits of one RNA taken together, the most severe first.

    The edits are in the order of the RNA and do not overlap; ``edited`` is what they make of it.
    """
    if rna.cds is None:
        return ("non_coding_transcript_exon_variant",)
    start, end = rna.cds
    terms: set[str] = set()
    if any(_in_region(edit, 0, start) for edit in edits):
        is_utr = not rna.begins_within_codon
        terms |= {"5_prime_UTR_variant", *uorf_changes(rna, edits, edited)} if is_utr else {"coding_sequence_variant"}
    if any(_in_region(edit, end, len(rna)) for edit in edits):
        terms.add("3_prime_UTR_variant")
    if any(edit.touches(start, end) for edit in edits):
        terms |= _coding_terms(rna, edits, edited)
    return sort_terms(terms)


def _in_region(edit: Edit, start: int, end: int) -> bool:
    """Whether an edit changes ``[start, end)``; bases inserted at its edges count as in it."""
    return edit.touches(start, end) or (edit.start == edit.end and edit.start in (start, end))


def _coding_terms(rna: Rna, edits: Sequence[Edit], edited: Rna) -> set[str]:
    assert rna.cds is not None
    start, end = rna.cds
    coding = [edit for edit in edits if edit.touches(start, end)]
    at_start = [edit for edit in coding if edit.touches(start, start + 3)]
    terms: set[str] = set()
    if rna.has_start_codon and at_start:
        behind = max(edit.end for edit in at_start)
        if edited.cds is None or edited.cds[0] not in (start_before(rna, edits), start + shift_of(edits, behind)):
            return {"start_lost"}
        if any(edit.change for edit in at_start):
            terms.add("start_retained_variant")
            if rna.protein == edited.protein:
                return terms
    change = sum(edit.change for edit in coding)
    if change and coding[0].start >= start and rna.protein == edited.protein and rna.protein.endswith("*"):
        return terms | {"stop_retained_variant"}
    if change % 3:
        inside = all(edit.start >= start and edit.end <= end for edit in coding)
        touches_stop = coding[-1].end > end - 3 and rna.protein.endswith("*")
        if inside or not touches_stop:
            if touches_stop and _is_extended(rna.protein, edited.protein):
                terms.add("stop_lost")
            return terms | {"frameshift_variant"}
    return terms | _protein_terms(rna, edits, coding, edited)


def _protein_terms(rna: Rna, edits: Sequence[Edit], coding: Sequence[Edit], edited: Rna) -> set[str]:
    """Terms of an in-frame change, or of one that reaches beyond the stop codon."""
    assert rna.cds is not None
    before, after, end = rna.protein, edited.protein, rna.cds[1]
    touches_stop = before.endswith("*") and any(edit.touches(end - 3, end) for edit in coding)
    if "X" in _changed(before, after):
        return {"coding_sequence_variant"}
    if before == after:
        return {"stop_retained_variant"} if touches_stop else {"synonymous_variant"}
    if edited.cds is None:
        return {"coding_sequence_variant"}
    if touches_stop and _is_extended(before, after):
        return {"stop_lost"}
    is_early = (
        after.endswith("*") and edited.cds[1] < end + shift_of(edits, end) and not after.startswith(before.rstrip("*"))
    )
    terms = {"stop_gained"} if is_early else set()
    change = sum(edit.change for edit in coding)
    if change > 0:
        terms.add("inframe_insertion")
    elif change < 0:
        terms.add("inframe_deletion")
    elif any(edit.change for edit in coding):  # one restores the frame that another shifts
        terms.add("protein_altering_variant")
    elif not terms:
        terms.add("missense_variant")
    return terms


def _is_extended(before: str, after: str) -> bool:
    """Whether a protein goes on behind its old end."""
    return len(after) > len(before) or not after.endswith("*")


def _changed(before: str, after: str) -> str:
    """The amino acids that differ, of both proteins."""
    first = common_prefix(before, after)
    rest, other = before[first:], after[first:]
    tail = common_suffix(rest, other)
    return rest[: len(rest) - tail] + other[: len(other) - tail]


class Uorf(NamedTuple):
    """An upstream open reading frame."""

    start: int  # First base of its AUG
    stop: int | None  # First base of its stop codon; None if the RNA ends before one


def uorfs(rna: Rna) -> Iterator[Uorf]:
    """Reading frames that begin with an AUG within the 5' UTR."""
    if rna.cds is None or rna.cds[0] < 3:
        return
    start = rna.cds[0]
    starts = np.flatnonzero(codon_numbers(sliding_window_view(rna.bases[:start], 3)) == START_CODON)
    for position in starts.tolist():
        yield Uorf(position, _stop_of(rna, position))


def _stop_of(rna: Rna, start: int) -> int | None:
    """First in-frame stop codon from a position on."""
    step = 600  # most upstream reading frames end within the first stretch
    for position in range(start, len(rna) - 2, step):
        stops = np.flatnonzero(IS_STOP[whole_codons(rna.bases[position : position + step])])
        if len(stops):
            return position + 3 * int(stops[0])
    return None


def uorf_changes(rna: Rna, edits: Sequence[Edit], edited: Rna) -> set[str]:
    """Changes of upstream open reading frames, in UTRannotator's terms.

    ``uAUG_gained`` and ``uAUG_lost``: an upstream AUG appears or disappears. ``uSTOP_lost`` and ``uSTOP_gained``: the
    stop codon of an upstream reading frame disappears, or one appears before it. ``uFrameshift``: an insertion or
    deletion within an upstream reading frame changes its frame.
    """
    if edited.cds is None:
        edited = Rna(edited.bases, edited.exon_lengths, _same_region(rna, edits))
    before = {orf.start: orf for orf in uorfs(rna)}
    after = {orf.start: orf for orf in uorfs(edited)}
    images = _match(edits, before.keys(), after.keys())
    terms = set[str]()
    for start, image in images.items():
        terms |= _stop_changes(edits, before[start], after[image])
    if before.keys() - images.keys():
        terms.add("uAUG_lost")
    if after.keys() - images.values():
        terms.add("uAUG_gained")
    return terms


def _match(edits: Sequence[Edit], before: Iterable[int], after: Iterable[int]) -> dict[int, int]:
    """Old → new position of upstream AUGs that are still there.

    An AUG that an edit touches counts as kept if another takes its place, as when one copy of a repeat is deleted.
    """
    free, images = set(after), dict[int, int]()
    touching = {start: [e for e in edits if e.touches(start, start + 3)] for start in before}
    for start in sorted(touching, key=lambda start: bool(touching[start])):  # untouched ones first
        moved = start + sum(e.change for e in edits if e.end <= start)
        own = sum(e.change for e in touching[start])
        candidates = (moved, moved + own) if own else () if touching[start] else (moved,)
        image = next((one for one in candidates if one in free), None)
        if image is not None:
            images[start] = image
            free.discard(image)
    return images


def _same_region(rna: Rna, edits: Sequence[Edit]) -> tuple[int, int]:
    """The unedited coding sequence in new coordinates, for an RNA that lost its start codon."""
    assert rna.cds is not None
    start, end = (position + shift_of(edits, position) for position in rna.cds)
    return start, max(start, end)


def _stop_changes(edits: Sequence[Edit], before: Uorf, after: Uorf) -> set[str]:
    inside = [
        edit for edit in edits if edit.end > before.start and (before.stop is None or edit.start < before.stop + 3)
    ]
    expected = None if before.stop is None else before.stop + shift_of(edits, before.stop)
    if not inside or after.stop == expected:
        return set()
    behind_stop = before.stop is not None and inside[-1].end > before.stop
    if sum(edit.change for edit in inside) % 3 and not behind_stop:
        return {"uFrameshift"}
    if expected is not None and (after.stop is None or after.stop > expected):
        return {"uSTOP_lost"}
    return {"uSTOP_gained"}


_ENDS_PROTEIN = {"stop_gained", "start_lost"}


@dataclass(frozen=True)
class Block:
    """Edits of one RNA with common consequences."""

    rna: Rna
    edits: tuple[Edit, ...]

    @cached_property
    def edited(self) -> Rna:
        """The RNA after these edits alone."""
        return apply(self.rna, self.edits)

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """Consequences, the most severe first."""
        return consequences(self.rna, self.edits, self.edited)


def split(rna: Rna, edits: Sequence[Edit]) -> list[Block]:
    """Group the edits of a haplotype by what they act on together, as ``bcftools csq`` does.

    Edits of the 5' UTR belong together, since one may make an upstream AUG and another its stop codon. In the coding
    sequence, edits belong together that touch the same codon, and all that follow a shift of the frame. After a block
    that ends the protein, further changes of the coding sequence have no consequence of their own. The edits are in the
    order of the RNA and do not overlap.
    """
    groups: list[list[Edit]] = []
    for edit in edits:
        if groups and _acts_together(rna, groups[-1], edit):
            groups[-1].append(edit)
        else:
            groups.append([edit])
    blocks: list[Block] = []
    ended = False
    for group in groups:
        if ended and rna.cds is not None and group[0].touches(*rna.cds):
            continue
        blocks.append(Block(rna, tuple(group)))
        ended = ended or not _ENDS_PROTEIN.isdisjoint(blocks[-1].terms)
    return blocks


def _acts_together(rna: Rna, group: Sequence[Edit], edit: Edit) -> bool:
    if rna.cds is None:
        return False
    start, end = rna.cds
    last = group[-1]
    if edit.start < start:
        return True
    if not edit.touches(start, end) or not last.touches(start, end):
        return False
    if sum(one.change for one in group if one.touches(start, end)) % 3:
        return True
    return (max(last.end - 1, last.start) - start) // 3 >= (edit.start - start) // 3
