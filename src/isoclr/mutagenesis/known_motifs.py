"""Motifs that are known to act on mRNAs, how they are planted, and what they are compared with."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from isoclr.baselines.regions import coding_region
from isoclr.corpus.codes import CODON_START, NUCLEOTIDE_BITS, Codes, nucleotides

Region = Literal["5' UTR", "CDS", "3' UTR"]
SPARED = 10
"""Codons at the start of a coding sequence where no motif is planted."""
TRIES = 200


@dataclass(frozen=True)
class Motif:
    """A short sequence, planted over the bases that are there.

    Attributes:
        name: what tables call it.
        sequence: DNA letters, N for any base.
        region: where it acts.
        core: what its scrambled control must not have; by default the whole sequence.
        in_frame: begins at a codon, in the first two thirds of the coding sequence.
        ends_coding: the codons behind it are marked no longer.
    """

    name: str
    sequence: str
    region: Region
    core: str = ""
    in_frame: bool = False
    ends_coding: bool = False


MOTIFS = (
    Motif("AU-rich element UUAUUUAUU", "TTATTTATT", "3' UTR", core="ATTTA"),
    Motif("AU-rich pentamer AUUUA", "ATTTA", "3' UTR"),
    Motif("Pumilio site UGUANAUA", "TGTANATA", "3' UTR", core="TGTA"),
    Motif("poly(U)", "T" * 12, "3' UTR"),
    Motif("let-7 site CUACCUCA", "CTACCTCA", "3' UTR"),
    Motif("miR-16 site UGCUGCUA", "TGCTGCTA", "3' UTR"),
    Motif("random 8-mer", "N" * 8, "3' UTR"),
    Motif("upstream AUG", "GCCACCATGG", "5' UTR", core="ATG"),
    Motif("GC-rich hairpin", "GGCCGCGGTTCGCCGCGGCC", "5' UTR"),
    Motif("premature stop codon UAA", "TAA", "CDS", in_frame=True),
    Motif("the same, CDS ending there", "TAA", "CDS", in_frame=True, ends_coding=True),
)
"""AU-rich elements and Pumilio sites destabilise, as do sites that pair with a microRNA's seed; upstream AUGs and
hairpins near the cap lower translation; a premature stop codon brings nonsense-mediated decay. A random 8-mer should do
nothing that its control does not."""


@dataclass(frozen=True)
class Planted:
    """A motif in an RNA, and its control in the same place.

    Attributes:
        position: 0-based, of its first base.
        motif: the RNA with the motif.
        control: the RNA with the motif's bases in another order.
    """

    position: int
    motif: Codes
    control: Codes


def plant(codes: Codes, motif: Motif, rng: np.random.Generator) -> Planted | None:
    """Plant a motif at a random place of its region; None where the region has no room.

    Bases are replaced, none inserted: length, codons and exons stay, so that nothing but the motif tells the two apart.

    Args:
        codes: an mRNA ``(L,)`` with its codon starts.
        motif: what to plant.
        rng: draws the place, the motif's free bases and the order of the control's.
    """
    places = _places(codes, motif)
    if not len(places):
        return None
    position = int(rng.choice(places))
    free = np.array(list("ACGT"))[rng.integers(4, size=len(motif.sequence))]
    chosen = "".join(a if b == "N" else b for a, b in zip(free, motif.sequence, strict=True))
    planted = _with(codes, position, chosen)
    if motif.ends_coding:
        planted[position + len(chosen) :] &= np.uint8(0xFF ^ CODON_START)
    return Planted(position, planted, _with(codes, position, scrambled(chosen, motif.core, rng)))


def scrambled(sequence: str, core: str, rng: np.random.Generator) -> str:
    """The same bases in another order, without the core; of one base alone, others of the same G+C content.

    Args:
        sequence: DNA letters.
        core: what must not be in it; empty: the sequence itself.
        rng: draws.
    """
    kinds = {"A": "AT", "T": "AT", "C": "CG", "G": "CG"}
    for _ in range(TRIES):
        if len(set(sequence)) > 1:
            found = "".join(rng.permutation(list(sequence)))
        else:
            found = "".join(rng.choice(list(kinds[base])) for base in sequence)
        if found != sequence and (core or sequence) not in found:
            return found
    raise ValueError(f"{sequence} has no order of its bases without {core}")


def _places(codes: Codes, motif: Motif) -> NDArray[np.int64]:
    """Where the motif may begin."""
    start, end = coding_region(codes)
    size = len(motif.sequence)
    if motif.region == "5' UTR":
        return np.arange(0, start - size + 1)
    if motif.region == "3' UTR":
        return np.arange(end, len(codes) - size + 1) if end else np.arange(0)
    if motif.in_frame:
        return np.arange(start + 3 * SPARED, start + (end - start) * 2 // 3 - size, 3)
    return np.arange(start + 3 * SPARED, end - size - 2)


def _with(codes: Codes, position: int, sequence: str) -> Codes:
    """A copy with other bases; codon and exon marks stay."""
    changed = np.array(codes)
    stretch = changed[position : position + len(sequence)]
    stretch &= np.uint8(0xFF ^ NUCLEOTIDE_BITS)
    stretch |= nucleotides(sequence)
    return changed
