"""Gene annotations: one reader a format, all giving one table of transcripts with their exons and CDS.

``read_annotation`` finds out the format by itself. What the table holds is told in
:class:`~isoclr.genomics.transcript_models.Annotation`.
"""

import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from isoclr.errors import InputError
from isoclr.genomics.genepred import REQUIRED, layout, read_bed12, read_genepred, read_structures
from isoclr.genomics.gff import read_gff3, read_gtf
from isoclr.genomics.text import Block, blocks
from isoclr.genomics.transcript_models import Annotation

PEEK_BYTES = 1 << 20
PEEK_LINES = 1000
EXPECTED = "GTF or GFF3 (9 columns), genePred or refFlat (10 to 16), BED12, or a structure table"
SUFFIXES = {
    "gtf": (".gtf", ".gff2"),
    "gff3": (".gff3", ".gff"),
    "genepred": (".genepred", ".gp", ".refflat"),
    "bed12": (".bed", ".bed12"),
    "structures": (".structures.tsv",),
}


def detect_format(path: Path) -> str:
    """The format of an annotation file: gtf, gff3, genepred, bed12 or structures.

    Raises:
        InputError: nothing in the file, or lines of no format that is known here.
    """
    first = 0
    for block in blocks(path, PEEK_BYTES):
        for number, line in islice(block.data_lines(), PEEK_LINES):
            if found := _format_of(block, number, line.decode(errors="replace")):
                return found
            first = first or number
        if first:
            break
    if not first:
        raise InputError(f"{path}: no data lines, expected {EXPECTED}")
    if named := by_name(path):
        return named
    raise InputError(f"{path}: line {first}: 9 columns without attributes, expected {EXPECTED}")


def by_name(path: Path) -> str | None:
    """The format that a file's name promises.

    >>> by_name(Path("human.v41.GTF.gz"))
    'gtf'
    """
    name = path.name.lower().removesuffix(".gz").removesuffix(".bgz")
    fits = (kind for kind, suffixes in SUFFIXES.items() if name.endswith(suffixes))
    return next(fits, None)


def _format_of(block: Block, number: int, line: str) -> str | None:
    """The format that a line shows; None for nine columns whose last one is empty."""
    fields = line.split("\t")
    if REQUIRED[0] in fields:
        return "structures"
    if layout(fields):
        return "genepred"
    if len(fields) == 9 and _whole(fields[3:5]):
        return _by_attributes(fields[8])
    if len(fields) >= 3 and _whole(fields[1:3]):
        if len(fields) < 12:
            raise block.error(
                number, f"BED with {len(fields)} columns, expected BED12 (exons and CDS)"
            )
        return "bed12"
    if line.startswith(">"):
        raise block.error(number, f"a FASTA header, expected {EXPECTED}")
    raise block.error(number, f"{len(fields)} tab-separated columns, expected {EXPECTED}")


def _by_attributes(attributes: str) -> str | None:
    """GTF writes ``key "value"``, GFF3 ``key=value``."""
    if re.match(r"\s*[\w.-]+=", attributes):
        return "gff3"
    return "gtf" if re.match(r"\s*[\w.-]+\s+\S", attributes) else None


def _whole(fields: list[str]) -> bool:
    return all(field.isdigit() for field in fields)


FORMATS: dict[str, Callable[[Path], Annotation]] = {
    "gtf": read_gtf,
    "gff3": read_gff3,
    "genepred": read_genepred,
    "bed12": read_bed12,
    "structures": read_structures,
}


def read_annotation(path: Path | str, format: str | None = None) -> Annotation:
    """The transcripts of an annotation file, plain or gz.

    Args:
        path: a GTF, GFF3, genePred (with or without ``bin``, extended, refFlat), BED12 or structure table.
        format: gtf, gff3, genepred, bed12 or structures; found out from the file when not given.

    Raises:
        InputError: a file that cannot be read as its format; the message names the line.
    """
    path = Path(path)
    name = format or detect_format(path)
    if name not in FORMATS:
        raise InputError(f"annotation format {name!r}, expected one of {', '.join(FORMATS)}")
    annotation = FORMATS[name](path)
    if not len(annotation):
        raise InputError(f"{path}: no transcripts with exons in this {name} file")
    return annotation
