"""Tokenizers of language models (bases, overlapping and separate k-mers, byte pairs), windows and batches.

U and T are one code here (:mod:`isoclr.genomics.encoding`) and are written as the model's vocabulary has it; every
ambiguous base is N.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isoclr.errors import InputError, import_optional
from isoclr.genomics.encoding import NUCLEOTIDE_BITS, Codes, N, letters
from isoclr.genomics.features import kmer_numbers

Tokens = NDArray[np.uint16]
_LARGEST = 2**16


@dataclass(frozen=True)
class SpecialTokens:
    """The special tokens around a window."""

    before: tuple[int, ...]  # Tokens at its start
    after: tuple[int, ...]  # Tokens at its end
    pad: int  # Token that fills a batch

    @property
    def count(self) -> int:
        """Special tokens per window."""
        return len(self.before) + len(self.after)


@dataclass(frozen=True)
class Tokenizer:
    """How RNAs become tokens."""

    special: SpecialTokens
    vocabulary: int  # Number of different tokens
    tokens: Callable[[Codes], Tokens]
    """Tokens of one RNA of at least one base, without special tokens; at least one."""


def base_tokens(ids: Sequence[int]) -> Callable[[Codes], Tokens]:
    """One token per base: those of A, C, G, T (or U) and N."""
    table = np.array(ids, np.uint16)
    return lambda codes: table[_bases(codes)]


def overlapping_kmers(ids: dict[str, int], k: int, unknown: int) -> Callable[[Codes], Tokens]:
    """One token per position: the k-mer that begins there. A k-mer with an N, or an RNA shorter than k, is unknown."""
    table, no_kmer = _kmer_table(ids, k), np.array([unknown], np.uint16)

    def tokens(codes: Codes) -> Tokens:
        kmers, is_known = kmer_numbers(_bases(codes), k)
        return np.where(is_known, table[kmers], no_kmer) if len(kmers) else no_kmer

    return tokens


def separate_kmers(ids: dict[str, int], k: int) -> Callable[[Codes], Tokens]:
    """Consecutive k-mers; the bases left over before an N and at the end are tokens of their own."""
    table, single = _kmer_table(ids, k), np.array([ids[base] for base in "ACGTN"], np.uint16)

    def tokens(codes: Codes) -> Tokens:
        bases = _bases(codes)
        edges = np.flatnonzero(np.diff(bases == N)) + 1
        pieces = []
        for run in np.split(bases, edges):  # of known bases, or of N
            in_kmers = 0 if run[0] == N else len(run) // k * k
            kmers, _ = kmer_numbers(run[:in_kmers], k)
            pieces += [table[kmers[::k]], single[run[in_kmers:]]]
        return np.concatenate(pieces)

    return tokens


def byte_pairs(path: Path) -> Tokenizer:
    """Byte-pair encoding of a ``tokenizer.json``: pieces of one to many bases."""
    tokenizers = import_optional("tokenizers", "baselines", "this model")
    if not path.is_file():
        raise InputError(f"{path}: not found; expected the model's tokenizer")
    try:
        package = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises plain Exceptions
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: not a tokenizer ({reason})") from None
    first, last, pad = token_ids(path, package.get_vocab(), "[CLS]", "[SEP]", "[PAD]")
    return Tokenizer(
        SpecialTokens((first,), (last,), pad),
        int(package.get_vocab_size()),
        lambda codes: np.array(package.encode(letters(codes), add_special_tokens=False).ids, np.uint16),
    )


def read_vocabulary(path: Path) -> dict[str, int]:
    """The tokens of a ``vocab.txt``, numbered by line."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = "not found" if isinstance(error, FileNotFoundError) else "not a text file"
        raise InputError(f"{path}: {reason}; expected the model's vocabulary") from None
    tokens = [line.strip() for line in (lines[:-1] if lines[-1] == "" else lines)]
    ids = {token: i for i, token in enumerate(tokens)}
    if len(ids) != len(tokens) or not 0 < len(tokens) <= _LARGEST:
        raise InputError(f"{path}: {len(tokens):,} lines, {len(ids):,} of them different; expected each token once")
    return ids


def token_ids(path: Path, ids: dict[str, int], *names: str) -> list[int]:
    """Ids of named tokens."""
    for name in names:
        if name not in ids:
            raise InputError(f"{path}: has no token {name}")
    return [ids[name] for name in names]


def kmer_length(path: Path, ids: dict[str, int]) -> int:
    """Length in nt of a vocabulary's longest k-mers."""
    kmers = [token for token in ids if token and not set(token) - set("ACGT")]
    k = max(map(len, kmers), default=0)
    count = sum(len(kmer) == k for kmer in kmers)
    if k == 0 or count != 4**k:
        raise InputError(f"{path}: has {count:,} k-mers of {k} nt, expected all 4^{k}")
    return k


def _bases(codes: Codes) -> NDArray[np.int64]:
    return np.asarray(np.minimum(codes & NUCLEOTIDE_BITS, N), np.int64)


def _kmer_table(ids: dict[str, int], k: int) -> Tokens:
    """Token of every k-mer number; the vocabulary has all k-mers, see :func:`kmer_length`."""
    words = ["".join(word) for word in product("ACGT", repeat=k)]
    return np.array([ids[word] for word in words], np.uint16)


@dataclass(frozen=True)
class Window:
    """A stretch of one RNA's tokens."""

    rna: int  # Number of the RNA
    tokens: Tokens  # Tokens without special tokens
    nt: int  # Nucleotides that it stands for; those of all windows of an RNA add up to its length


def cut_windows(rna: int, tokens: Tokens, nt: int, size: int) -> list[Window]:
    """The windows of one RNA: full ones of ``size`` tokens, and what is left."""
    starts = range(0, len(tokens), size)
    edges = [nt * start // len(tokens) for start in starts] + [nt]
    return [Window(rna, tokens[start : start + size], edges[i + 1] - edges[i]) for i, start in enumerate(starts)]


def make_batches(windows: Sequence[Window], special: int, max_tokens: int) -> Iterator[list[Window]]:
    """Groups of windows of similar length, the shortest first.

    Args:
        max_tokens: Tokens per batch, padding and special tokens included; a single window may have more.
    """
    batch: list[Window] = []
    for window in sorted(windows, key=lambda w: len(w.tokens)):
        if batch and (len(batch) + 1) * (len(window.tokens) + special) > max_tokens:
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


def pad_batch(
    batch: Sequence[Window], special: SpecialTokens
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """A batch as arrays ``(b, l)``.

    Returns:
        Tokens, with special tokens around each window and padding after; which tokens are no padding; and which are
        the RNA's own, neither special nor padding.
    """
    lengths = np.array([len(window.tokens) for window in batch])
    first = len(special.before)
    shape = (len(batch), int(lengths.max()) + special.count)
    tokens = np.full(shape, special.pad, np.int64)
    for row, window in enumerate(batch):
        framed = np.concatenate([special.before, window.tokens, special.after])
        tokens[row, : len(framed)] = framed
    column = np.arange(shape[1])
    real = column < (lengths + special.count)[:, None]
    own = (column >= first) & (column < (lengths + first)[:, None])
    return tokens, real, own
