"""HGVS names of variants: c. and n. of the RNA, p. of the protein.

Insertions and deletions are shifted as far as possible towards the 3' end within their exon. Protein consequences are
predicted, and written without parentheses, as Ensembl's Variant Effect Predictor does.
"""

from collections.abc import Sequence

import numpy as np

from isoclr.genomics.encoding import Codes, letters
from isoclr.variants.edits import Edit, Rna, common_prefix, common_suffix
from isoclr.variants.placement import Transcript, Variant

_THREE = {
    "A": "Ala", "C": "Cys", "D": "Asp", "E": "Glu", "F": "Phe", "G": "Gly", "H": "His", "I": "Ile",
    "K": "Lys", "L": "Leu", "M": "Met", "N": "Asn", "P": "Pro", "Q": "Gln", "R": "Arg", "S": "Ser",
    "T": "Thr", "V": "Val", "W": "Trp", "Y": "Tyr", "*": "Ter", "X": "Xaa",
}  # fmt: skip
_FAR = 1 << 62  # Farther than any exon


def allele(names: Sequence[str]) -> str:
    """Name of changes on one copy.

    >>> allele(["c.76A>G", "c.80del"])
    'c.[76A>G;80del]'
    """
    if len(names) < 2:
        return "".join(names)
    prefix = names[0][:2]
    return f"{prefix}[{';'.join(name.removeprefix(prefix) for name in names)}]"


def rna_name(rna: Rna, edit: Edit) -> str:
    """Name of an edit in the RNA, such as ``c.76A>G``, ``c.-12_-10del`` or ``n.41_42insAC``."""
    edit = shift_3prime(rna, edit)
    prefix = "n." if rna.cds is None else "c."
    return prefix + _span(rna, edit) + _change(rna.bases, edit)


def shift_3prime(rna: Rna, edit: Edit) -> Edit:
    """The same insertion or deletion, as near to the 3' end of its exon as possible."""
    inserts, deletes = len(edit.alt) > 0, edit.end > edit.start
    if inserts == deletes:
        return edit
    ends = rna.exon_ends
    exon = min(int(np.searchsorted(ends, max(edit.start, edit.end - 1), side="right")), len(ends) - 1)
    limit = int(ends[exon])
    start, end, alt = edit.start, edit.end, edit.alt
    while end < limit and rna.bases[end] == (alt[0] if inserts else rna.bases[start]):
        alt = np.concatenate([alt[1:], alt[:1]]) if inserts else alt
        start, end = start + 1, end + 1
    return Edit(start, end, alt, edit.joins_next)


def _span(rna: Rna, edit: Edit) -> str:
    first, last = edit.start, edit.end - 1
    if edit.start == edit.end:
        copies = _duplicated(rna.bases, edit)
        first, last = (edit.start - copies, edit.start - 1) if copies else (edit.start - 1, edit.start)
    names = [position_name(rna, position) for position in (first, last)]
    return names[0] if first == last else "_".join(names)


def _duplicated(bases: Codes, edit: Edit) -> int:
    """Length of the inserted bases if they repeat those before them, else 0."""
    n = len(edit.alt)
    same = edit.start >= n and np.array_equal(bases[edit.start - n : edit.start], edit.alt)
    return n if same else 0


def _change(bases: Codes, edit: Edit) -> str:
    if edit.is_snv:
        return f"{letters(bases[edit.start : edit.end])}>{letters(edit.alt)}"
    if edit.start == edit.end:
        return "dup" if _duplicated(bases, edit) else f"ins{letters(edit.alt)}"
    return f"delins{letters(edit.alt)}" if len(edit.alt) else "del"


def position_name(rna: Rna, position: int) -> str:
    """A position of the RNA: ``-3`` in the 5' UTR, ``17`` in the coding sequence, ``*5`` in the 3' UTR.

    Positions outside the RNA get a name too, as the flanks of an insertion at its end need one.
    """
    if rna.cds is None:
        return str(position + 1)
    start, end = rna.cds
    if position < start:
        return str(position - start)
    return str(position - start + 1) if position < end else f"*{position - end + 1}"


