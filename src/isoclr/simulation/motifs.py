"""Short 3' UTR elements that RNA-binding proteins read, and that set how long an mRNA lives."""

from dataclasses import dataclass

import numpy as np

from isoclr.corpus.codes import Codes, nucleotides


@dataclass(frozen=True)
class Motif:
    """A sequence element of the 3' UTR.

    Attributes:
        name: short name, a column of the truth.
        variants: its spellings, in DNA letters.
        effect: weight on the half-life; negative is destabilising.
        mean: mean number of planted copies in a gene that has any.
        share: share of the genes that have any.
    """

    name: str
    variants: tuple[str, ...]
    effect: float
    mean: float
    share: float


MOTIFS = (
    Motif("are", ("TATTTAT",), -0.5, 3.0, 0.5),  # AU-rich element: deadenylation and decay
    Motif(
        "pumilio", tuple(f"TGTA{n}ATA" for n in "ACGT"), -0.4, 2.0, 0.4
    ),  # PUM1/2 recruit CCR4-NOT
    Motif("c_rich", ("CCCTCCC",), 0.4, 2.5, 0.4),  # bound by αCP, which protects the mRNA
)

_SPELLINGS = {m.name: [nucleotides(variant) for variant in m.variants] for m in MOTIFS}
_BYTES = {m.name: [codes.tobytes() for codes in _SPELLINGS[m.name]] for m in MOTIFS}
_SLOT = 12  # motifs are planted on a grid, so that they do not overlap


def plant(rng: np.random.Generator, utr3: Codes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Write motifs into a 3' UTR, in place; true where a base belongs to one."""
    kept = np.zeros(len(utr3), bool)
    slots = rng.permutation(max(0, (len(utr3) - 10) // _SLOT))
    taken = 0
    for motif in MOTIFS:
        copies = 1 + rng.poisson(motif.mean - 1) if rng.random() < motif.share else 0
        for slot in slots[taken : taken + copies]:
            spelling = _SPELLINGS[motif.name][rng.integers(len(motif.variants))]
            where = slice(5 + slot * _SLOT, 5 + slot * _SLOT + len(spelling))
            utr3[where] = spelling
            kept[where] = True
        taken += copies
    return kept


def count(utr3: Codes) -> tuple[int, ...]:
    """Copies of each motif of :data:`MOTIFS` in a 3' UTR, planted or by chance, not overlapping."""
    text = utr3.tobytes()
    return tuple(sum(text.count(spelling) for spelling in _BYTES[m.name]) for m in MOTIFS)
