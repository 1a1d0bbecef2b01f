"""Reporter constructs: mRNAs that differ only in an insert, such as the 5' UTR before a fluorescent protein."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes, encode, letters, nucleotides
from isoclr.genomics.homology import smallest_connected

STOPS = ("TAA", "TAG", "TGA")
PLACE = "*"  # Stands for the insert


@dataclass(frozen=True)
class Construct:
    """The common parts of the mRNAs of a reporter assay.

    An mRNA is ``before`` + its insert + ``cds`` + ``after``. It has one exon and no poly(A) tail. Sequences can be
    wrapped, in lower case, and RNA. A ``*`` in ``after`` is the place of an insert in the 3' UTR, and a ``cds`` that is
    ``*`` alone stands for inserts that are whole coding sequences.
    """

    insert: str  # Column of the label table with the inserts
    before: str  # Sequence 5' of the insert, part of the 5' UTR
    cds: str  # The reporter's coding sequence, from its start codon to its stop codon, inclusive
    after: str  # The 3' UTR

    def __post_init__(self) -> None:
        """Normalize and check the sequences."""
        for name in ("before", "cds", "after"):
            sequence = "".join(getattr(self, name).split()).upper().replace("U", "T")
            nucleotides(sequence.replace(PLACE, "", 1), name=f"construct.{name}")
            object.__setattr__(self, name, sequence)
        if (PLACE in self.before) or (PLACE in self.after and PLACE in self.cds):
            raise InputError(f"construct: expected one {PLACE}, in cds or in after")
        if self.cds == PLACE:
            return
        codons = [self.cds[i : i + 3] for i in range(0, len(self.cds), 3)]
        complete = len(self.cds) % 3 == 0 and len(self.cds) > 3
        if not complete or codons[0] != "ATG" or codons[-1] not in STOPS or set(codons[:-1]) & set(STOPS):
            raise InputError(
                f"construct.cds has {len(self.cds)} nt, {self.cds[:3] or 'nothing'}…{self.cds[-3:]}; expected the "
                "reporter's whole reading frame, ATG to its only stop codon"
            )

    def codes(self, insert: str, name: str) -> Codes:
        """The six-track codes of one mRNA.

        >>> reporter = Construct("utr5", "GG", "ATGTAA", "CC")
        >>> letters(reporter.codes("acu", "first")), reporter.cds_span("acu")
        ('GGACTATGTAACC', (5, 11))
        """
        if self.cds == PLACE and (len(insert) % 3 or not insert):
            raise InputError(f"{name}: the coding sequence has {len(insert)} nt, expected whole codons")
        bases = nucleotides("".join(self.parts(insert)), name=name)
        return encode(bases, np.array([len(bases)]), self.cds_span(insert))

    def parts(self, insert: str) -> tuple[str, str, str]:
        """5' UTR, coding sequence and 3' UTR of the mRNA with an insert.

        >>> Construct("utr3", "GG", "ATGTAA", "CC*TT").parts("AC")
        ('GG', 'ATGTAA', 'CCACTT')
        """
        if PLACE in self.cds + self.after:
            return self.before, self.cds.replace(PLACE, insert), self.after.replace(PLACE, insert)
        return self.before + insert, self.cds, self.after

    def cds_span(self, insert: str) -> tuple[int, int]:
        """Start and end (0-based, half-open) of the coding sequence in the mRNA with an insert."""
        before, cds, _ = self.parts(insert)
        return len(before), len(before) + len(cds)

    def fasta(self, insert: str, name: str, gene: str | None = None) -> str:
        """A FASTA record whose header gives the coding sequence, as ``isoclr embed`` and ``build`` read it.

        >>> Construct("utr5", "GG", "ATGTAA", "CC").fasta("ACT", "t1")
        '>t1 gene:t1 CDS=6-11\\nGGACTATGTAACC\\n'
        """
        start, end = self.cds_span(insert)
        rna = letters(self.codes(insert, name))
        return f">{name} gene:{gene or name} CDS={start + 1}-{end}\n{rna}\n"


def families(inserts: Sequence[str], nt: int) -> NDArray[np.int64]:
    """For each insert ``(n,)`` the number of the first insert of its family.

    Two inserts that share ``nt`` consecutive bases are of one family, as pieces of one gene and mutants of one piece
    are. Lower case and U count as in an mRNA.

    >>> families(["ACGTACGA", "CCCCCCCC", "gacguacc"], 5).tolist()
    [0, 1, 0]
    """
    inserts = [insert.upper().replace("U", "T") for insert in inserts]
    first: dict[str, int] = {}
    pairs = [(number, number) for number in range(len(inserts))]
    for number, insert in enumerate(inserts):
        owners = {first.setdefault(insert[i : i + nt], number) for i in range(len(insert) - nt + 1)}
        pairs += [(number, owner) for owner in owners]
    return smallest_connected(np.array(pairs, np.int64).reshape(-1, 2).T)[0, : len(inserts)]
