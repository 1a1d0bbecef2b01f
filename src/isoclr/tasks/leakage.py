"""The leak audit: how much of a test part stands in the training part already.

A model that has seen a test RNA's gene, a homolog of it, or nearly its sequence, can remember instead of predict.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoclr._console import table
from isoclr.genomics.encoding import NUCLEOTIDE_BITS, Codes, N
from isoclr.tasks.splits import Split

LONGEST = 16
"""A k-mer of 16 is a 32-bit number; one more letter would not fit beside the RNA's number."""

AT_ONCE = 1 << 25
"""k-mers sorted together: bounds the memory to about 1 GB whatever the number of RNAs."""


class SharedKmers:
    """An index of the k-mers that occur in two or more of some RNAs.

    mRNA has a direction, so a k-mer is not its reverse complement. Every k-mer is kept as a number, not as a hash or a
    sample: the counts are exact. One with an N is left out.

    Args:
        rnas: ``(n,)`` codes of the RNAs; None for one whose sequence is not known.
        k: length of the k-mers, at most 16.

    Attributes:
        distinct: ``(n,)`` number of distinct k-mers of every RNA; 0 for an unknown or too short one.
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
        """Share of every RNA's distinct k-mers that stand in at least one of the others.

        Of an RNA that is itself among the others, all k-mers do: look at the rest only.

        Args:
            others: ``(n,)`` which RNAs to look in.

        Returns:
            ``(n,)``; 0 for an RNA without k-mers.
        """
        counts = np.zeros(len(self.distinct), np.int64)
        if len(self._size):
            starts = np.cumsum(self._size) - self._size
            found = np.maximum.reduceat(others[self._owner].astype(np.uint8), starts)
            covered = np.repeat(found.astype(bool), self._size)
            counts = np.bincount(self._owner[covered], minlength=len(self.distinct))
        counts[others] = self.distinct[others]
        return np.asarray(counts / np.maximum(self.distinct, 1))


def _sorted_keys(rnas: Sequence[Codes | None], k: int) -> Iterator[NDArray[np.uint64]]:
    """k-mer × 2³² + number of the RNA, sorted and each once; the k-mers in parts that fit into memory."""
    lengths = [0 if codes is None else len(codes) for codes in rnas]
    parts = -(-sum(lengths) // AT_ONCE) or 1
    step = -(-(4**k) // parts)
    for part in range(parts):
        kept = []
        for number, codes in enumerate(rnas):
            if codes is not None:
                words = _words(codes, k)
                if parts > 1:
                    words = words[words // np.uint64(step) == part]
                kept.append(words << np.uint64(32) | np.uint64(number))
        yield _once(np.concatenate(kept)) if kept else np.empty(0, np.uint64)


def _once(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The keys sorted, each once; ``np.unique``, which builds a hash table, takes a hundred times as long."""
    keys.sort()
    first = np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)]
    return np.asarray(keys[first], np.uint64)


def _words(codes: Codes, k: int) -> NDArray[np.uint64]:
    """The k-mers of one RNA as numbers, those with an N left out."""
    bases = codes & NUCLEOTIDE_BITS
    count = max(0, len(bases) - k + 1)
    words = np.zeros(count, np.uint64)
    for i in range(k):
        words = words << np.uint64(2) | bases[i : i + count].astype(np.uint64)
    unknown = np.concatenate([[0], np.cumsum(bases >= N)])
    whole: NDArray[np.bool_] = unknown[k:][:count] == unknown[:count]
    return np.asarray(words[whole], np.uint64)


SHARE = 0.9


@dataclass(frozen=True)
class Leakage:
    """What one split's test part shares with its training part: numbers of test RNAs.

    Attributes:
        split: its name.
        test: RNAs in the test part.
        gene: those with an isoform in the training part.
        gene_set: those with a homolog or isoform there; None when gene sets are not known.
        kmers: those of whose k-mers at least ``share`` stand in training RNAs; None when sequences are not known.
        with_sequence: those whose sequence is known and at least k nt long.
    """

    split: str
    test: int
    gene: int
    gene_set: int | None
    kmers: int | None
    with_sequence: int


