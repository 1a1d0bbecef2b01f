"""Writing effects into a VCF: one INFO field that ``bcftools +split-vep -a ISOCLR`` reads."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import polars as pl
import pysam

from isoclr._io import atomic_path
from isoclr.errors import InputError
from isoclr.variants.vcf import open_vcf

FIELDS = {
    "Allele": "ALT",
    "Gene": "gene",
    "Feature": "transcript",
    "MANE": "MANE",
    "Region": "region",
    "Consequence": "consequence",
    "HGVSc": "HGVSc",
    "HGVSp": "HGVSp",
    "Score": "score",
    "Ref": "ref",
    "Alt": "alt",
    "Delta": "delta",
    "Low": "delta_low",
    "High": "delta_high",
    "Rank": "rank",
    "Flag": "flag",
    "Haplotype": "haplotype",
}
"""Subfields of the INFO field, and the columns that they come from."""
_RESERVED = {character: f"%{ord(character):02X}" for character in "%,;=|"}


def check_vcf_output(calls: Path, out: Path) -> None:
    """Check that a VCF can be written for these variants.

    Raises:
        InputError: the variants come from standard input or a table, or the name has another ending.
    """
    if str(calls) == "-":
        raise InputError("--vcf-out reads the variants twice, which standard input does not allow")
    if not out.name.endswith((".vcf", ".vcf.gz", ".bcf")):
        raise InputError(f"{out}: unknown format, expected a name that ends in .vcf, .vcf.gz, .bcf")


def write_vcf(calls: Path, tables: Iterable[pl.DataFrame], out: Path, *, overwrite: bool = False) -> None:
    """Copy a VCF with the effects of its alleles in the INFO field ``ISOCLR``.

    The effects of a haplotype stand in the records of all its alleles.

    Args:
        calls: The VCF that was scored.
        tables: Its rows in parts, with the working columns; they are read twice.
        out: The new VCF, by its ending plain (``.vcf``), bgzip (``.vcf.gz``) or BCF (``.bcf``).
        overwrite: Replace an output that exists.
    """
    joint = _joint_entries(tables)
    single = groupby(_single_entries(tables), key=itemgetter(0))
    line, entries = next(single, _END)
    with open_vcf(calls) as source:
        for _ in source:
            pass
        header = source.header.copy()
    with open_vcf(calls) as source, atomic_path(out, overwrite=overwrite) as partial:
        # reading has declared what the header lacked; htslib ends the process if a copied record is undeclared
        source.header.merge(header)
        if "END" not in header.info:  # htslib sets it on symbolic alleles whether it is declared or not
            header.info.add("END", 1, "Integer", "End position of the variant")
        description = f"Consequences and effects by isoclr. Format: {'|'.join(FIELDS)}"
        header.info.add("ISOCLR", ".", "String", description)
        mode = {".vcf": "w", ".gz": "wz", ".bcf": "wb"}[out.suffix]
        with pysam.VariantFile(str(partial), mode, header=header) as target:
            for number, record in enumerate(source, 1):
                found = joint.get(number, [])
                if number == line:
                    found = [*(text for _, text in entries), *found]
                    line, entries = next(single, _END)
                record.translate(header)
                if found:
                    record.info["ISOCLR"] = tuple(found)
                target.write(record)


_END: tuple[int, Iterator[tuple[int, str]]] = (0, iter(()))


def _single_entries(tables: Iterable[pl.DataFrame]) -> Iterator[tuple[int, str]]:
    """Number of the record and INFO entry of every allele, in the order of the file."""
    for table in tables:
        own = table.filter(pl.col("haplotype") == "")
        yield from zip(own["lines"].list.first(), _entries(own), strict=True)


def _joint_entries(tables: Iterable[pl.DataFrame]) -> dict[int, list[str]]:
    """INFO entries of haplotypes by the number of the record."""
    found: dict[int, list[str]] = {}
    for table in tables:
        own = table.filter(pl.col("haplotype") != "")
        for lines, entry in zip(own["lines"], _entries(own), strict=True):
            for line in lines:
                found.setdefault(line, []).append(entry)
    return found


def _entries(table: pl.DataFrame) -> pl.Series:
    """The INFO entry of each row; reserved characters are percent-encoded, blanks become underscores."""
    texts = [_text(table[column]) for column in FIELDS.values()]
    return pl.DataFrame(texts).select(pl.concat_str(pl.all(), separator="|")).to_series()


def _text(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Float64:
        column = column.round_sig_figs(6)
    text = column.cast(pl.String).fill_null("")
    text = text.str.replace_all(r"\s+", "_")
    for character, code in _RESERVED.items():  # the percent sign first
        text = text.str.replace_all(character, code, literal=True)
    return text
