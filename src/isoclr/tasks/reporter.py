"""Reporter constructs: mRNAs that differ in one stretch only, such as the 5' UTR before a fluorescent protein."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from isoclr._io import atomic_path
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes, encode, letters, nucleotides

STOPS = ("TAA", "TAG", "TGA")
PARTS = ("before", "cds", "after")


@dataclass(frozen=True)
class Construct:
    """What all mRNAs of a reporter assay have in common.

    An mRNA of the assay is ``before`` + its own insert + ``cds`` + ``after``. It is transcribed from one piece of DNA,
    so it has one exon; no poly(A) tail is written, as nowhere in this package.

    Attributes:
        insert: the column of the label table that holds the insert.
        before: what stands 5' of the insert, part of the 5' UTR.
        cds: the reporter's coding sequence, from its start codon up to and including its stop codon.
        after: the 3' UTR.
    """

    insert: str
    before: str
    cds: str
    after: str

    def codes(self, insert: str, name: str) -> Codes:
        """The six-track codes of one construct.

        Args:
            insert: its own stretch.
            name: what to call it in an error.

        Raises:
            InputError: a letter that is no nucleotide.

        >>> reporter = Construct("utr5", "GG", "ATGTAA", "CC")
        >>> letters(reporter.codes("acu", "first")), reporter.cds_span("acu")
        ('GGACTATGTAACC', (5, 11))
        """
        bases = nucleotides(f"{self.before}{insert}{self.cds}{self.after}", name=name)
        return encode(bases, np.array([len(bases)]), self.cds_span(insert))

    def cds_span(self, insert: str) -> tuple[int, int]:
        """Start and end (0-based, half-open) of the coding sequence in the construct of an insert."""
        start = len(self.before) + len(insert)
        return start, start + len(self.cds)


def read_construct(source: Path, table: Mapping[str, object]) -> Construct:
    """The construct that a task file describes.

    Args:
        source: the task file, for errors.
        table: its ``[construct]`` table: ``insert``, ``before``, ``cds``, ``after``.

    Raises:
        InputError: a field is missing or no text, a letter is no nucleotide, or ``cds`` is no reading frame.
    """
    fields = {}
    for key in ("insert", *PARTS):
        value = table.get(key)
        if not isinstance(value, str):
            raise InputError(
                f"{source}: [construct] {key} is {value!r}, expected text: "
                + (
                    "a column of the label table"
                    if key == "insert"
                    else "a sequence, which may be empty"
                )
            )
        fields[key] = value if key == "insert" else "".join(value.split()).upper().replace("U", "T")
    unknown = sorted(set(table) - set(fields))
    if unknown:
        raise InputError(
            f"{source}: [construct] has {unknown[0]!r}, expected insert, {', '.join(PARTS)}"
        )
    for part in PARTS:
        nucleotides(fields[part], name=f"{source}: [construct] {part}")
    _check_frame(source, fields["cds"])
    return Construct(**fields)


def _check_frame(source: Path, cds: str) -> None:
    codons = [cds[i : i + 3] for i in range(0, len(cds), 3)]
    whole = len(cds) % 3 == 0 and len(cds) > 3
    if not whole or codons[0] != "ATG" or codons[-1] not in STOPS or set(codons[:-1]) & set(STOPS):
        raise InputError(
            f"{source}: [construct] cds has {len(cds)} nt, {cds[:3] or 'nothing'}…{cds[-3:]}; "
            "expected the reporter's whole reading frame, ATG to its only stop codon"
        )


def write_fasta(
    path: Path, names: Sequence[str], inserts: Sequence[str], construct: Construct
) -> None:
    """Write constructs as FASTA whose headers give the coding sequence, as ``isoclr embed`` and ``build`` read it.

    Args:
        path: the file to write.
        names: ``(n,)`` ids of the constructs; each is a gene of its own.
        inserts: ``(n,)`` their own stretches.
        construct: what they have in common.
    """
    with atomic_path(Path(path)) as partial, partial.open("w", encoding="ascii") as stream:
        for name, insert in zip(names, inserts, strict=True):
            start, end = construct.cds_span(insert)
            sequence = letters(construct.codes(insert, name))
            stream.write(f">{name} gene:{name} CDS={start + 1}-{end}\n{sequence}\n")


def insert_names(task: str, table: pl.DataFrame) -> list[str]:
    """Ids of the constructs of a label table, by their line in it: ``mrl-5utr-00002`` is the first.

    >>> insert_names("mrl", pl.DataFrame({"line": [2, 3]}))
    ['mrl-00002', 'mrl-00003']
    """
    return [f"{task}-{line:05d}" for line in table["line"]]
