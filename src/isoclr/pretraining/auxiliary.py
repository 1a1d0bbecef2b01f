"""Sequence features of an RNA, the targets of the auxiliary loss.

They are computed from sequence and structure: k-mers, codons, regions, exons, and elements that affect an mRNA's fate.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from isoclr.genomics.encoding import CODON_START, EXON_END, NUCLEOTIDE_BITS, N
from isoclr.models.packing import to_device
from isoclr.pretraining.augmentations import DeviceCorpus

REGIONS = 3  # 5' UTR, coding sequence and 3' UTR; a non-coding RNA counts as 3' UTR
LETTERS = 5  # A, C, G, T and unknown
WORD = 8  # Length of the k-mer that is looked up at every base


class FlatBases(NamedTuple):
    """The bases of n RNAs, concatenated; fields are ``(p,)`` for p bases unless another shape is given."""

    n: int
    base: Tensor  # 0 to 3, or 4 for an unknown base
    word: Tensor  # The next eight bases as a number in base 5; beyond the RNA's end they are unknown
    codon: Tensor  # Whether a codon starts
    end: Tensor  # Whether an exon ends
    owner: Tensor  # Number of the RNA that a base belongs to
    region: Tensor  # 0 before the coding sequence, 1 within, 2 after it
    within: Tensor  # Position in the RNA
    first: Tensor  # (n,) position of each RNA's first base
    lengths: Tensor  # (n,) nt of each RNA
    start: Tensor  # (n,) position of each RNA's start codon; 0 without one
    stop: Tensor  # (n,) end of its coding sequence; 0 without one

    def words(self, k: int) -> Tensor:
        """The k-mer that begins at each base, as a number in base 5."""
        return self.word // int(LETTERS ** (WORD - k))

    def around(self, positions: Float[Tensor, " n"], offsets: range) -> Tensor:
        """``(n, m)`` bases at offsets from one position of each RNA; unknown outside of the RNA."""
        at = positions[:, None] + torch.arange(offsets.start, offsets.stop, device=positions.device)
        inside = (at >= 0) & (at < self.lengths[:, None])
        bases = self.base[(self.first[:, None] + at).clamp(0, max(len(self.base) - 1, 0))]
        return torch.where(inside, bases, N)

    def max_of(self, values: Tensor, keep: Tensor) -> Float[Tensor, " n"]:
        """The largest non-negative value of each RNA among those to keep, 0 without any."""
        zeros = values.new_zeros(self.n)
        return zeros.scatter_reduce(0, self.owner, torch.where(keep, values, 0), "amax").float()

    def by_rna(self, keys: Tensor, size: int) -> Float[Tensor, "n size"]:
        """How often each key below ``size`` occurs in each RNA."""
        return count(self.owner * size + keys, self.n * size).view(self.n, size)

    def by_region(self, keys: Tensor, size: int) -> Float[Tensor, "n 3 size"]:
        """How often each key below ``size`` occurs in each region."""
        return self.by_rna(self.region * size + keys, REGIONS * size).view(self.n, REGIONS, size)


def flatten_bases(corpus: DeviceCorpus, transcripts: NDArray[np.int64]) -> FlatBases:
    """The bases of the transcripts ``(n,)``, on the corpus' device."""
    device, n = corpus.device, len(transcripts)
    lengths = corpus.lengths[transcripts]
    firsts = np.cumsum(lengths) - lengths
    table = np.stack([np.arange(n), corpus.offsets[transcripts] - firsts, firsts, lengths])
    _, _, first, sizes = table_on_device = to_device(table, device)
    owner, shift, begin, length = table_on_device.repeat_interleave(sizes, dim=1, output_size=int(lengths.sum()))
    number = torch.arange(len(owner), device=device)
    within = number - begin
    codes = corpus.codes.index_select(0, number + shift)
    codon = (codes & CODON_START) > 0
    start, stop = _coding_sequence(owner, within, codon, n)
    region = (within >= start[owner]).long() + (within >= stop[owner])
    base = (codes & NUCLEOTIDE_BITS).int()
    word = _words(base, length - within)
    end = (codes & EXON_END) > 0
    return FlatBases(n, base, word, codon, end, owner, region, within, first, sizes, start, stop)


