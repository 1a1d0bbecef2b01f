from pathlib import Path

import numpy as np
import pytest

from benchmarks import simulated
from isoclr.corpus.corpus import open_corpus
from isoclr.genomics.encoding import NUCLEOTIDE_BITS


def test_sizes_of_ten_species() -> None:
    sizes = simulated.gene_set_sizes(simulated.TEN_SPECIES, np.random.default_rng(0))
    assert (sizes.sum(), len(sizes)) == (926_628, 228_800)
    assert (sizes > 1).mean() == pytest.approx(0.29, abs=1e-3)
    assert sizes.min() == 1


def test_corpus_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated, "SLICE", 10_000)  # several slices
    corpus = open_corpus(simulated.simulate(tmp_path / "corpus", 200))
    corpus.verify()
    order, starts = corpus.members
    assert len(corpus) == len(order) == 200
    assert starts[-1] == 200
    assert len(starts) == corpus.num_gene_sets + 1 == simulated.count_gene_sets(200) + 1
    assert corpus.index["length"].sum() == len(corpus.codes)
    assert (corpus.codes & NUCLEOTIDE_BITS).max() == 3
    assert len(corpus.codes_of(199)) == corpus.index["length"][199]


def test_existing_corpus_is_kept(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    assert not list(simulated.simulate(tmp_path / "corpus").iterdir())
