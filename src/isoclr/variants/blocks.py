"""Blocks of a haplotype's edits: those that act together on a codon, a reading frame or the 5' UTR."""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from isoclr.variants.consequences import consequences
from isoclr.variants.edits import Edit, Rna, apply

_ENDS_PROTEIN = {"stop_gained", "start_lost"}


class _Edits(NamedTuple):
    rna: Rna
    edits: tuple[Edit, ...]


class Block(_Edits):
    """Edits of one RNA with common consequences."""

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
    that ends the protein, further changes of the coding sequence have no consequence of their own.

    Args:
        rna: The unedited RNA.
        edits: Edits in the order of the RNA that do not overlap.
    """
    groups: list[list[Edit]] = []
    for edit in edits:
        if groups and _acts_together(rna, groups[-1], edit):
            groups[-1].append(edit)
        else:
            groups.append([edit])
    blocks, ended = [], False
    for group in groups:
        block = Block(rna, tuple(group))
        if ended and rna.cds is not None and group[0].touches(*rna.cds):
            continue
        blocks.append(block)
        ended = ended or not _ENDS_PROTEIN.isdisjoint(block.terms)
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
