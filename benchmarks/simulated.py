"""A corpus of random mRNAs of any size, for timing: by default as large as the paper's ten species.

The ten species have 926,628 transcripts in 228,800 gene sets, 29 % of which have two or more transcripts, and about
2.4 Gnt. The corpus is written with numpy alone, in the documented layout, so that a GPU machine without polars can make
it. Names, which training never reads, are left out (``transcripts.parquet`` is empty).
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
"""Fraction of gene sets with two or more transcripts."""
LONGEST = 12_288
SLICE = 2**26
"""Nucleotides per write."""


def count_gene_sets(transcripts: int) -> int:
    """Number of gene sets for a number of transcripts, in the ratio of the ten species.

    >>> count_gene_sets(TEN_SPECIES)
    228800
    """
    return max(round(transcripts * GENE_SETS / TEN_SPECIES), 2)


def simulate(path: Path, transcripts: int = TEN_SPECIES, seed: int = 0) -> Path:
    """Write a corpus of random mRNAs.

    Args:
        path: Directory of the corpus; an existing one is not changed.
        transcripts: Number of transcripts; the number of gene sets follows from it.
        seed: Random seed.
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


def gene_set_sizes(transcripts: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Transcripts in each gene set, ``transcripts`` in total: most sets have one, a few have many."""
    sets = count_gene_sets(transcripts)
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
    sizes = gene_set_sizes(transcripts, rng)
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
        "options": {},
        "species": ["human"],
        "inputs": [],
        "homology": None,
        "gene_ids": {},
        "by_species": {"human": {"records": len(index), "genes": 0, "mapped_genes": 0, "dropped": {}, "noted": {}}},
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