def genomic_name(transcript: Transcript, variant: Variant) -> str:
    """Name of a variant that changes intron bases, such as ``c.88+1G>T`` or ``c.89-3_89-1del``."""
    prefix = "n." if transcript.rna.cds is None else "c."
    ends = (variant.position, variant.end - 1) if variant.ref else (variant.position - 1, variant.position)
    places = [_intron_position(transcript, end) for end in ends]
    if transcript.minus:
        places.reverse()
    span = places[0] if places[0] == places[1] else "_".join(places)
    ref, alt = (letters(transcript.oriented(bases)) for bases in (variant.ref, variant.alt))
    if len(ref) == len(alt) == 1:
        return f"{prefix}{span}{ref}>{alt}"
    if not ref:
        return f"{prefix}{span}ins{alt}"
    return f"{prefix}{span}{'delins' + alt if alt else 'del'}"


def _intron_position(transcript: Transcript, position: int) -> str:
    """An exonic position, or the nearest exonic one with the distance into the intron."""
    inside = transcript.to_rna(position)
    if inside is not None:
        return position_name(transcript.rna, inside)
    starts = transcript.exon_starts
    ends = starts + transcript.exon_lengths - 1
    left = int(ends[ends < position].max(initial=-_FAR))
    right = int(starts[starts > position].min(initial=_FAR))
    upstream, downstream = (right, left) if transcript.minus else (left, right)
    if abs(position - upstream) <= abs(position - downstream):
        return f"{_intron_position(transcript, upstream)}+{abs(position - upstream)}"
    return f"{_intron_position(transcript, downstream)}-{abs(position - downstream)}"


def protein_name(rna: Rna, edited: Rna, terms: tuple[str, ...]) -> str:
    """Name of the protein's change, such as ``p.Gly12Val`` or ``p.Arg97ProfsTer23``; empty if none is predicted."""
    before, after = rna.protein, edited.protein
    if "start_lost" in terms:
        return "p.Met1?"
    if not before or not after or before == after or "coding_sequence_variant" in terms:
        return ""
    first = common_prefix(before, after)
    if first >= len(before):  # the annotated coding sequence ends without a stop codon
        return ""
    if "frameshift_variant" in terms:
        return _frameshift(before, after, first)
    if "stop_lost" in terms:
        return _extension(before, after, first)
    if "stop_gained" in terms and after[first : first + 1] not in ("", "*"):
        last = min(len(after), len(before)) - 1
        return f"p.{_spanned(before, first, last)}delins{_words(after[first:])}"
    return _in_frame(before, after, first)


def synonymous_name(rna: Rna, edit: Edit) -> str:
    """Name of a change that leaves the protein as it is, such as ``p.Leu7=``."""
    assert rna.cds is not None
    codon = (edit.start - rna.cds[0]) // 3
    return f"p.{_amino(rna.protein, codon)}=" if 0 <= codon < len(rna.protein) else "p.="


def _amino(protein: str, i: int) -> str:
    return f"{_THREE[protein[i]]}{i + 1}"


def _frameshift(before: str, after: str, first: int) -> str:
    if first >= len(after):
        return ""
    if after[first] == "*":
        return f"p.{_amino(before, first)}Ter"
    stop = after.find("*", first)
    ending = f"Ter{stop - first + 1}" if stop >= 0 else "Ter?"
    return f"p.{_amino(before, first)}{_THREE[after[first]]}fs{ending}"


def _extension(before: str, after: str, first: int) -> str:
    stop = after.find("*", first)
    ending = f"Ter{stop - len(before) + 1}" if stop >= 0 else "Ter?"
    new = _THREE[after[first]] if first < len(after) else ""
    return f"p.{_amino(before, first)}{new}ext{ending}"


def _in_frame(before: str, after: str, first: int) -> str:
    if first < len(after) and after[first] == "*":
        return f"p.{_amino(before, first)}Ter"
    tail = common_suffix(before[first:], after[first:])
    old, new = before[first : len(before) - tail], after[first : len(after) - tail]
    if len(old) == len(new) == 1:
        return f"p.{_amino(before, first)}{_THREE[new]}"
    if not old:
        if before[:first].endswith(new):
            return f"p.{_spanned(before, first - len(new), first - 1)}dup"
        return f"p.{_spanned(before, first - 1, first)}ins{_words(new)}"
    span = _spanned(before, first, first + len(old) - 1)
    return f"p.{span}delins{_words(new)}" if new else f"p.{span}del"


def _words(protein: str) -> str:
    return "".join(_THREE[letter] for letter in protein)


def _spanned(protein: str, first: int, last: int) -> str:
    if first == last:
        return _amino(protein, first)
    return f"{_amino(protein, first)}_{_amino(protein, last)}"
