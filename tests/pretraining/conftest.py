"""Corpora of made-up RNA families, small enough to train on in seconds."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isoclr.corpus.codes import Codes
from isoclr.corpus.layout import CODES, INDEX, INDEX_DTYPE, META, SCHEMA, TRANSCRIPTS

MakeCorpus = Callable[..., Path]


def family(
    rng: np.random.Generator, size: int, length: int, divergence: float, evenness: float
) -> list[Codes]:
    """Relatives of one random RNA: part of its bases replaced, an end cut off.

    ``evenness``: the larger, the less families differ in their base composition.
    """
    composition = rng.dirichlet(np.full(4, evenness))
    ancestor = rng.choice(4, length, p=composition).astype(np.uint8)
    relatives = []
    for _ in range(size):
        changed = rng.random(length) < divergence
        relative = np.where(changed, rng.integers(0, 4, length), ancestor).astype(np.uint8)
        relatives.append(relative[: length - int(rng.integers(0, length // 5))])
    return relatives


def write_corpus(path: Path, families: list[list[Codes]]) -> Path:
    transcripts = [relative for relatives in families for relative in relatives]
    index = np.zeros(len(transcripts), INDEX_DTYPE)
    index["length"] = [len(t) for t in transcripts]
    index["offset"] = np.cumsum(index["length"]) - index["length"]
    index["gene_set"] = np.repeat(np.arange(len(families)), [len(f) for f in families])
    path.mkdir(parents=True)
    (path / CODES).write_bytes(np.concatenate(transcripts).tobytes())
    np.save(path / INDEX, index)
    (path / TRANSCRIPTS).write_bytes(b"")  # names, which training does not read
    files = {
        name: {
            "size": (path / name).stat().st_size,
            "sha256": hashlib.sha256((path / name).read_bytes()).hexdigest(),
        }
        for name in (CODES, INDEX, TRANSCRIPTS)
    }
    meta = {
        "schema": SCHEMA,
        "species": ["human"],
        "counts": {"gene_sets": len(families)},
        "files": files,
    }
    (path / META).write_text(json.dumps(meta))
    return path


def simulate(
    path: Path,
    families: int,
    *,
    length: int = 160,
    divergence: float = 0.05,
    evenness: float = 1.0,
    seed: int = 0,
) -> Path:
    """A corpus of so many families, each of 1 to 4 relatives."""
    rng = np.random.default_rng(seed)
    made = [
        family(rng, 1 + i % 4, int(length * rng.uniform(0.6, 1.6)), divergence, evenness)
        for i in range(families)
    ]
    return write_corpus(path, made)


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 families of RNAs of about 160 nt."""
    return simulate(tmp_path_factory.mktemp("corpora") / "small", 24)


@pytest.fixture
def make_corpus(tmp_path: Path) -> MakeCorpus:
    """Makes a corpus from a number of families and the options of :func:`simulate`."""

    def make(families: int, **options: float) -> Path:
        return simulate(tmp_path / "corpus", families, **options)  # type: ignore[arg-type]

    return make