def _coding_sequence(owner: Tensor, within: Tensor, codon: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Start and end of each RNA's coding sequence; both 0 without one."""
    never = torch.iinfo(within.dtype).max
    first = within.new_full((n,), never)
    first = first.scatter_reduce(0, owner, torch.where(codon, within, never), "amin")
    last = within.new_full((n,), -3)
    last = last.scatter_reduce(0, owner, torch.where(codon, within, -3), "amax")
    return torch.where(first == never, 0, first), last + 3


def _words(base: Tensor, remaining: Tensor) -> Tensor:
    """The 8-mer at every base, of which the first ``remaining`` bases are in the RNA."""
    padded = torch.nn.functional.pad(base, (0, WORD - 1), value=N)
    words = torch.zeros_like(base)
    for i in range(WORD):
        words = words * LETTERS + torch.where(remaining > i, padded[i : i + len(base)], N)
    return words


def count(keys: Tensor, size: int) -> Float[Tensor, " size"]:
    """How often each key 0, 1, … occurs; counted in integers, so every device gives the same result."""
    counts = torch.zeros(size, dtype=torch.int32, device=keys.device)
    one = torch.ones((), dtype=torch.int32, device=keys.device)
    return counts.scatter_add_(0, keys, one.expand(len(keys))).float()


MOTIFS = {
    "ATTTA": "core of the AU-rich element",
    "TATTTAT": "AU-rich element",
    "TGTANATA": "Pumilio",
    "GTTTG": "GU-rich element, CELF1",
    "TTTTT": "HuR, TIA1",
    "CCCC": "PCBP",
    "GGGG": "G-quadruplex",
    "CYTYC": "PTBP1",
    "GAAGAA": "exonic splicing enhancer",
    "DRACH": "N6-methyladenosine",
    "AATAAA": "polyadenylation signal",
    "ATG": "start codon",
}
"""Sequence elements in IUPAC letters, and what recognizes them."""
IUPAC = {"A": "A", "C": "C", "G": "G", "T": "T", "R": "AG", "Y": "CT", "D": "AGT", "H": "ACT", "N": "ACGT"}
"""The bases that each letter of a motif stands for."""
CAP, BEFORE_START, AFTER_START = 20, 30, 60
"""Windows in nt: after the cap, before the start codon, from the start codon on."""
CONTEXT = range(-6, 7)  # Positions of the start codon's context, counted from its A
_AUG = 0 * LETTERS**2 + 3 * LETTERS + 2


class FeatureGroup(NamedTuple):
    """Related features that share one weight."""

    size: int
    weight: float  # Weight in the loss of all features together
    compute: Callable[[FlatBases], Tensor]  # (n, size) float32


def sequence_features(corpus: DeviceCorpus, transcripts: NDArray[np.int64]) -> Float[Tensor, "n size"]:
    """The features of the transcripts ``(n,)``: those of all :data:`FEATURES`, float32 on the corpus' device.

    k-mers with an unknown base are not counted.
    """
    bases = flatten_bases(corpus, transcripts)
    return torch.cat([group.compute(bases) for group in FEATURES.values()], 1)


def _four_mers(bases: FlatBases) -> Tensor:
    return _frequencies(bases.by_rna(bases.words(4), LETTERS**4)[:, _kmers(4, bases.word.device)])


def _codons(bases: FlatBases) -> Tensor:
    unknown = LETTERS**3 - 1  # NNN
    words = torch.where(bases.codon, bases.words(3), unknown)
    return _frequencies(bases.by_rna(words, LETTERS**3)[:, _kmers(3, words.device)])


def _bases_by_region(bases: FlatBases) -> Tensor:
    return _frequencies(bases.by_region(bases.base, LETTERS)[..., :N]).flatten(1)


def _three_mers_by_region(bases: FlatBases) -> Tensor:
    """Frequencies of the 3-mers that begin in each region."""
    counts = bases.by_region(bases.words(3), LETTERS**3)[..., _kmers(3, bases.word.device)]
    return _frequencies(counts).flatten(1)


def _lengths(bases: FlatBases) -> Tensor:
    """log2(1 + nt) of each region."""
    return _log(_region_sizes(bases))


def _exon_ends(bases: FlatBases) -> Tensor:
    """log2(1 + number) of exon ends in each region; their number per kb of the RNA and of its coding sequence."""
    ends = bases.by_region(bases.end.long(), 2)[..., 1]
    total = ends.sum(1) / bases.lengths.clamp(min=1)
    coding = ends[:, 1] / _region_sizes(bases)[:, 1].clamp(min=1)
    return torch.cat([_log(ends), 1000 * torch.stack([total, coding], 1)], 1)


def _exon_lengths(bases: FlatBases) -> Tensor:
    """log2(1 + nt) of the longest, the longest internal, the first and the last exon; 0 if unknown."""
    number = torch.arange(len(bases.owner), device=bases.owner.device)
    begin = number - bases.within
    latest = torch.cummax(torch.where(bases.end, number, -1), 0).values if len(number) else number
    before = torch.nn.functional.pad(latest, (1, 0), value=-1)[:-1]
    first = before < begin
    length = number - torch.where(first, begin - 1, before)
    last = bases.within == bases.lengths[bases.owner] - 1
    internal = ~(first | last)
    kinds = [bases.end, bases.end & internal, bases.end & first, bases.end & last]
    return _log(torch.stack([bases.max_of(length, keep) for keep in kinds], 1))


def _upstream_starts(bases: FlatBases) -> Tensor:
    """log2(1 + number) of AUGs in the 5' UTR, and of those in frame with the coding sequence."""
    away = bases.start[bases.owner] - bases.within
    upstream = (bases.words(3) == _AUG) & (away >= 3)
    kinds = torch.where(upstream, torch.where(away % 3 == 0, 2, 1), 0)
    counts = bases.by_rna(kinds, 3)
    return _log(torch.stack([counts[:, 1:].sum(1), counts[:, 2]], 1))


def _start_context(bases: FlatBases) -> Tensor:
    """One-hot bases around the start codon; zeros without one."""
    coding = (bases.stop > 0)[:, None, None]
    return (_one_hot(bases.around(bases.start, CONTEXT)) * coding).flatten(1)


def _ends_and_start(bases: FlatBases) -> Tensor:
    """Base frequencies after the cap, before the start codon, and from the start codon on."""
    coding = (bases.stop > 0)[:, None]
    windows = [
        _one_hot(bases.around(torch.zeros_like(bases.start), range(CAP))).sum(1),
        _one_hot(bases.around(bases.start, range(-BEFORE_START, 0))).sum(1) * coding,
        _one_hot(bases.around(bases.start, range(AFTER_START))).sum(1) * coding,
    ]
    return torch.cat([_frequencies(window) for window in windows], 1)


def _motifs(bases: FlatBases) -> Tensor:
    """Occurrences of every motif per kb of each region, and log2(1 + their number) in the 3' UTR."""
    class_of_word, motifs_of_class = _motif_classes(bases.word.device)
    classes = bases.by_region(class_of_word[bases.word].long(), len(motifs_of_class))
    counts = classes @ motifs_of_class  # (n, 3, motifs)
    sizes = _region_sizes(bases).clamp(min=50)[..., None]
    return torch.cat([(1000 * counts / sizes).flatten(1), _log(counts[:, 2])], 1)


@cache
def _motif_classes(device: torch.device) -> tuple[Tensor, Tensor]:
    """Classes of 8-mers that begin with the same motifs: the class of every 8-mer, and the motifs of every class.

    Computed once for a device, because sending them with every batch would keep it waiting.
    """
    bits = sum(_words_with(motif).long() << i for i, motif in enumerate(MOTIFS))  # of each 8-mer
    classes, class_of_word = torch.unique(bits, return_inverse=True)
    begins = classes[:, None] >> torch.arange(len(MOTIFS)) & 1
    tables = class_of_word.to(torch.uint8), begins.float()
    return to_device(tables[0].numpy(), device), to_device(tables[1].numpy(), device)


def _words_with(motif: str) -> Tensor:
    """``(5^8,)`` whether each 8-mer begins with a motif."""
    matches = torch.ones((LETTERS,) * WORD, dtype=torch.bool)
    for i, letter in enumerate(motif):
        allowed = torch.tensor([base in IUPAC[letter] for base in "ACGT"] + [False])
        matches &= allowed.view([-1 if axis == i else 1 for axis in range(WORD)])
    return matches.flatten()


@cache
def _kmers(k: int, device: torch.device) -> Tensor:
    """The k-mers without an unknown base, as numbers in base 5; computed once for a device."""
    kmers: NDArray[np.int64] = LETTERS ** np.arange(k)[::-1] @ np.indices((N,) * k).reshape(k, -1)
    return to_device(kmers, device)


def _one_hot(bases: Tensor) -> Tensor:
    """``(n, m, 4)``; zeros for unknown bases."""
    return torch.nn.functional.one_hot(bases.long(), LETTERS)[..., :N].float()


def _frequencies(counts: Tensor) -> Tensor:
    """Counts divided by their sum along the last axis; zeros where the sum is 0."""
    return counts / counts.sum(-1, keepdim=True).clamp(min=1)


def _log(counts: Tensor) -> Tensor:
    return counts.add(1).log2()


def _region_sizes(bases: FlatBases) -> Float[Tensor, "n 3"]:
    sizes = [bases.start, bases.stop - bases.start, bases.lengths - bases.stop]
    return torch.stack(sizes, 1).float()


FEATURES = {
    "4-mer frequencies": FeatureGroup(4**4, 1, _four_mers),
    "codon frequencies": FeatureGroup(4**3, 4, _codons),
    "bases by region": FeatureGroup(4 * REGIONS, 1, _bases_by_region),
    "3-mers by region": FeatureGroup(4**3 * REGIONS, 3, _three_mers_by_region),
    "region lengths": FeatureGroup(REGIONS, 2, _lengths),
    "exon ends": FeatureGroup(REGIONS + 2, 2, _exon_ends),
    "exon lengths": FeatureGroup(4, 1, _exon_lengths),
    "upstream AUGs": FeatureGroup(2, 1, _upstream_starts),
    "start codon context": FeatureGroup(4 * len(CONTEXT), 1, _start_context),
    "bases at cap and start codon": FeatureGroup(4 * 3, 1, _ends_and_start),
    "motifs by region": FeatureGroup((REGIONS + 1) * len(MOTIFS), 3, _motifs),
}
"""The features of an RNA."""
SIZE = sum(group.size for group in FEATURES.values())
