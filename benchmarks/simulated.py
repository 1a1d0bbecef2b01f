"""A corpus of any size, as a stand-in for the paper's ten species: for timing, where the letters do not matter.

Ten species have 926,628 transcripts in 228,800 gene sets, 29 % of which have two or more, and about 2.4 Gnt. It is
written with numpy alone, in the corpus' documented layout, so that a GPU machine without polars can make it; names,
which training never reads, are left out (an empty ``transcripts.parquet``).
"""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isoclr._io import atomic_directory, sha256
from isoclr.corpus.corpus import CODES, INDEX, INDEX_DTYPE, META, SCHEMA, TRANSCRIPTS
from isoclr.genomics.encoding import CODON_START, EXON_END

TEN_SPECIES = 926_628
GENE_SETS = 228_800
MULTIPLE = 0.29
"""Share of the gene sets that have two or more transcripts."""
LONGEST = 12_288
SLICE = 2**26
"""Nucleotides written at a time."""


def gene_sets_of(transcripts: int) -> int:
    """As many gene sets for some transcripts as the ten species have.

    >>> gene_sets_of(TEN_SPECIES)
    228800
    """
    return max(round(transcripts * GENE_SETS / TEN_SPECIES), 2)


def simulate(path: Path, transcripts: int = TEN_SPECIES, seed: int = 0) -> Path:
    """Write a corpus of random mRNAs.

    Args:
        path: its directory; kept as it is when it exists.
        transcripts: how many; gene sets follow.
        seed: of everything random.
    """
    if path.exists():
        return path
    rng = np.random.default_rng(seed)
    with atomic_directory(path) as folder:
        index = _index(transcripts, rng)
        _write_codes(folder / CODES, int(index["length"].sum(dtype=np.int64)), rng)
        np.save(folder / INDEX, index, allow_pickle=False)
        (folder / TRANSCRIPTS).touch()
        (folder / META).write_text(json.dumps(_meta(folder, index)))
    return path


def sizes_of_gene_sets(transcripts: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Transcripts in each gene set: most have one, a few have many; they add up to ``transcripts``."""
    sets = gene_sets_of(transcripts)
    sizes = np.ones(sets, np.int64)
    multiple = rng.permutation(sets)[: max(round(MULTIPLE * sets), 1)]
    sizes[multiple] = 2
    share = rng.gamma(1.0, size=len(multiple))
    sizes[multiple] += rng.multinomial(transcripts - int(sizes.sum()), share / share.sum())
    return sizes


def _index(transcripts: int, rng: np.random.Generator) -> NDArray[np.void]:
    index = np.zeros(transcripts, INDEX_DTYPE)
    lengths = rng.lognormal(np.log(2000), 0.75, transcripts).clip(200, LONGEST).astype(np.int64)
    index["length"] = lengths
    index["offset"] = np.cumsum(lengths) - lengths
    sizes = sizes_of_gene_sets(transcripts, rng)
    index["gene_set"] = np.repeat(np.arange(len(sizes)), sizes)
    index["cds_end"] = lengths // 3 * 3
    return index


def _write_codes(path: Path, total: int, rng: np.random.Generator) -> None:
    with path.open("wb") as stream:
        for start in range(0, total, SLICE):
            codes = rng.integers(0, 4, min(SLICE, total - start), np.uint8)
            codes[::3] |= CODON_START
            codes[rng.integers(0, len(codes), len(codes) // 300)] |= EXON_END
            stream.write(codes.data)


def _meta(folder: Path, index: NDArray[np.void]) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "isoclr": "simulated",
        "species": ["human"],
        "shard": None,
        "counts": {
            "transcripts": len(index),
            "gene_sets": int(index["gene_set"].max()) + 1,
            "nucleotides": int(index["length"].sum(dtype=np.int64)),
        },
        "files": {
            name: {"size": (folder / name).stat().st_size, "sha256": sha256(folder / name)}
            for name in (CODES, INDEX, TRANSCRIPTS)
        },
    }
