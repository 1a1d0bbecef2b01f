"""From nucleotide codes to the tokens of a model: single bases, k-mers that overlap, k-mers that do not, and BPE.

U and T are one code here (:mod:`isoclr.corpus.codes`) and are written as the model's own vocabulary has it; every
ambiguity is N.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from isoclr.errors import InputError, MissingExtraError
from isoclr.genomics.encoding import NUCLEOTIDE_BITS, Codes, N, letters, nucleotides

Tokens = NDArray[np.uint16]
_LARGEST = 2**16


@dataclass(frozen=True)
class Frame:
    """The special tokens around a window.

    Attributes:
        before: those at its start.
        after: those at its end.
        pad: what fills a batch.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    pad: int

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.before) + len(self.after)


class Tokenizer(Protocol):
    """What every tokenizer has.

    Attributes:
        frame: the special tokens of a window.
        vocabulary: number of tokens it may give.
    """

    frame: Frame
    vocabulary: int

    def tokens(self, codes: Codes) -> Tokens:
        """The tokens of one RNA of at least one base, without special ones; at least one."""
        ...


class Bases:
    """One token a base.

    Args:
        ids: the tokens of A, C, G, T (or U) and N.
        frame: the special tokens.
        vocabulary: number of tokens.
    """

    def __init__(self, ids: Sequence[int], frame: Frame, vocabulary: int) -> None:
        self._ids = np.array(ids, np.uint16)
        self.frame = frame
        self.vocabulary = vocabulary

    def tokens(self, codes: Codes) -> Tokens:
        """``(length,)``."""
        return self._ids[_bases(codes)]


class OverlappingKmers:
    """One token a position: the k-mer that begins there. A k-mer with an N, or an RNA shorter than k, is unknown.

    Args:
        ids: token of every k-mer, see :func:`kmer_ids`.
        k: length (nt) of a k-mer.
        unknown: the token of a k-mer that is not in the vocabulary.
        frame: the special tokens.
        vocabulary: number of tokens.
    """

    def __init__(
        self, ids: dict[str, int], k: int, unknown: int, frame: Frame, vocabulary: int
    ) -> None:
        self._k = k
        self._unknown = unknown
        self._table = _table(ids, k, unknown)
        self.frame = frame
        self.vocabulary = vocabulary

    def tokens(self, codes: Codes) -> Tokens:
        """``(length − k + 1,)``, or one unknown token."""
        bases = _bases(codes)
        if len(bases) < self._k:
            return np.array([self._unknown], np.uint16)
        return self._table[_words(bases, self._k, 1)]


class SeparateKmers:
    """k-mers one after the other; around an N, and at the end, what is left over goes base by base.

    Args:
        ids: token of every k-mer and every base.
        k: length (nt) of a k-mer.
        frame: the special tokens.
        vocabulary: number of tokens.
    """

    def __init__(self, ids: dict[str, int], k: int, frame: Frame, vocabulary: int) -> None:
        self._k = k
        self._table = _table(ids, k, ids["N"])
        self._single = np.array([ids[base] for base in "ACGTN"], np.uint16)
        self.frame = frame
        self.vocabulary = vocabulary

    def tokens(self, codes: Codes) -> Tokens:
        """About length / k of them."""
        bases = _bases(codes)
        edges = np.flatnonzero(np.diff(bases == N)) + 1
        found = []
        for run in np.split(bases, edges):  # of known bases, or of N
            whole = 0 if run[0] == N else len(run) // self._k * self._k
            if whole:
                found.append(self._table[_words(run[:whole], self._k, self._k)])
            found.append(self._single[run[whole:]])
        return np.concatenate(found)


class BytePairs:
    """Byte-pair encoding as a ``tokenizer.json`` says.

    Args:
        path: the file.

    Raises:
        InputError: the file is missing or something else.
        MissingExtraError: the package tokenizers is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            from tokenizers import Tokenizer as Package
        except ImportError:
            raise MissingExtraError("tokenizers", "baselines", "this model") from None
        if not path.is_file():
            raise InputError(f"{path}: not found; expected the model's tokenizer")
        try:
            self._package: Any = Package.from_file(str(path))
        except Exception as error:  # the package raises plain Exceptions
            reason = str(error).splitlines()[0]
            raise InputError(f"{path}: not a tokenizer ({reason})") from None
        first, last, pad = special(path, self._package.get_vocab(), "[CLS]", "[SEP]", "[PAD]")
        self.frame = Frame((first,), (last,), pad)
        self.vocabulary = int(self._package.get_vocab_size())

    def tokens(self, codes: Codes) -> Tokens:
        """Pieces of one to many bases."""
        ids = self._package.encode(letters(codes), add_special_tokens=False).ids
        return np.array(ids, np.uint16)


def read_vocabulary(path: Path) -> dict[str, int]:
    """The tokens of a ``vocab.txt``, numbered by line.

    Raises:
        InputError: no such file, a token twice, or more than 65,536.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = "not found" if isinstance(error, FileNotFoundError) else "not a text file"
        raise InputError(f"{path}: {reason}; expected the model's vocabulary") from None
    tokens = [line.strip() for line in (lines[:-1] if lines[-1] == "" else lines)]
    ids = {token: i for i, token in enumerate(tokens)}
    if len(ids) != len(tokens) or not 0 < len(tokens) <= _LARGEST:
        raise InputError(
            f"{path}: {len(tokens):,} lines, {len(ids):,} of them different; expected each token once"
        )
    return ids


