"""What an RNA is made of, as numbers that an embedding can be asked for.

Words, codons, regions and exons, and the sequence elements that are known to act on an mRNA's life: they are read
off its sequence and structure, no measurement is needed.
"""

from collections.abc import Callable
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from isoclr.genomics.encoding import CODON_START, EXON_END, NUCLEOTIDE_BITS, N
from isoclr.models.packing import to_device
from isoclr.pretraining.augmentations import DeviceCorpus

REGIONS = 3
"""5' UTR, coding sequence, 3' UTR; a non-coding RNA is all 3' UTR."""
LETTERS = 5
"""A, C, G, T and unknown."""
WORD = 8
"""Letters of the word that is looked up at every base."""


class FlatBases(NamedTuple):
    """The bases of n RNAs, one RNA after the other; all ``(p,)`` unless said."""

    n: int
    base: Tensor
    """0 to 3, or 4 where it is unknown."""
    word: Tensor
    """The next eight bases as one number to the base of 5; beyond the RNA's end all are unknown."""
    codon: Tensor
    """Whether a codon starts."""
    end: Tensor
    """Whether an exon ends."""
    owner: Tensor
    """Which of the RNAs a base belongs to."""
    region: Tensor
    """0 before the coding sequence, 1 in it, 2 after it."""
    within: Tensor
    """Position in the RNA."""
    first: Tensor
    """``(n,)`` where each RNA begins."""
    lengths: Tensor
    """``(n,)`` nt of each RNA."""
    start: Tensor
    """``(n,)`` its first codon; 0 when it has none."""
    stop: Tensor
    """``(n,)`` where its coding sequence ends; 0 when it has none."""

    def words(self, k: int) -> Tensor:
        """The number to the base of 5 of the k-mer that begins at each base."""
        return self.word // int(LETTERS ** (WORD - k))

    def around(self, places: Float[Tensor, " n"], offsets: range) -> Tensor:
        """The bases ``(n, m)`` at some offsets from a place of each RNA; unknown outside of it."""
        at = places[:, None] + torch.arange(offsets.start, offsets.stop, device=places.device)
        inside = (at >= 0) & (at < self.lengths[:, None])
        found = self.base[(self.first[:, None] + at).clamp(0, max(len(self.base) - 1, 0))]
        return torch.where(inside, found, N)

    def most(self, values: Tensor, keep: Tensor) -> Float[Tensor, " n"]:
        """The largest of the values kept of each RNA, 0 when there is none; they are not negative."""
        most = values.new_zeros(self.n)
        return most.scatter_reduce(0, self.owner, torch.where(keep, values, 0), "amax").float()

    def by_region(self, keys: Tensor, size: int) -> Float[Tensor, "n 3 size"]:
        """How often each key below ``size`` occurs in each region."""
        places = (self.owner * REGIONS + self.region) * size + keys
        return count(places, self.n * REGIONS * size).view(self.n, REGIONS, size)


def flatten_bases(resident: DeviceCorpus, transcripts: NDArray[np.int64]) -> FlatBases:
    """The bases of some transcripts ``(n,)``, on the corpus' device."""
    device, n = resident.device, len(transcripts)
    lengths = resident.lengths[transcripts]
    firsts = np.cumsum(lengths) - lengths
    facts = np.stack([np.arange(n), resident.offsets[transcripts] - firsts, firsts, lengths])
    _, _, first, sizes = on_device = to_device(facts, device)
    owner, shift, begin, length = on_device.repeat_interleave(
        sizes, dim=1, output_size=int(lengths.sum())
    )
    number = torch.arange(len(owner), device=device)
    within = number - begin
    codes = resident.codes.index_select(0, number + shift)
    codon = (codes & CODON_START) > 0
    start, stop = _coding(owner, within, codon, n)
    region = (within >= start[owner]).long() + (within >= stop[owner])
    base = (codes & NUCLEOTIDE_BITS).int()
    word = _words(base, length - within)
    end = (codes & EXON_END) > 0
    return FlatBases(n, base, word, codon, end, owner, region, within, first, sizes, start, stop)


