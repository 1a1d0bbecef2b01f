"""Reporter constructs: mRNAs that differ only in an insert, such as the 5' UTR before a fluorescent protein."""

from dataclasses import dataclass

import numpy as np

from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes, encode, letters, nucleotides

STOPS = ("TAA", "TAG", "TGA")


@dataclass(frozen=True)
class Construct:
    """The common parts of the mRNAs of a reporter assay.

    An mRNA is ``before`` + its insert + ``cds`` + ``after``. It has one exon and no poly(A) tail. Sequences can be
    wrapped, in lower case, and RNA.
    """

    insert: str
    """Column of the label table with the inserts."""
    before: str
    """Sequence 5' of the insert, part of the 5' UTR."""
    cds: str
    """The reporter's coding sequence, from its start codon to its stop codon, inclusive."""
    after: str
    """The 3' UTR."""

    def __post_init__(self) -> None:
        """Normalize and check the sequences.

        Raises:
            InputError: a letter that is no nucleotide, or ``cds`` is no reading frame.
        """
        for name in ("before", "cds", "after"):
            sequence = "".join(getattr(self, name).split()).upper().replace("U", "T")
            nucleotides(sequence, name=f"construct.{name}")
            object.__setattr__(self, name, sequence)
        codons = [self.cds[i : i + 3] for i in range(0, len(self.cds), 3)]
        complete = len(self.cds) % 3 == 0 and len(self.cds) > 3
        if (
            not complete
            or codons[0] != "ATG"
            or codons[-1] not in STOPS
            or set(codons[:-1]) & set(STOPS)
        ):
            raise InputError(
                f"construct.cds has {len(self.cds)} nt, {self.cds[:3] or 'nothing'}…{self.cds[-3:]}; expected the "
                "reporter's whole reading frame, ATG to its only stop codon"
            )

    def codes(self, insert: str, name: str) -> Codes:
        """The six-track codes of one mRNA.

        Args:
            insert: Its insert.
            name: Its name in an error.

        Raises:
            InputError: a letter that is no nucleotide.

        >>> reporter = Construct("utr5", "GG", "ATGTAA", "CC")
        >>> letters(reporter.codes("acu", "first")), reporter.cds_span("acu")
        ('GGACTATGTAACC', (5, 11))
        """
        bases = nucleotides(f"{self.before}{insert}{self.cds}{self.after}", name=name)
        return encode(bases, np.array([len(bases)]), self.cds_span(insert))

    def cds_span(self, insert: str) -> tuple[int, int]:
        """Start and end (0-based, half-open) of the coding sequence in the mRNA with an insert."""
        start = len(self.before) + len(insert)
        return start, start + len(self.cds)

    def fasta(self, insert: str, name: str) -> str:
        """A FASTA record whose header gives the coding sequence, as ``isoclr embed`` and ``build`` read it.

        >>> Construct("utr5", "GG", "ATGTAA", "CC").fasta("ACT", "t1")
        '>t1 gene:t1 CDS=6-11\\nGGACTATGTAACC\\n'
        """
        start, end = self.cds_span(insert)
        return f">{name} gene:{name} CDS={start + 1}-{end}\n{letters(self.codes(insert, name))}\n"
