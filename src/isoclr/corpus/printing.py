"""One transcript's tracks as text, so that a person can check them."""

import numpy as np

from isoclr.corpus.codes import CODON_START, EXON_END, NUCLEOTIDE_BITS, Codes, N, letters
from isoclr.corpus.reader import Corpus

WIDTH = 60

_AMINO_ACIDS = "KNKNTTTTRSRSIIMIQHQHPPPPRRRRLLLLEDEDAAAAGGGGVVVV*Y*YSSSS*CWCLFLF"
"""The standard genetic code, codons in the order AAA, AAC, AAG, AAT, ACA … TTT."""


def describe(corpus: Corpus, transcript_id: str) -> str:
    """A transcript's names, and its sequence with codons and exon ends marked.

    Under every row of the sequence stand the amino acids, each below the first base of its codon (``*`` is a stop), and
    ``|`` below the last base of every exon.

    Args:
        corpus: the corpus.
        transcript_id: the transcript; its version may be left out.

    Raises:
        InputError: the corpus has no such transcript.
    """
    i = corpus.find(transcript_id)
    row = corpus.transcripts.row(i, named=True)
    gene = f"{row['gene_id']} {row['gene_symbol']}".strip()
    exons = f"{row['n_exons']:,} exons" if row["n_exons"] else "exons unknown"
    cds = "no CDS"
    if row["cds_start"] >= 0:
        cds = f"CDS {row['cds_start'] + 1}-{row['cds_end']} ({row['cds_source']})"
    facts = [
        f"gene {gene}",
        f"gene set {row['gene_set']} ({_members(corpus, i)})",
        row["species"],
        f"{row['length']:,} nt",
        exons,
        cds,
        *([row["biotype"]] if row["biotype"] else []),
    ]
    return "\n".join([f"{row['transcript_id']}: {'; '.join(facts)}", *picture(corpus.codes_of(i))])


def picture(codes: Codes) -> list[str]:
    """Rows of 60 nt, each with a line of codons and a line of exon ends below it, where it has any."""
    sequence = letters(codes)
    codons = _codon_letters(codes)
    ends = "".join("|" if end else " " for end in codes & EXON_END)
    digits = len(str(len(codes)))
    lines = []
    for first in range(0, len(codes), WIDTH):
        row = slice(first, first + WIDTH)
        last = min(first + WIDTH, len(codes))
        lines.append(f"{first + 1:>{digits}} {sequence[row]:<{WIDTH}} {last:>{digits}}")
        for marks, name in ((codons, "codons"), (ends, "exon ends")):
            if marks[row].strip():
                lines.append(f"{'':>{digits}} {marks[row]:<{WIDTH}} {name}")
    return lines


def _codon_letters(codes: Codes) -> str:
    """The amino acid below the first base of its codon, blank elsewhere; X for a codon with N."""
    line = np.full(len(codes), " ")
    for at in np.flatnonzero(codes & CODON_START).tolist():
        codon = (codes[at : at + 3] & NUCLEOTIDE_BITS).tolist()
        unknown = N in codon or len(codon) < 3
        line[at] = "X" if unknown else _AMINO_ACIDS[codon[0] * 16 + codon[1] * 4 + codon[2]]
    return "".join(line)


def _members(corpus: Corpus, i: int) -> str:
    order, starts = corpus.members
    gene_set = int(corpus.index["gene_set"][i])
    rows = order[starts[gene_set] : starts[gene_set + 1]]
    count = len(np.unique(corpus.index["species"][rows]))
    return f"{len(rows):,} transcript{'s' * (len(rows) != 1)} of {count} species"
