"""Gene annotations: one reader a format, all giving one table of transcripts with their exons and CDS.

``read_annotation`` finds out the format by itself. What the table holds is told in
:class:`~isoclr.annotations.table.Annotation`.
"""

from collections.abc import Callable
from pathlib import Path

from isoclr.annotations.bed12 import read_bed12
from isoclr.annotations.detect import detect_format
from isoclr.annotations.genepred import read_genepred
from isoclr.annotations.gff3 import read_gff3
from isoclr.annotations.gtf import read_gtf
from isoclr.annotations.structures import read_structures
from isoclr.annotations.table import SCHEMA, Annotation
from isoclr.errors import InputError

__all__ = ["FORMATS", "SCHEMA", "Annotation", "read_annotation"]

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
