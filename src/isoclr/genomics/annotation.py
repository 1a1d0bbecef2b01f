"""Reading gene annotations of any supported format into one table of transcripts."""

import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import polars as pl

from isoclr.errors import InputError
from isoclr.genomics.genepred import STRUCTURE_COLUMNS, genepred_columns, read_bed12, read_genepred, read_structures
from isoclr.genomics.gff import read_gff3, read_gtf
from isoclr.genomics.species import without_version
from isoclr.genomics.text import Block, blocks
from isoclr.genomics.transcript_models import Annotation

FORMATS: dict[str, Callable[[Path], Annotation]] = {
    "gtf": read_gtf,
    "gff3": read_gff3,
    "genepred": read_genepred,
    "bed12": read_bed12,
    "structures": read_structures,
}
SUFFIXES = {
    "gtf": (".gtf", ".gff2"),
    "gff3": (".gff3", ".gff"),
    "genepred": (".genepred", ".gp", ".refflat"),
    "bed12": (".bed", ".bed12"),
    "structures": (".structures.tsv",),
}
EXPECTED = "GTF or GFF3 (9 columns), genePred or refFlat (10 to 16), BED12, or a structure table"
_MANE_COLUMNS = ("RefSeq_nuc", "Ensembl_nuc", "MANE_status")
PEEK_BYTES = 1 << 20
PEEK_LINES = 1000


def read_annotation(path: Path | str) -> Annotation:
    """Read the transcripts of an annotation file in any of the :data:`FORMATS`, plain or gzip."""
    path = Path(path)
    name = detect_format(path)
    annotation = FORMATS[name](path)
    if not len(annotation):
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in sorted(annotation.dropped.items()))
        because = f"; left out: {reasons}" if reasons else ""
        raise InputError(f"{path}: no transcripts with exons in this {name} file{because}")
    return annotation


def detect_format(path: Path) -> str:
    """Detect the format of an annotation from its first lines, else from its name."""
    first = 0
    for block in blocks(path, PEEK_BYTES):
        for number, line in islice(block.data_lines(), PEEK_LINES):
            if name := _format_of_line(block, number, line.decode(errors="replace")):
                return name
            first = first or number
        if first:
            break
    if not first:
        raise InputError(f"{path}: no data lines, expected {EXPECTED}")
    file_name = path.name.lower().removesuffix(".gz").removesuffix(".bgz")
    for name, suffixes in SUFFIXES.items():
        if file_name.endswith(suffixes):
            return name
    raise InputError(f"{path}: line {first}: 9 columns without attributes, expected {EXPECTED}")


def _format_of_line(block: Block, number: int, line: str) -> str | None:
    """The format of a line; None for nine columns without attributes."""
    fields = line.split("\t")
    if STRUCTURE_COLUMNS[0] in fields:
        return "structures"
    if genepred_columns(fields):
        return "genepred"
    if len(fields) == 9:
        if re.match(r"\s*[\w.-]+=", fields[8]):  # key=value
            return "gff3"
        if re.match(r"\s*[\w.-]+\s+\S", fields[8]):  # key "value"
            return "gtf"
        if all(field.isdigit() for field in fields[3:5]):
            return None
    if len(fields) >= 3 and all(field.isdigit() for field in fields[1:3]):
        if len(fields) < 12:
            raise block.error(number, f"BED with {len(fields)} columns, expected BED12 (exons and CDS)")
        return "bed12"
    if line.startswith(">"):
        raise block.error(number, f"a FASTA header, expected {EXPECTED}")
    raise block.error(number, f"{len(fields)} tab-separated columns, expected {EXPECTED}")


def read_mane(path: Path) -> frozenset[str]:
    """Ids, without version, of the MANE Select transcripts (RefSeq and Ensembl) of NCBI's summary table."""
    try:
        table = pl.read_csv(path, separator="\t", infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: {str(error).splitlines()[0]}, expected a MANE summary table") from None
    missing = [name for name in _MANE_COLUMNS if name not in table.columns]
    if missing:
        raise InputError(f"{path}: has no column {missing[0]}, expected a MANE summary table")
    select = table.filter(pl.col("MANE_status") == "MANE Select")
    ids = pl.concat([select["RefSeq_nuc"], select["Ensembl_nuc"].rename("RefSeq_nuc")])
    return frozenset(map(without_version, ids.drop_nulls().to_list()))
