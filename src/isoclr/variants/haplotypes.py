"""Haplotypes: the phased alleles of one sample that lie on the same copy of a transcript."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from isoclr.errors import InputError
from isoclr.variants.edits import Edit
from isoclr.variants.rows import VariantRow
from isoclr.variants.vcf import Record

OVERLAPPING = "haplotypes with overlapping alleles"
UNPHASED = "heterozygous alleles without phase"


class HaplotypeJoiner:
    """Collects the rows of single alleles, and joins those of one haplotype when their transcript is passed.

    Args:
        unjoined: Counts what has no place in a joint row, by reason.
    """

    def __init__(self, unjoined: Counter[str]) -> None:
        self.unjoined = unjoined
        self._open: dict[str, list[VariantRow]] = {}
        self._chrom, self._position = "", 0
        self._passed = set[str]()

    def add(self, record: Record, rows: list[VariantRow]) -> Iterator[VariantRow]:
        """Take the rows of the next allele; yields the joint rows of transcripts that end before it.

        Raises:
            InputError: the alleles are not sorted by position.
        """
        chrom, position = record.variant.chrom, record.variant.position
        if chrom != self._chrom:
            self._passed.add(self._chrom)
        if chrom in self._passed or (chrom == self._chrom and position < self._position):
            raise InputError(f"{record.key}: --phased needs variants that are sorted by position")
        yield from self.close(None if chrom != self._chrom else position)
        self._chrom, self._position = chrom, position
        genotype = record.genotype
        if genotype is None or not any(genotype.carried):
            return
        if not genotype.is_phased:
            self.unjoined[UNPHASED] += bool(rows)
            return
        for row in rows:
            if row.placements[0].terms != ("intron_variant",):
                self._open.setdefault(row.transcript.transcript_id, []).append(row)

    def close(self, position: int | None = None) -> Iterator[VariantRow]:
        """Joint rows of the transcripts that end at a position or before it; None: of all."""
        for name, rows in [*self._open.items()]:
            if position is None or rows[0].transcript.span[1] <= position:
                del self._open[name]
                yield from self._join(rows)

    def _join(self, rows: list[VariantRow]) -> Iterator[VariantRow]:
        """Joint rows of one transcript, one per different haplotype of two or more alleles."""
        different = {row.records[0].variant.trimmed(): row for row in reversed(rows)}
        alleles = [row for row in rows if different[row.records[0].variant.trimmed()] is row]
        genotypes = [row.records[0].genotype for row in alleles]
        sets = {one.phase_set: None for one in genotypes if one is not None and not one.homozygous}
        seen = set[tuple[int, ...]]()
        for phase_set in sets or {"": None}:
            ploidy = max(len(one.carried) for one in genotypes if one is not None)
            members = [
                tuple(
                    i
                    for i, one in enumerate(genotypes)
                    if one is not None
                    and (one.homozygous or one.phase_set == phase_set)
                    and one.carried[min(copy, len(one.carried) - 1)]
                )
                for copy in range(ploidy)
            ]
            for own in dict.fromkeys(members):
                if len(own) < 2 or own in seen:
                    continue
                seen.add(own)
                label = "|".join("1" if other == own else "0" for other in members)
                yield from self._joint([alleles[i] for i in own], label, phase_set)

    def _joint(self, rows: list[VariantRow], label: str, phase_set: str) -> Iterator[VariantRow]:
        joint = VariantRow(
            tuple(row.records[0] for row in rows),
            rows[0].transcript,
            tuple(row.placements[0] for row in rows),
            f"{label}:{phase_set}" if phase_set else label,
        )
        if any(_overlap(first, second) for first, second in pairwise(joint.edits)):
            self.unjoined[OVERLAPPING] += 1
        elif joint.edits:
            yield joint


def _overlap(first: Edit, second: Edit) -> bool:
    """Whether two edits change the same bases, or insert at the same place, so that their order is not known."""
    same_place = first.start == first.end == second.start == second.end
    return same_place or second.start < first.end
