"""Leak audit: how many test RNAs share their gene, gene set or most of their sequence with training RNAs."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from isoclr._report import Report, Row, Table
from isoclr.genomics.encoding import NUCLEOTIDE_BITS, Codes
from isoclr.genomics.features import kmer_numbers
from isoclr.tasks.splits import Split

LONGEST = 16
"""Largest k: a k-mer of 16 is a 32-bit number, which shares a 64-bit key with the RNA's number."""

AT_ONCE = 1 << 25  # Number of k-mers sorted together; limits memory to about 1 GB whatever the number of RNAs


class SharedKmers:
    """An index of the k-mers that occur in two or more of some RNAs.

    mRNA has a direction, so a k-mer is not its reverse complement. Counts are exact: k-mers are neither hashed nor
    sampled. k-mers with an N are left out.

    Args:
        rnas: ``(n,)`` codes of the RNAs; None for an unknown sequence.
        k: Length of the k-mers, at most 16.

    Attributes:
        distinct: ``(n,)`` number of distinct k-mers of each RNA; 0 for an unknown or too short one.
    """

    def __init__(self, rnas: Sequence[Codes | None], k: int = LONGEST) -> None:
        if not 1 <= k <= LONGEST:
            raise ValueError(f"k is {k}, expected 1 to {LONGEST}")
        self.distinct = np.zeros(len(rnas), np.int64)
        owners, sizes = [], []
        for keys in _sorted_keys(rnas, k):
            rna = (keys & 0xFFFF_FFFF).astype(np.int64)
            self.distinct += np.bincount(rna, minlength=len(rnas))
            starts = np.flatnonzero(np.diff(keys >> np.uint64(32), prepend=np.uint64(1 << 33)))
            size = np.diff(starts, append=len(keys))
            owners.append(rna[np.repeat(size > 1, size)])
            sizes.append(size[size > 1])
        self._owner = np.concatenate(owners)
        self._size = np.concatenate(sizes)

    def share_with(self, others: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Fraction of each RNA's distinct k-mers that occur in at least one of the others.

        Returns:
            ``(n,)``; 1 for the others themselves, 0 for an RNA without k-mers.
        """
        counts = np.zeros(len(self.distinct), np.int64)
        if len(self._size):
            starts = np.cumsum(self._size) - self._size
            in_others = np.maximum.reduceat(others[self._owner].astype(np.uint8), starts)
            covered = np.repeat(in_others.astype(bool), self._size)
            counts = np.bincount(self._owner[covered], minlength=len(self.distinct))
        counts[others] = self.distinct[others]
        return np.asarray(counts / np.maximum(self.distinct, 1))


def _sorted_keys(rnas: Sequence[Codes | None], k: int) -> Iterator[NDArray[np.uint64]]:
    """Distinct keys (k-mer × 2³² + number of the RNA), sorted, in parts that fit into memory."""
    lengths = [0 if codes is None else len(codes) for codes in rnas]
    parts = -(-sum(lengths) // AT_ONCE) or 1
    step = -(-(4**k) // parts)
    for part in range(parts):
        kept = []
        for number, codes in enumerate(rnas):
            if codes is not None:
                kmers, is_known = kmer_numbers((codes & NUCLEOTIDE_BITS).astype(np.int64), k)
                words = kmers[is_known].astype(np.uint64)
                if parts > 1:
                    words = words[words // np.uint64(step) == part]
                kept.append(words << np.uint64(32) | np.uint64(number))
        yield _sorted_unique(np.concatenate(kept)) if kept else np.empty(0, np.uint64)


def _sorted_unique(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """As ``np.unique``, which builds a hash table and takes a hundred times as long."""
    keys.sort()
    first = np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)]
    return np.asarray(keys[first], np.uint64)


SHARE = 0.9


@dataclass(frozen=True)
class Leakage:
    """Numbers of test RNAs of one split that share something with its training part."""

    split: str
    test: int  # Number of RNAs in the test part
    gene: int  # Test RNAs with an isoform in the training part
    gene_set: int | None  # Test RNAs with a homolog or isoform there; None when gene sets are not known
    kmers: int | None
    """Test RNAs of whose k-mers at least ``share`` occur in training RNAs; None when sequences are not known."""
    with_sequence: int  # Test RNAs with a known sequence of at least k nt


@dataclass(frozen=True)
class LeakageReport(Report):
    """The leak audit of all splits of a dataset."""

    k: int  # Length of the k-mers
    share: float  # Fraction of its k-mers from which an RNA counts
    compared: str  # What the k-mers come from, such as whole RNA
    splits: Sequence[Leakage]  # One per split

    @property
    def kmers_label(self) -> str:
        """Name of the third kind of leak."""
        return f"≥ {self.share:.0%} of {self.k}-mers"

    def rows(self) -> list[Row]:
        """One row per split and kind of leak: the number of test RNAs, and of how many."""
        return [
            {
                "study": "leak audit",
                "split": leaks.split,
                "metric": kind,
                "value": count,
                "n": leaks.with_sequence if kind == self.kmers_label else leaks.test,
            }
            for leaks in self.splits
            for kind, count in (("gene", leaks.gene), ("gene set", leaks.gene_set), (self.kmers_label, leaks.kmers))
        ]

    def totals(self) -> list[list[object]]:
        """One row per kind of leak over all splits: kind, test RNAs concerned, of how many, percentage."""
        table: list[list[object]] = []
        for kind in ("gene", "gene set", self.kmers_label):
            rows = [row for row in self.rows() if row["metric"] == kind]
            values = [row["value"] for row in rows if isinstance(row["value"], int)]
            n = sum(row["n"] for row in rows if isinstance(row["n"], int))
            if len(values) < len(rows):
                table.append([kind, "not known without --corpus", "", ""])
            else:
                table.append([kind, sum(values), n, f"{sum(values) / max(1, n):.1%}"])
        return table

    def tables(self, of: str = "") -> Iterator[Table]:
        """The totals; ``of`` goes into the title, to distinguish several audits."""
        title = f"leak audit{of}: test RNAs that share with the training part ({self.compared})"
        yield Table(title, ["", "test RNAs", "of", "share"], self.totals())

    def to_dict(self) -> dict[str, object]:
        """Everything, as JSON holds it."""
        return asdict(self)


def audit_leakage(
    splits: Sequence[Split],
    genes: NDArray[np.str_],
    gene_sets: NDArray[np.str_] | None = None,
    rnas: Sequence[Codes | None] | None = None,
    *,
    share: float = SHARE,
    compared: str = "whole RNA",
) -> LeakageReport:
    """Count, for each split, the test RNAs that share their gene, gene set or k-mers with the training part.

    k-mers are compared with those of all training RNAs together, so a test RNA that two training RNAs cover between
    them counts as well as a near copy of one.

    Args:
        splits: Splits; their validation parts count for neither side.
        rnas: ``(n,)`` codes of each sample, None for an unknown sequence.

    >>> genes = np.array(["g1", "g1", "g2", "g3"])
    >>> empty = np.empty(0, np.int64)
    >>> report = audit_leakage([Split("fold 1", np.array([0, 2]), empty, np.array([1, 3]))], genes)
    >>> report.splits[0].gene, report.splits[0].gene_set
    (1, None)
    """
    index = None if rnas is None else SharedKmers(rnas)
    return LeakageReport(LONGEST, share, compared, [_audit(split, genes, gene_sets, index, share) for split in splits])


def _audit(
    split: Split, genes: NDArray[np.str_], gene_sets: NDArray[np.str_] | None, index: SharedKmers | None, share: float
) -> Leakage:
    def count_shared(groups: NDArray[np.str_]) -> int:
        return int(np.isin(groups[split.test], groups[split.train]).sum())

    kmers, with_sequence = None, 0
    if index is not None:
        training = np.zeros(len(genes), bool)
        training[split.train] = True
        known = index.distinct[split.test] > 0
        with_sequence = int(known.sum())
        kmers = int((index.share_with(training)[split.test][known] >= share).sum())
    return Leakage(
        split=split.name,
        test=len(split.test),
        gene=count_shared(genes),
        gene_set=None if gene_sets is None else count_shared(gene_sets),
        kmers=kmers,
        with_sequence=with_sequence,
    )
