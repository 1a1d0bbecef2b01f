"""RNAs in memory: lists, dictionaries, data frames and AnnData objects, read as a FASTA with annotation would be.

Columns of a data frame (polars, or pandas), recognized in any case:

==============================  =====================================================================================
column                          content
==============================  =====================================================================================
``sequence`` (``seq``, …)       letters of the mature RNA, 5' to 3'; the only column that is needed
``transcript_id`` (``id``, …)   id, see :data:`isoclr.embedding.external.COLUMN_NAMES`; else the index of a pandas frame
                                if it holds text, else ``rna1``, ``rna2``, …
``gene_id``, ``species``,       see there; without a gene, an RNA counts as its own gene
``gene_symbol``
``cds_start``, ``cds_end``      coding sequence, 0-based and half-open, stop codon included; missing: unknown; −1, or an
                                end that is not after the start: known to be non-coding
``cds``                         the same as a pair, or a track ``(L,)`` with 1 at the first base of every codon
``exon_lengths`` (``exons``)    lengths of the exons from 5' to 3': a list, or text such as ``120,88,301``
``splice``                      instead, a track ``(L,)`` with 1 at the last base of every exon
==============================  =====================================================================================

``cds`` and ``splice`` as tracks are what the data sets of mRNABench hold. Where the coding sequence is unknown, the
longest open reading frame is marked, as for a FASTA.

Of an AnnData, ``obs`` or ``var`` must have a column of sequences: that axis holds the RNAs, its names their ids.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.corpus.cds import assign_cds, known_noncoding, mark_tracks
from isoclr.corpus.corpus import Corpus
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.external import COLUMN_NAMES
from isoclr.errors import InputError
from isoclr.genomics.encoding import CODON_START, EXON_END, MIN_LENGTH, Codes, coding_region, nucleotides

NAMES: dict[str, tuple[str, ...]] = {
    "sequence": ("sequence", "seq", "rna", "mrna", "cdna"),
    **{name: COLUMN_NAMES[name] for name in ("transcript_id", "gene_id", "species")},
    "gene_symbol": ("gene_symbol", "symbol", "gene_name"),
    "cds_start": ("cds_start",),
    "cds_end": ("cds_end",),
    "cds": ("cds",),
    "exon_lengths": ("exon_lengths", "exons"),
    "splice": ("splice",),
    "biotype": ("biotype", "transcript_biotype", "transcript_type"),
}
"""Recognized names of each column, in lower case, in order of preference."""
Columns = dict[str, Sequence[Any]]


def in_memory(given: object) -> bool:
    """Whether this is RNAs in memory, and not names of files.

    A string alone is always the name of a file. In a list of strings, one with a dot or a slash, and one that names
    something that exists, is the name of a file; others are sequences.

    >>> in_memory(["AUGGCUUGA"]), in_memory(["rnas.fa"]), in_memory("rnas.fa")
    (True, False, False)
    """
    if given is None or isinstance(given, str | Path | Embeddings | Corpus):
        return False
    if isinstance(given, list | tuple):
        return bool(given) and not any(map(_is_file, given))
    return True


def _is_file(one: object) -> bool:
    if isinstance(one, str):
        named = any(mark in one for mark in "./\\")
        return named or (0 < len(one) < 256 and Path(one).exists())
    return isinstance(one, Path | Embeddings | Corpus)


def rnas_in_memory(given: Any, *, species: str = "", orf: bool = True) -> tuple[pl.DataFrame, Codes, NDArray[np.int64]]:
    """RNAs in memory as a table, the codes of all, and the start of each.

    Args:
        species: Value of the ``species`` column where the data have none.
        orf: Use the longest open reading frame of an RNA whose coding sequence is unknown.

    Returns:
        Table with transcript_id, gene_id, species, length, cds_start, cds_end (−1: none) and cds_source; codes
        ``(nt,)``; starts ``(n,)``.
    """
    columns = _columns_of(given)
    sequences = columns["sequence"]
    if not len(sequences):
        raise InputError("nothing to embed: no sequences")
    names = columns.get("transcript_id") or [f"rna{i + 1}" for i in range(len(sequences))]
    ids = ["" if _missing(name) else str(name) for name in names]
    if "" in ids:
        raise InputError(f"row {ids.index('') + 1:,} has no id, expected one for every RNA")
    repeated, count = Counter(ids).most_common(1)[0]
    if count > 1:
        raise InputError(f"id {repeated!r} is given {count:,} times, expected every id once")
    rnas = [_rna(columns, row, name) for row, name in enumerate(ids)]
    lengths = np.array([len(rna.codes) for rna in rnas], np.int64)
    starts = np.cumsum(lengths) - lengths
    codes = np.concatenate([rna.codes for rna in rnas])
    given_cds = [(-1, -1) if rna.cds is None or rna.marked else rna.cds for rna in rnas]
    table = pl.DataFrame(
        {
            "transcript_id": ids,
            "gene_id": _text(columns, "gene_id", ids),
            "gene_symbol": _text(columns, "gene_symbol", [""] * len(ids)),
            "species": _text(columns, "species", [species] * len(ids)),
            "biotype": _text(columns, "biotype", [""] * len(ids)),
            "start": starts,
            "length": lengths,
            "cds_start": [start for start, _ in given_cds],
            "cds_end": [end for _, end in given_cds],
            "known": [rna.cds is not None for rna in rnas],
            "exon_lengths": pl.Series([rna.exons for rna in rnas], dtype=pl.List(pl.Int64)),
        }
    )
    table = table.with_columns(no_cds=pl.col("known") | known_noncoding())
    table = assign_cds(table, codes, MIN_LENGTH if orf else None, Counter())
    mark_tracks(table, codes)
    for row, rna in enumerate(rnas):
        if rna.marked and rna.cds is not None and rna.cds[0] >= 0:
            table[row, "cds_start"], table[row, "cds_end"] = rna.cds
            table[row, "cds_source"] = "annotated"
    return table, codes, starts


class _Rna(NamedTuple):
    codes: Codes  # (L,), with the marks that were given as tracks or codes
    cds: tuple[int, int] | None  # (-1, -1) for a non-coding RNA, None if nothing is known
    marked: bool  # Whether the codes mark the coding sequence already
    exons: list[int] | None  # Lengths of the exons, if they are not marked already


def _rna(columns: Columns, row: int, name: str) -> _Rna:
    codes = _codes(columns["sequence"][row], name)
    codons, ends = (_track(columns, one, row, name, len(codes)) for one in ("cds", "splice"))
    for bit, track in ((CODON_START, codons), (EXON_END, ends)):
        if track is not None:
            codes = codes | np.uint8(bit) * track
    marked = codons is not None or bool((codes & CODON_START).any())
    if not marked:
        cds = _cds(columns, row, name, len(codes))
    elif (codes & CODON_START).any():
        start, end = coding_region(codes)
        cds = start, min(end, len(codes))
    else:
        cds = -1, -1
    exons = None if ends is not None else _exons(columns, row, name, len(codes))
    return _Rna(np.array(codes), cds, marked, exons)


def _columns_of(given: Any) -> Columns:
    """The recognized columns, one value per RNA."""
    if isinstance(given, Mapping):
        return {"sequence": list(given.values()), "transcript_id": list(given)}
    if hasattr(given, "obs") and hasattr(given, "var"):
        return _columns_of_anndata(given)
    if isinstance(given, pl.LazyFrame):
        given = given.collect()
    if hasattr(given, "columns"):
        return _columns_of_frame(given)
    values = given.to_list() if hasattr(given, "to_list") else list(given)
    return {"sequence": values, **_text_index(given)}


def _columns_of_anndata(data: Any) -> Columns:
    found = [frame for frame in (data.obs, data.var) if _recognized(frame.columns, "sequence") is not None]
    if len(found) != 1:
        problem = "both obs and var have" if found else "neither obs nor var has"
        raise InputError(
            f"AnnData: {problem} a column of sequences ({', '.join(NAMES['sequence'])}), expected one of them; to add "
            "embeddings to RNAs or genes by id, use isoclr.integrations.anndata.add_embeddings"
        )
    return _columns_of_frame(found[0])


def _columns_of_frame(frame: Any) -> Columns:
    found = {name: _recognized(frame.columns, name) for name in NAMES}
    columns: Columns = {name: frame[column].to_list() for name, column in found.items() if column is not None}
    if "sequence" not in columns:
        have = ", ".join(map(str, list(frame.columns)[:8]))
        raise InputError(f"the data frame has the columns {have}; expected one named sequence")
    if "transcript_id" not in columns:
        columns |= _text_index(frame)
    return columns


def _recognized(columns: Any, name: str) -> Any:
    """The column that has one of the usual names."""
    lower = {str(column).strip().lower(): column for column in reversed(list(columns))}
    return next((lower[alias] for alias in NAMES[name] if alias in lower), None)


def _text_index(given: Any) -> Columns:
    """Ids from the index of pandas data, if it holds text."""
    index: Any = getattr(given, "index", None)
    labels = index.to_list() if hasattr(index, "to_list") else []
    text = bool(labels) and all(isinstance(one, str) for one in labels)
    return {"transcript_id": labels} if text else {}


def _missing(value: Any) -> bool:
    """Whether a cell is None, NaN, NA or NaT (pandas) or blank text."""
    if isinstance(value, float | str):
        return value != value or not str(value).strip()
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _codes(sequence: Any, name: str) -> Codes:
    """Codes of one RNA; those that are given as codes keep their marks."""
    if isinstance(sequence, str):
        codes = nucleotides(sequence, name=name)
    elif isinstance(sequence, np.ndarray) and sequence.dtype == np.uint8 and sequence.ndim == 1:
        codes = sequence
    else:
        raise InputError(f"{name}: found {type(sequence).__name__}, expected a sequence as text")
    if not len(codes):
        raise InputError(f"{name}: the sequence is empty, expected bases")
    return codes


def _value(columns: Columns, name: str, row: int) -> Any:
    value = columns[name][row] if name in columns else None
    return None if _missing(value) else value


def _cds(columns: Columns, row: int, name: str, length: int) -> tuple[int, int] | None:
    """Start and end of a coding sequence, (-1, -1) for a non-coding RNA, None if nothing is known."""
    pair = _value(columns, "cds", row)
    if pair is None:
        pair = _value(columns, "cds_start", row), _value(columns, "cds_end", row)
    if len(pair) != 2 or any(map(_missing, pair)):
        return None
    try:
        start, end = map(int, pair)
    except (TypeError, ValueError):
        raise InputError(f"{name}: its coding sequence is {pair[0]} to {pair[1]}, expected whole numbers") from None
    if start < 0 or end <= start:
        return -1, -1
    if end > length:
        raise InputError(f"{name}: its coding sequence is {start} to {end}, the RNA has {length} nt")
    return start, end


def _exons(columns: Columns, row: int, name: str, length: int) -> list[int] | None:
    value = _value(columns, "exon_lengths", row)
    if value is None:
        return None
    parts = value.strip("[] ,").split(",") if isinstance(value, str) else value
    try:
        exons = [int(part) for part in parts]
    except ValueError:
        raise InputError(f"{name}: exon lengths are {value!r}, expected 120,88,301") from None
    if not exons:
        return None
    if sum(exons) != length or min(exons) < 1:
        raise InputError(f"{name}: its exons add up to {sum(exons)} nt, the RNA has {length}")
    return exons


def _track(columns: Columns, column: str, row: int, name: str, length: int) -> NDArray[np.uint8] | None:
    """A track of one RNA, 0 or 1 for each nt; None if it has none."""
    value = _value(columns, column, row)
    if value is None or (column == "cds" and len(value) == 2):
        return None
    track = np.asarray(value)
    if track.shape != (length,) or not np.isin(track, (0, 1)).all():
        raise InputError(f"{name}: {column} has {track.size} values, expected 0 or 1 for each of {length} nt")
    return track.astype(np.uint8)


def _text(columns: Columns, name: str, default: Sequence[str]) -> list[str]:
    """A column as text, with defaults where it has no value."""
    values = columns.get(name, default)
    return [other if _missing(one) else str(one) for one, other in zip(values, default, strict=True)]