def special(path: Path, ids: dict[str, int], *names: str) -> list[int]:
    """The tokens of these names.

    Raises:
        InputError: one is not in the vocabulary.
    """
    for name in names:
        if name not in ids:
            raise InputError(f"{path}: has no token {name}")
    return [ids[name] for name in names]


def kmer_length(path: Path, ids: dict[str, int]) -> int:
    """The length (nt) of a vocabulary's longest words of A, C, G and T.

    Raises:
        InputError: not all words of that length are there.
    """
    words = [token for token in ids if token and not set(token) - set("ACGT")]
    k = max(map(len, words), default=0)
    found = sum(len(word) == k for word in words)
    if k == 0 or found != 4**k:
        raise InputError(f"{path}: {found:,} words of {k} bases; expected all 4^k, as DNA has")
    return k


def _bases(codes: Codes) -> Codes:
    return np.asarray(np.minimum(codes & NUCLEOTIDE_BITS, N))


def _words(bases: Codes, k: int, step: int) -> NDArray[np.int64]:
    """Number, to base 5, of the k-mer at every ``step``-th position."""
    count = len(bases) - k + 1
    words = np.zeros(len(range(0, count, step)), np.int64)
    for i in range(k):
        words = words * 5 + bases[i : i + count : step]
    return words


def _table(ids: dict[str, int], k: int, unknown: int) -> Tokens:
    """Token of every k-mer number; those with an N are unknown."""
    table = np.full(5**k, unknown, np.uint16)
    for word, token in ids.items():
        if len(word) == k and not set(word) - set("ACGT"):
            table[_words(nucleotides(word), k, 1)[0]] = token
    return table


@dataclass(frozen=True)
class Window:
    """A stretch of one RNA's tokens.

    Attributes:
        rna: which RNA.
        tokens: without special ones.
        nt: nucleotides of the RNA that it stands for; those of all its windows add up to its length.
    """

    rna: int
    tokens: Tokens
    nt: int


def cut(rna: int, tokens: Tokens, nt: int, size: int) -> list[Window]:
    """The windows of one RNA: full ones, and what is left.

    Args:
        rna: its number.
        tokens: all of them.
        nt: its length.
        size: tokens of a full window, without special ones.
    """
    starts = range(0, len(tokens), size)
    edges = [nt * start // len(tokens) for start in starts] + [nt]
    return [
        Window(rna, tokens[start : start + size], edges[i + 1] - edges[i])
        for i, start in enumerate(starts)
    ]


def batches(windows: Sequence[Window], frame: int, most: int) -> Iterator[list[Window]]:
    """Groups of windows of like length, the shortest first.

    Args:
        windows: in any order.
        frame: special tokens of each.
        most: tokens of a batch, padding and special ones included; a window alone may have more.
    """
    batch: list[Window] = []
    for window in sorted(windows, key=lambda w: len(w.tokens)):
        if batch and (len(batch) + 1) * (len(window.tokens) + frame) > most:
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


def padded(
    batch: Sequence[Window], frame: Frame
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """A batch as arrays ``(b, l)``.

    Returns:
        The tokens with the special ones around each window and padding behind; where no padding is; and where the
        RNA's own tokens are, neither special nor padding.
    """
    lengths = np.array([len(window.tokens) for window in batch])
    first = len(frame.before)
    shape = (len(batch), int(lengths.max()) + frame.size)
    tokens = np.full(shape, frame.pad, np.int64)
    column = np.arange(shape[1])
    for row, window in enumerate(batch):
        words = (frame.before, window.tokens, frame.after)
        whole = np.concatenate([np.asarray(part, np.int64) for part in words])
        tokens[row, : len(whole)] = whole
    real = column < (lengths + frame.size)[:, None]
    own = (column >= first) & (column < (lengths + first)[:, None])
    return tokens, real, own
