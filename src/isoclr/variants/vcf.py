"""Reading variants from VCF, BCF or a table with four columns, and writing their effects into a VCF.

The effects are one INFO field, which ``bcftools +split-vep -a ISOCLR`` reads.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pysam

from isoclr._io import atomic_path
from isoclr.errors import InputError
from isoclr.genomics.fasta import is_bgzip
from isoclr.genomics.text import cells, csv_fields, file_bytes, file_chunks, is_gzip
from isoclr.variants.placement import Variant

MAX_ALLELE = 1000  # Longest allele (nt) that is used
_BASES = re.compile(r"[ACGTNacgtn]+")
_COLUMNS = {
    "chrom": ("chrom", "#chrom", "chr", "chromosome"),
    "pos": ("pos", "position"),
    "ref": ("ref", "reference"),
    "alt": ("alt", "alternative"),
    "id": ("id", "rsid", "name"),
}
_EXPECTED = "a VCF or BCF, or a table with the columns chrom, pos, ref, alt"


class Genotype(NamedTuple):
    """Which copies of a chromosome carry an allele in one sample."""

    carried: tuple[bool, ...]  # Whether each copy does
    phase_set: str
    """Alleles of the same phase set have their copies in the same order; empty if the file names none."""
    separator_phased: bool  # Whether the genotype is written as phased

    @property
    def homozygous(self) -> bool:
        """Whether all copies carry it."""
        return all(self.carried)

    @property
    def is_phased(self) -> bool:
        """Whether it is known which copies carry it."""
        return self.separator_phased or self.homozygous


class Record(NamedTuple):
    """One allele of a line."""

    line: int  # Number of the record in the file, from 1
    name: str  # Its ID, "." if it has none
    variant: Variant  # Alleles as written
    genotype: Genotype | None = None  # Genotype of the chosen sample; None if none is chosen or it has none

    @property
    def key(self) -> str:
        """``CHROM:POS:REF:ALT``, 1-based."""
        chrom, position, ref, alt = self.variant
        return f"{chrom}:{position + 1}:{ref}:{alt}"


def read_variants(path: Path, skipped: Counter[str], *, sample: str | None = None) -> Generator[Record, None, None]:
    """Every usable allele, in the order of the file; multi-allelic lines are split.

    Args:
        path: The file; ``-`` is standard input, which must be a VCF or BCF.
        skipped: Counts alleles that are not used, by reason: ``no_alternative``, ``symbolic``, ``breakend``,
            ``overlapping_deletion`` (``*``), ``too_long``, ``not_bases``, ``same_as_reference``.
        sample: Read the genotypes of this sample; empty for the only one of the file.
    """
    is_vcf = _is_vcf(path)
    if sample is not None and not is_vcf:
        raise InputError(f"{path}: a table has no genotypes, expected a VCF or BCF with --phased")
    with closing(_read_vcf(path, sample) if is_vcf else _read_table(path)) as source:
        for record in source:
            reason = _unusable(record.variant)
            if reason:
                skipped[reason] += 1
            else:
                yield record


def _unusable(variant: Variant) -> str:
    ref, alt = variant.ref, variant.alt
    if alt in ("", ".", "<NON_REF>", "<*>"):
        return "no_alternative"
    if alt == "*":
        return "overlapping_deletion"
    if "[" in alt or "]" in alt or alt.startswith(".") or alt.endswith("."):
        return "breakend"
    if alt.startswith("<"):
        return "symbolic"
    if not (_BASES.fullmatch(ref) and _BASES.fullmatch(alt)):
        return "not_bases"
    if max(len(ref), len(alt)) > MAX_ALLELE:
        return "too_long"
    return "same_as_reference" if ref.upper() == alt.upper() else ""


def _is_vcf(path: Path) -> bool:
    if str(path) == "-" or path.suffix == ".bcf":
        return True
    chunks = file_chunks(path, 64, _EXPECTED)
    start = next(chunks, b"")
    chunks.close()
    return start.startswith((b"##fileformat=VCF", b"BCF"))


def _seekable(path: Path, folder: Path) -> Path:
    """The file itself, or an unpacked copy if it is gzip but not bgzip, which htslib cannot read."""
    if str(path) == "-" or not is_gzip(path, _EXPECTED) or is_bgzip(path):
        return path
    unpacked = folder / "variants.vcf"
    with unpacked.open("wb") as stream:
        for chunk in file_chunks(path, 1 << 20, _EXPECTED):
            stream.write(chunk)
    return unpacked


@contextmanager
def open_vcf(path: Path) -> Iterator[pysam.VariantFile]:
    """Open a VCF or BCF, plain, gzip or bgzip."""
    verbosity = pysam.set_verbosity(0)  # htslib would print on stderr
    try:
        with tempfile.TemporaryDirectory() as folder, pysam.VariantFile(str(_seekable(path, Path(folder)))) as opened:
            yield opened
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as VCF or BCF ({error}), expected {_EXPECTED}") from None
    finally:
        pysam.set_verbosity(verbosity)


def _read_vcf(path: Path, sample: str | None) -> Generator[Record, None, None]:
    with open_vcf(path) as opened:
        column = None if sample is None else _column_of(path, [*opened.header.samples], sample)
        for line, record in enumerate(opened, 1):
            for number, alt in enumerate(record.alts or (".",), 1):
                variant = Variant(record.chrom, record.start, record.ref or "", alt)
                genotype = None if column is None else _genotype(record.samples[column], number)
                yield Record(line, record.id or ".", variant, genotype)


def _column_of(path: Path, samples: list[str], sample: str) -> int:
    if sample in samples:
        return samples.index(sample)
    if not samples:
        raise InputError(f"{path}: has no samples, expected genotypes for --phased")
    if sample or len(samples) > 1:
        found = ", ".join(samples[:5]) + (" …" if len(samples) > 5 else "")
        raise InputError(f"{path}: --sample {sample or 'is not given'}: expected one of {found}")
    return 0


def _genotype(sample: pysam.VariantRecordSample, number: int) -> Genotype | None:
    alleles = sample.allele_indices
    if not alleles:
        return None
    phase_set = sample.get("PS")
    carried = tuple(allele == number for allele in alleles)
    return Genotype(carried, "" if phase_set is None else str(phase_set), bool(sample.phased))


def _read_table(path: Path) -> Generator[Record, None, None]:
    text = file_bytes(path, _EXPECTED).decode("utf-8-sig", "replace")
    first = text.partition("\n")[0]
    separator = "\t" if "\t" in first else "," if "," in first else None
    if separator is None:
        raise InputError(f"{path}: line 1 is no header of a table, expected {_EXPECTED}")
    header = [name.strip().lower() for name in csv_fields(path, first, separator)]
    columns = {name: _column(header, names) for name, names in _COLUMNS.items()}
    missing = [name for name in ("chrom", "pos", "ref", "alt") if columns[name] is None]
    if missing:
        raise InputError(f"{path}: line 1 has no column {missing[0]}, expected {_EXPECTED}")
    numbers = [str(i) for i in range(len(header))]
    table = cells(path, f"{text}\n".encode(), numbers, separator=separator, skip=1).fill_null("")
    for line, *row in table.iter_rows():
        yield from _table_records(path, line, row, columns)


def _column(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _table_records(path: Path, line: int, row: list[str], columns: dict[str, int | None]) -> Iterator[Record]:
    own = {name: "" if i is None else row[i].strip() for name, i in columns.items()}
    if not own["pos"].isascii() or not own["pos"].isdigit() or own["pos"] == "0":
        raise InputError(f"{path}: line {line}: pos is {own['pos']!r}, expected a 1-based position")
    for alt in own["alt"].split(","):
        yield Record(line - 1, own["id"] or ".", Variant(own["chrom"], int(own["pos"]) - 1, own["ref"], alt))


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
    """Check that a VCF can be written for these variants."""
    if str(calls) == "-":
        raise InputError("--vcf-out reads the variants twice, which standard input does not allow")
    if not out.name.endswith((".vcf", ".vcf.gz", ".bcf")):
        raise InputError(f"{out}: unknown format, expected a name that ends in .vcf, .vcf.gz, .bcf")


def write_vcf(calls: Path, tables: Iterable[pl.DataFrame], out: Path, *, overwrite: bool = False) -> None:
    """Copy a VCF with the effects of its alleles in the INFO field ``ISOCLR``.

    The effects of a haplotype stand in the records of all its alleles. A field of an earlier run is replaced.

    Args:
        calls: The VCF that was scored.
        tables: Its rows in parts, with the working columns; they are read twice.
        out: The new VCF, by its ending plain (``.vcf``), bgzip (``.vcf.gz``) or BCF (``.bcf``).
    """
    joint = _joint_entries(tables)
    single = groupby(_single_entries(tables), key=itemgetter(0))
    line, entries = next(single, _END)
    with open_vcf(calls) as source:
        for _ in source:
            pass
        complete = source.header.copy()
    with open_vcf(calls) as source, atomic_path(out, overwrite=overwrite) as partial:
        if "END" not in source.header.info:  # htslib needs a number, for symbolic alleles even if the file has none
            source.header.info.add("END", 1, "Integer", "End position of the variant")
        # reading has declared what the header lacked; htslib ends the process if a copied record is undeclared
        source.header.merge(complete)
        header = _without_effects(source.header)
        description = f"Consequences and effects by isoclr. Format: {'|'.join(FIELDS)}"
        header.info.add("ISOCLR", ".", "String", description)
        mode = {".vcf": "w", ".gz": "wz", ".bcf": "wb"}[out.suffix]
        with pysam.VariantFile(str(partial), mode, header=header) as target:
            for number, record in enumerate(source, 1):
                found = joint.get(number, [])
                if number == line:
                    found = [*(text for _, text in entries), *found]
                    line, entries = next(single, _END)
                record.info.pop("ISOCLR", None)
                record.translate(header)
                if found:
                    record.info["ISOCLR"] = tuple(found)
                target.write(record)


def _without_effects(header: pysam.VariantHeader) -> pysam.VariantHeader:
    """A copy of a header without the field of an earlier run."""
    if "ISOCLR" not in header.info:
        return header.copy()
    new = pysam.VariantHeader()
    for sample in header.samples:
        new.add_sample(sample)
    for record in header.records:
        if (record.key, record.get("ID")) != ("INFO", "ISOCLR"):
            new.add_record(record)
    return new


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