def _coding(owner: Tensor, within: Tensor, codon: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Begin and end of each RNA's coding sequence; both 0 when it has none."""
    never = torch.iinfo(within.dtype).max
    first = within.new_full((n,), never)
    first = first.scatter_reduce(0, owner, torch.where(codon, within, never), "amin")
    last = within.new_full((n,), -3)
    last = last.scatter_reduce(0, owner, torch.where(codon, within, -3), "amax")
    return torch.where(first == never, 0, first), last + 3


def _words(base: Tensor, left: Tensor) -> Tensor:
    """The eight-letter word at every base, of which ``left`` are in the RNA."""
    padded = torch.nn.functional.pad(base, (0, WORD - 1), value=N)
    words = torch.zeros_like(base)
    for i in range(WORD):
        words = words * LETTERS + torch.where(left > i, padded[i : i + len(base)], N)
    return words


def count(keys: Tensor, size: int) -> Float[Tensor, " size"]:
    """How many of the keys are 0, 1, …: exact, and so the same on every device."""
    counted = torch.zeros(size, dtype=torch.int32, device=keys.device)
    one = torch.ones((), dtype=torch.int32, device=keys.device)
    return counted.scatter_add_(0, keys, one.expand(len(keys))).float()


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
"""Elements, in IUPAC letters, and what binds or reads them."""
IUPAC = {
    "A": "A",
    "C": "C",
    "G": "G",
    "T": "T",
    "R": "AG",
    "Y": "CT",
    "D": "AGT",
    "H": "ACT",
    "N": "ACGT",
}
"""The bases that each letter of a motif stands for."""
CAP, BEFORE_START, AFTER_START = 20, 30, 60
"""nt: after the cap, before the start codon, from the start codon on."""
CONTEXT = range(-6, 7)
"""Positions around the start codon that are told one by one, counted from its A."""
_AUG = 0 * LETTERS**2 + 3 * LETTERS + 2


class FeatureGroup(NamedTuple):
    """One of the things that a composition tells."""

    size: int
    """How many numbers tell it."""
    weight: float
    """How much it counts in training, all its numbers together."""
    read: Callable[[FlatBases], Tensor]
    """``(n, size)`` float32."""


def sequence_features(
    resident: DeviceCorpus, transcripts: NDArray[np.int64]
) -> Float[Tensor, "n size"]:
    """The composition of some transcripts ``(n,)``: :data:`SIZE` numbers each, those of every part of :data:`PARTS`.

    float32, on the corpus' device. Words with an unknown base do not count.
    """
    bases = flatten_bases(resident, transcripts)
    return torch.cat([part.read(bases) for part in PARTS.values()], 1)


def _four_mers(bases: FlatBases) -> Tensor:
    counts = count(bases.owner * LETTERS**4 + bases.words(4), bases.n * LETTERS**4)
    return _shares(counts.view(-1, LETTERS**4)[:, _known(4, counts.device)])


def _codons(bases: FlatBases) -> Tensor:
    nowhere = LETTERS**3 - 1  # a word that has an unknown base
    words = torch.where(bases.codon, bases.words(3), nowhere)
    counts = count(bases.owner * LETTERS**3 + words, bases.n * LETTERS**3)
    return _shares(counts.view(-1, LETTERS**3)[:, _known(3, counts.device)])


def _bases_by_region(bases: FlatBases) -> Tensor:
    return _shares(bases.by_region(bases.base, LETTERS)[..., :N]).flatten(1)


def _lengths(bases: FlatBases) -> Tensor:
    """log2(1 + nt) of each region."""
    return _log(_region_sizes(bases))


def _exon_ends(bases: FlatBases) -> Tensor:
    """log2(1 + number) of the exon ends in each region; those a kb of the RNA, and of its coding sequence."""
    ends = bases.by_region(bases.end.long(), 2)[..., 1]
    everywhere = ends.sum(1) / bases.lengths.clamp(min=1)
    coding = ends[:, 1] / _region_sizes(bases)[:, 1].clamp(min=1)
    return torch.cat([_log(ends), 1000 * torch.stack([everywhere, coding], 1)], 1)


def _exon_lengths(bases: FlatBases) -> Tensor:
    """log2(1 + nt) of the longest exon, the longest inner one, the first and the last; 0 where they are unknown."""
    number = torch.arange(len(bases.owner), device=bases.owner.device)
    begin = number - bases.within
    latest = torch.cummax(torch.where(bases.end, number, -1), 0).values if len(number) else number
    before = torch.nn.functional.pad(latest, (1, 0), value=-1)[:-1]
    first = before < begin
    length = number - torch.where(first, begin - 1, before)
    last = bases.within == bases.lengths[bases.owner] - 1
    inner = ~(first | last)
    chosen = [bases.end, bases.end & inner, bases.end & first, bases.end & last]
    return _log(torch.stack([bases.most(length, keep) for keep in chosen], 1))


def _upstream_starts(bases: FlatBases) -> Tensor:
    """log2(1 + number) of the AUGs within the 5' UTR, and of those in frame with the coding sequence."""
    away = bases.start[bases.owner] - bases.within
    upstream = (bases.words(3) == _AUG) & (away >= 3)
    kinds = torch.where(upstream, torch.where(away % 3 == 0, 2, 1), 0)
    counts = count(bases.owner * 3 + kinds, bases.n * 3).view(bases.n, 3)
    return _log(torch.stack([counts[:, 1:].sum(1), counts[:, 2]], 1))


def _start_context(bases: FlatBases) -> Tensor:
    """Which base stands at each position around the start codon, one-hot; all zero without one."""
    coding = (bases.stop > 0)[:, None, None]
    return (_one_hot(bases.around(bases.start, CONTEXT)) * coding).flatten(1)


def _ends_and_start(bases: FlatBases) -> Tensor:
    """Shares of A, C, G, T right after the cap, right before and right after the beginning of the coding sequence."""
    coding = (bases.stop > 0)[:, None]
    windows = [
        _one_hot(bases.around(torch.zeros_like(bases.start), range(CAP))).sum(1),
        _one_hot(bases.around(bases.start, range(-BEFORE_START, 0))).sum(1) * coding,
        _one_hot(bases.around(bases.start, range(AFTER_START))).sum(1) * coding,
    ]
    return torch.cat([_shares(window) for window in windows], 1)


def _motifs(bases: FlatBases) -> Tensor:
    """Every motif's occurrences a kb in each region, and log2(1 + their number) in the 3' UTR."""
    kind_of_word, kinds = _kinds(bases.word.device)
    of_kind = bases.by_region(kind_of_word[bases.word].long(), len(kinds))
    counts = of_kind @ kinds  # (n, 3, motifs)
    sizes = _region_sizes(bases).clamp(min=50)[..., None]
    return torch.cat([(1000 * counts / sizes).flatten(1), _log(counts[:, 2])], 1)


@cache
def _kinds(device: torch.device) -> tuple[Tensor, Tensor]:
    """For every word of eight letters which kind it is of, and for every kind the motifs that begin its words.

    Made once for a device, as what is sent to it for every batch would keep it waiting.
    """
    begins = torch.stack([_words_with(motif) for motif in MOTIFS], 1)  # (5^8, motifs)
    kinds, kind_of_word = torch.unique(begins, dim=0, return_inverse=True)
    tables = kind_of_word.to(torch.uint8), kinds.float()
    return to_device(tables[0].numpy(), device), to_device(tables[1].numpy(), device)


def _words_with(motif: str) -> Tensor:
    """Which of the words of eight letters begin with a motif."""
    found = torch.ones((LETTERS,) * WORD, dtype=torch.bool)
    for i, letter in enumerate(motif):
        allowed = torch.tensor([base in IUPAC[letter] for base in "ACGT"] + [False])
        found &= allowed.view([-1 if axis == i else 1 for axis in range(WORD)])
    return found.flatten()


@cache
def _known(k: int, device: torch.device) -> Tensor:
    """The k-mers without an unknown base, among all to the base of 5; made once for a device."""
    powers = [LETTERS ** (k - 1 - i) for i in range(k)]
    known = [sum(map(int.__mul__, letters, powers)) for letters in product(range(N), repeat=k)]
    return to_device(np.array(known), device)


def _one_hot(found: Tensor) -> Tensor:
    """``(n, m, 4)``; unknown bases are all zero."""
    return torch.nn.functional.one_hot(found.long(), LETTERS)[..., :N].float()


def _shares(counts: Tensor) -> Tensor:
    """Counts as shares of their sum along the last axis; all zero where there is none."""
    return counts / counts.sum(-1, keepdim=True).clamp(min=1)


def _log(counts: Tensor) -> Tensor:
    return counts.add(1).log2()


def _region_sizes(bases: FlatBases) -> Float[Tensor, "n 3"]:
    sizes = [bases.start, bases.stop - bases.start, bases.lengths - bases.stop]
    return torch.stack(sizes, 1).float()


PARTS = {
    "shares of 4-mers": FeatureGroup(4**4, 1, _four_mers),
    "shares of codons": FeatureGroup(4**3, 4, _codons),
    "bases by region": FeatureGroup(4 * REGIONS, 1, _bases_by_region),
    "lengths of regions": FeatureGroup(REGIONS, 2, _lengths),
    "exon ends": FeatureGroup(REGIONS + 2, 2, _exon_ends),
    "lengths of exons": FeatureGroup(4, 1, _exon_lengths),
    "upstream AUGs": FeatureGroup(2, 1, _upstream_starts),
    "context of the start codon": FeatureGroup(4 * len(CONTEXT), 1, _start_context),
    "bases at cap and start": FeatureGroup(4 * 3, 1, _ends_and_start),
    "motifs by region": FeatureGroup((REGIONS + 1) * len(MOTIFS), 3, _motifs),
}
"""What a composition tells."""
SIZE = sum(part.size for part in PARTS.values())
"""Numbers in a composition."""
