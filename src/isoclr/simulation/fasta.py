"""Writing a genome: letters in lines of 60, repeats in lower case, plain or bgz."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from isoclr.corpus.codes import LETTERS, Codes

_LINE = 60
_LETTERS = np.frombuffer(LETTERS, np.uint8)
_LOWER = 0x20


class FastaWriter:
    """A genome FASTA, written sequence by sequence."""

    def __init__(self, path: Path, *, bgzip: bool) -> None:
        self._stream: Any = _bgz(path) if bgzip else path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()

    def write(self, name: str, codes: Codes, rng: np.random.Generator) -> None:
        """Write one sequence; stretches of it are soft-masked, as repeats are in real genomes."""
        letters = _LETTERS[codes]
        for start in rng.integers(0, len(letters), len(letters) // 2500).tolist():
            letters[start : start + 300] |= _LOWER
        self._stream.write(f">{name}\n".encode())
        whole = len(letters) // _LINE * _LINE
        self._stream.write(_lines(letters[:whole]).tobytes())
        if whole < len(letters):
            self._stream.write(letters[whole:].tobytes() + b"\n")


def _lines(letters: NDArray[np.uint8]) -> NDArray[np.uint8]:
    lines = np.empty((len(letters) // _LINE, _LINE + 1), np.uint8)
    lines[:, :_LINE] = letters.reshape(-1, _LINE)
    lines[:, _LINE] = ord("\n")
    return lines


def _bgz(path: Path) -> Any:
    import pysam

    return pysam.BGZFile(str(path), "wb", None)
