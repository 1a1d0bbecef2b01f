"""Corpora of made-up RNA families, small enough to train on in seconds."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from isoclr.corpus.corpus import CODES, INDEX, INDEX_DTYPE, META, SCHEMA, TRANSCRIPTS
from isoclr.genomics.encoding import Codes
from isoclr.pretraining.augmentations import DeviceCorpus

MakeCorpus = Callable[..., Path]


def family(rng: np.random.Generator, size: int, length: int, divergence: float, evenness: float) -> list[Codes]:
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
        name: {"size": (path / name).stat().st_size, "sha256": hashlib.sha256((path / name).read_bytes()).hexdigest()}
        for name in (CODES, INDEX, TRANSCRIPTS)
    }
    meta = {
        "schema": SCHEMA,
        "isoclr": "test",
        "options": {},
        "species": ["human"],
        "inputs": [],
        "homology": None,
        "gene_ids": {},
        "by_species": {"human": {"records": 0, "genes": 0, "mapped_genes": 0, "dropped": {}, "noted": {}}},
        "counts": {
            "transcripts": len(transcripts),
            "gene_sets": len(families),
            "nucleotides": int(index["length"].sum()),
        },
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
    largest: int = 4,
    seed: int = 0,
) -> Path:
    """A corpus of families with 1 to ``largest`` relatives."""
    rng = np.random.default_rng(seed)
    made = [
        family(rng, 1 + i % largest, int(length * rng.uniform(0.6, 1.6)), divergence, evenness) for i in range(families)
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


@dataclass
class Corpus:
    """What views need of a corpus; every transcript is a gene set of its own."""

    codes: Codes
    index: NDArray[np.void]

    @property
    def members(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        n = len(self.index)
        return np.arange(n), np.arange(n + 1)


def corpus_of(lengths: Sequence[int], seed: int = 0) -> Corpus:
    """Transcripts of random codes with all kinds of track bits."""
    rng = np.random.default_rng(seed)
    index = np.zeros(len(lengths), [("offset", "i8"), ("length", "i4")])
    index["length"] = lengths
    index["offset"] = np.cumsum(lengths) - lengths
    nucleotides = rng.integers(0, 5, sum(lengths))
    tracks = rng.choice([0, 8, 16, 24], sum(lengths), p=[0.6, 0.25, 0.1, 0.05])
    return Corpus((nucleotides | tracks).astype(np.uint8), index)


@pytest.fixture(scope="session")
def make_resident() -> Callable[..., DeviceCorpus]:
    """Makes a corpus of transcripts of given lengths, on the CPU."""

    def make(lengths: Sequence[int], seed: int = 0) -> DeviceCorpus:
        return DeviceCorpus(corpus_of(lengths, seed))

    return make