@dataclass(frozen=True)
class LeakageReport:
    """The audit of all splits of a task.

    Attributes:
        k: length of the k-mers.
        share: from which share of its k-mers an RNA counts.
        compared: what the k-mers are of, such as ``whole RNA``.
        splits: one a split.
    """

    k: int
    share: float
    compared: str
    splits: Sequence[Leakage]

    def rows(self) -> list[dict[str, str | int | float | None]]:
        """A row for every split and kind of leak: the number of test RNAs and of how many."""
        return [
            {
                "study": "leak audit",
                "split": leaks.split,
                "metric": kind,
                "value": count,
                "n": leaks.with_sequence if kind == self.kmers_named else leaks.test,
            }
            for leaks in self.splits
            for kind, count in self._counts(leaks).items()
        ]

    @property
    def kmers_named(self) -> str:
        """What the third kind of leak is called."""
        return f"≥ {self.share:.0%} of {self.k}-mers"

    def totals(self) -> list[list[object]]:
        """A row for every kind of leak, over all splits: kind, test RNAs concerned, of how many, share."""
        table: list[list[object]] = []
        for kind in ("gene", "gene set", self.kmers_named):
            rows = [row for row in self.rows() if row["metric"] == kind]
            values = [row["value"] for row in rows if isinstance(row["value"], int)]
            n = sum(row["n"] for row in rows if isinstance(row["n"], int))
            if len(values) < len(rows):
                table.append([kind, "not known", "", ""])
            else:
                table.append([kind, sum(values), n, f"{sum(values) / max(1, n):.1%}"])
        return table

    def as_dict(self) -> dict[str, object]:
        """Everything, as JSON takes it."""
        return {
            "k": self.k,
            "share": self.share,
            "compared": self.compared,
            "splits": [vars(leaks) for leaks in self.splits],
        }

    def _counts(self, leaks: Leakage) -> dict[str, int | None]:
        return {"gene": leaks.gene, "gene set": leaks.gene_set, self.kmers_named: leaks.kmers}

    def print(self, of: str = "") -> None:
        """Print the table; ``of`` tells one audit from another."""
        title = f"leak audit{of}: test RNAs that share with a training part ({self.compared})"
        table(title, ["", "test RNAs", "of", "share"], self.totals())


def audit_leakage(
    splits: Sequence[Split],
    genes: NDArray[np.str_],
    gene_sets: NDArray[np.str_] | None = None,
    rnas: Sequence[Codes | None] | None = None,
    *,
    k: int = LONGEST,
    share: float = SHARE,
    compared: str = "whole RNA",
) -> LeakageReport:
    """Count, for every split, the test RNAs that the training part knows already.

    k-mers are compared with those of all training RNAs together, so a test RNA that two training RNAs cover between
    them counts as well as a near copy of one. They are exact: no sketch, no hashes.

    Args:
        splits: the validation part, on which nothing is fitted, counts as neither side.
        genes: ``(n,)`` the gene of every sample.
        gene_sets: ``(n,)`` its homologous gene set.
        rnas: ``(n,)`` its codes, None for an unknown sequence.
        k: length of the k-mers, at most 16.
        share: from which share of its distinct k-mers an RNA counts.
        compared: what the codes are of, in words.

    >>> whole = np.array(["g1", "g1", "g2", "g3"])
    >>> nobody = np.empty(0, np.int64)
    >>> found = audit([Split("fold 1", np.array([0, 2]), nobody, np.array([1, 3]))], whole)
    >>> found.splits[0].gene, found.splits[0].gene_set
    (1, None)
    """
    index = None if rnas is None else SharedKmers(rnas, k)
    return LeakageReport(
        k, share, compared, [_leaks(split, genes, gene_sets, index, share) for split in splits]
    )


def _leaks(
    split: Split,
    genes: NDArray[np.str_],
    gene_sets: NDArray[np.str_] | None,
    index: SharedKmers | None,
    share: float,
) -> Leakage:
    def shared(groups: NDArray[np.str_]) -> int:
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
        gene=shared(genes),
        gene_set=None if gene_sets is None else shared(gene_sets),
        kmers=kmers,
        with_sequence=with_sequence,
    )
