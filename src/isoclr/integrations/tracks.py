"""Six-track arrays as Orthrus and mRNABench write them, and our codes.

The order of the tracks is the same everywhere: A, C, G, T, first base of every codon, last base of every exon. Two
things differ: an unknown base is 0 on all four base tracks there and 0.25 here, and RNAs are padded with zeros at their
3' end to one length. Orthrus' models take the padded array ``(n, 6, L)`` and the lengths.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._io import check_input
from isoclr.embedding.external import check_npz, reraise_as_input_error
from isoclr.errors import InputError
from isoclr.genomics.encoding import CODON_START, EXON_END, NUCLEOTIDE_BITS, TRACKS, Codes, N, letters


def to_tracks(codes: Sequence[Codes], *, channels: int = 6) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Codes → a padded array ``(n, channels, L)`` and the lengths ``(n,)``, for ``model.representation`` of Orthrus.

    Args:
        codes: Codes ``(length,)`` of each RNA.
        channels: 6, or 4 for the bases alone.

    >>> from isoclr.genomics.encoding import encode, nucleotides
    >>> x, lengths = to_tracks([encode(nucleotides("AUGN"), cds=(0, 3)), nucleotides("C")])
    >>> x.shape, lengths.tolist(), x[0, :, 0].tolist(), x[0, :, 3].tolist()
    ((2, 6, 4), [4, 1], [1.0, 0.0, 0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    """
    lengths = np.array([len(one) for one in codes], np.int64)
    table = TRACKS.copy()
    table[(np.arange(len(table)) & NUCLEOTIDE_BITS) == N, :4] = 0
    x = np.zeros((len(codes), channels, int(lengths.max(initial=0))), np.float32)
    for row, one in zip(x, codes, strict=True):
        row[:, : len(one)] = table[one, :channels].T
    return x, lengths


def from_tracks(x: NDArray[Any], lengths: NDArray[np.int64] | None = None) -> list[Codes]:
    """A padded array of tracks → codes ``(length,)`` of each RNA.

    Args:
        x: ``(n, 6, L)`` or ``(n, 4, L)``, or with the tracks last, as mRNABench's files have them. All values are 0 or
            1; four zeros within an RNA are an unknown base.
        lengths: ``(n,)`` nt of each RNA; by default an RNA ends with its last position that is not all 0.

    Raises:
        InputError: Another shape, other values, or more than one base at a position.
    """
    x = np.asarray(x)
    if x.ndim != 3 or not {4, 6} & {x.shape[1], x.shape[2]}:
        raise InputError(f"tracks of shape {x.shape}, expected (n, 6, L) or (n, 4, L)")
    if x.shape[1] not in (4, 6):
        x = x.transpose(0, 2, 1)
    bad = (~np.isin(x, (0, 1))).any((1, 2)) | (x[:, :4].sum(1) > 1).any(1)
    if bad.any():
        row = int(bad.argmax())
        raise InputError(f"tracks of RNA {row + 1}: expected 0 and 1, and at most one base each")
    bases = np.where(x[:, :4].any(1), x[:, :4].argmax(1), N).astype(np.uint8)
    if x.shape[1] == 6:
        codons, ends = x[:, 4].astype(np.uint8), x[:, 5].astype(np.uint8)
        bases |= np.uint8(CODON_START) * codons | np.uint8(EXON_END) * ends
    if lengths is None:
        used: NDArray[np.bool_] = np.any(x != 0, axis=1)
        lengths = np.where(np.any(used, axis=1), x.shape[2] - used[:, ::-1].argmax(1), 0)
    return [row[:n].copy() for row, n in zip(bases, np.asarray(lengths).tolist(), strict=True)]


@dataclass(frozen=True)
class TrackTask:
    """The RNAs and labels of a task file of Orthrus or mRNABench."""

    frame: pl.DataFrame
    """One row per RNA: ``transcript_id`` (``row1``, … where the file has none), ``gene_id``, the labels and what else
    the file has, ``sequence``, and the tracks ``cds`` and ``splice`` as lists. :func:`isoclr.embed` takes it as it is,
    and :func:`isoclr.probe` takes its ids and a label."""
    labels: tuple[str, ...]  # Columns of numbers: the labels

    @property
    def label_table(self) -> pl.DataFrame:
        """The ids and the labels."""
        return self.frame.select("transcript_id", *self.labels)


NOT_LABELS = {"transcript_id", "gene_id", "species", "chromosome", "sequence", "cds", "splice"}
NOT_LABELS |= {"transcript_length", "length", "__index_level_0__"}
"""Columns of a task file besides its labels."""


def read_task(path: Path | str, *, species: str = "") -> TrackTask:
    """Read a task file: mRNABench's Parquet, or the ``.npz`` of Orthrus and of mRNABench's raw data.

    A Parquet file has one row per RNA with ``sequence``, ``cds``, ``splice``, ``gene`` and labels. An ``.npz`` file has
    the tracks ``X`` ``(n, L, 6)``, the labels ``y`` ``(n,)`` or ``(n, k)``, and ``genes``.

    Args:
        path: The file.
        species: Value of a column ``species`` that is added where the file has none.

    Raises:
        InputError: No such file, no sequences, or arrays of different lengths.
    """
    path = Path(path)
    check_input(path, "a task file of mRNABench (.parquet) or Orthrus (.npz)")
    with reraise_as_input_error(path):
        frame = _from_npz(path) if path.suffix == ".npz" else pl.read_parquet(path)
    if "sequence" not in frame.columns:
        raise InputError(f"{path}: no column 'sequence'; the columns are {', '.join(frame.columns)}")
    if "gene" in frame.columns and "gene_id" not in frame.columns:
        frame = frame.rename({"gene": "gene_id"})
    if "transcript_id" not in frame.columns:
        ids = pl.format("row{}", pl.int_range(1, pl.len() + 1))
        frame = frame.with_columns(transcript_id=ids)
    if "species" not in frame.columns:
        frame = frame.with_columns(species=pl.lit(species))
    numeric = [c for c, t in frame.schema.items() if t.is_numeric() or t == pl.Boolean]
    return TrackTask(frame, tuple(one for one in numeric if one not in NOT_LABELS))


def _from_npz(path: Path) -> pl.DataFrame:
    check_npz(path)
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        missing = next((name for name in ("X", "y") if name not in arrays.files), None)
        if missing is not None:
            raise InputError(f"{path}: no array {missing!r}, expected X, y and genes")
        codes = from_tracks(arrays["X"])
        labels = np.asarray(arrays["y"])
        genes = arrays["genes"].astype(str).tolist() if "genes" in arrays.files else None
    if len(labels) != len(codes):
        raise InputError(f"{path}: {len(labels):,} labels for {len(codes):,} RNAs")
    columns: dict[str, Any] = {
        "sequence": [letters(one) for one in codes],
        "cds": [((one & CODON_START) > 0).astype(np.int8).tolist() for one in codes],
        "splice": [((one & EXON_END) > 0).astype(np.int8).tolist() for one in codes],
    }
    if genes is not None:
        columns["gene_id"] = genes
    many = labels.reshape(len(labels), -1)
    names = ["target"] if many.shape[1] == 1 else [f"target_{i}" for i in range(many.shape[1])]
    return pl.DataFrame(columns | {name: many[:, i] for i, name in enumerate(names)})
