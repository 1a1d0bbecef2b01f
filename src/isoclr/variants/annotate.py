"""Writing effects into a VCF: one INFO field that ``bcftools +split-vep -a ISOCLR`` reads."""

import re
from collections.abc import Iterator
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
}
"""Subfields of the INFO field, and the columns that they come from."""
_RESERVED = re.compile(r"[\s,;=|]+")


def check_vcf_output(calls: Path, out: Path) -> None:
    """Check that a VCF can be written for these variants.

    Raises:
        InputError: the variants come from standard input or a table, or the name has another ending.
    """
    if str(calls) == "-":
        raise InputError("--vcf-out reads the variants twice, which standard input does not allow")
    if not out.name.endswith((".vcf", ".vcf.gz", ".bcf")):
        raise InputError(f"{out}: unknown format, expected a name that ends in .vcf, .vcf.gz, .bcf")


def write_vcf(calls: Path, table: pl.DataFrame, out: Path, *, overwrite: bool = False) -> None:
    """Copy a VCF with the effects of its alleles in the INFO field ``ISOCLR``.

    Args:
        calls: The VCF that was scored.
        table: The table of :func:`~isoclr.variants.variants.variants`.
        out: The new VCF, by its ending plain (``.vcf``), bgzip (``.vcf.gz``) or BCF (``.bcf``).
        overwrite: Replace an output that exists.
    """
    effects: dict[tuple[str, int, str, str], list[str]] = {}
    keys = ("CHROM", "POS", "REF", "ALT")
    entries = table.select(*keys, entry=_entries(table))
    for row in entries.unique(maintain_order=True).iter_rows():  # an allele may stand on two lines
        effects.setdefault(row[:4], []).append(row[4])
    with open_vcf(calls) as source, atomic_path(out, overwrite=overwrite) as partial:
        header = source.header.copy()
        if (
            "END" not in header.info
        ):  # htslib sets it on symbolic alleles whether it is declared or not
            header.info.add("END", 1, "Integer", "End position of the variant")
        description = f"Consequences and effects by isoclr. Format: {'|'.join(FIELDS)}"
        header.info.add("ISOCLR", ".", "String", description)
        mode = {".vcf": "w", ".gz": "wz", ".bcf": "wb"}[out.suffix]
        with pysam.VariantFile(str(partial), mode, header=header) as target:
            for record in source:
                record.translate(header)
                found = tuple(_of(record, effects))
                if found:
                    record.info["ISOCLR"] = found
                target.write(record)


def _of(
    record: pysam.VariantRecord, effects: dict[tuple[str, int, str, str], list[str]]
) -> Iterator[str]:
    for alt in record.alts or ():
        yield from effects.get((record.chrom, record.pos, record.ref or "", alt), ())


def _entries(table: pl.DataFrame) -> pl.Series:
    """The INFO entry of each row; characters that VCF reserves become underscores."""
    texts = [_text(table[column]) for column in FIELDS.values()]
    return pl.DataFrame(texts).select(pl.concat_str(pl.all(), separator="|")).to_series()


def _text(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Float64:
        column = column.round_sig_figs(6)
    text = column.cast(pl.String).fill_null("")
    return text.str.replace_all(_RESERVED.pattern, "_")
