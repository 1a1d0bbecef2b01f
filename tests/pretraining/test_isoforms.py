from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.genomics.encoding import CODON_START, EXON_END, NUCLEOTIDE_BITS, Codes
from isoclr.pretraining.config import PretrainConfig
from isoclr.pretraining.data import PretrainDataset
from isoclr.pretraining.isoforms import make_isoform, with_isoforms

UTR5, CDS, UTR3 = 100, 300, 200


def mrna(exons: tuple[int, ...], utr5: int = UTR5, cds: int = CDS, utr3: int = UTR3) -> Codes:
    """A random mRNA; ``exons`` are the lengths of all its exons but the last."""
    n = utr5 + cds + utr3
    codes = np.random.default_rng(0).integers(0, 4, n).astype(np.uint8)
    codes[utr5 : utr5 + cds : 3] |= CODON_START
    codes[np.append(np.cumsum(exons).astype(int), n) - 1] |= EXON_END
    return codes


def isoforms(codes: Codes, count: int = 60) -> list[Codes]:
    rng = np.random.default_rng(1)
    made = [make_isoform(codes, rng) for _ in range(count)]
    return [one for one in made if one is not None]


def cds(codes: Codes) -> Codes:
    codons = np.flatnonzero(codes & CODON_START)
    assert {b - a for a, b in pairwise(codons)} == {3}  # in frame, without a gap
    return codes[codons[0] : codons[-1] + 3] & np.uint8(NUCLEOTIDE_BITS)


def utrs(codes: Codes) -> tuple[int, int]:
    codons = np.flatnonzero(codes & CODON_START)
    return int(codons[0]), len(codes) - int(codons[-1]) - 3


def test_ends_of_the_utrs_move_and_the_protein_stays() -> None:
    parent = mrna(())
    made = isoforms(parent)
    for one in made:
        assert np.array_equal(cds(one), cds(parent))
        five, three = utrs(one)
        assert np.array_equal(one[: five + CDS], parent[UTR5 - five : UTR5 + CDS])
        assert (0.3 * UTR5 <= five <= UTR5, 0.3 * UTR3 <= three <= UTR3) == (True, True)
        assert one[-1] & EXON_END
        assert not (one[:-1] & EXON_END).any()
    assert min(utrs(one)[0] for one in made) < 0.4 * UTR5
    assert min(utrs(one)[1] for one in made) < 0.4 * UTR3


def test_an_exon_of_whole_codons_is_skipped_in_half_of_the_isoforms() -> None:
    parent = mrna((150, 60, 50))  # inner exons 150–210 and 210–260: of 20 codons, and of 50 nt
    lengths = [len(cds(one)) for one in isoforms(parent)]
    assert set(lengths) == {CDS, CDS - 60}
    assert 20 <= lengths.count(CDS - 60) <= 40
    skipped = next(one for one in isoforms(parent) if len(cds(one)) == CDS - 60)
    assert np.array_equal(cds(skipped), np.delete(cds(parent), np.arange(50, 110)))


@pytest.mark.parametrize(
    "exons",
    [(90, 30), (380, 60), (150, 50), (120, 270)],
    ids=["start codon", "stop codon", "frame", "more than half of the RNA"],
)
def test_exons_that_stay(exons: tuple[int, ...]) -> None:
    parent = mrna(exons, utr5=100, cds=300, utr3=100)
    assert all(np.array_equal(cds(one), cds(parent)) for one in isoforms(parent))


def test_an_exon_of_a_utr_is_skipped() -> None:
    parent = mrna((10, 33), utr5=60, utr3=0)  # the 5' UTR can lose 42 nt at its end, or 33 of an exon and more
    fives = [utrs(one)[0] for one in isoforms(parent)]
    assert min(fives) < 0.3 * 60
    assert all(np.array_equal(cds(one), cds(parent)) for one in isoforms(parent))


def test_a_noncoding_rna_loses_at_most_a_fifth_at_either_end() -> None:
    parent = np.arange(200, dtype=np.uint8) % 4
    lengths = [len(one) for one in isoforms(parent)]
    assert min(lengths) >= 120
    assert len(set(lengths)) > 20


def test_nothing_to_change() -> None:
    assert isoforms(mrna((), utr5=0, utr3=19)) == []


@pytest.fixture(scope="module")
def corpus(small_corpus: Path) -> Corpus:
    return open_corpus(small_corpus)  # 24 gene sets, six of each size from 1 to 4


def test_every_gene_set_has_two_transcripts(corpus: Corpus) -> None:
    more = with_isoforms(corpus, seed=0)
    order, starts = corpus.members
    new_order, new_starts = more.members
    assert np.diff(new_starts).tolist() == np.maximum(np.diff(starts), 2).tolist()
    for gene_set, count in enumerate(np.diff(starts)):
        own = order[starts[gene_set] : starts[gene_set + 1]]
        assert new_order[new_starts[gene_set] :][:count].tolist() == own.tolist()
    assert np.array_equal(more.codes[: len(corpus.codes)], corpus.codes)
    added = more.index[len(corpus) :]
    assert len(added) == 6
    assert (added["offset"][0], added["offset"][-1] + added["length"][-1]) == (len(corpus.codes), len(more.codes))
    assert np.array_equal(more.codes, with_isoforms(corpus, seed=0).codes)
    other = with_isoforms(corpus, seed=1).codes
    assert not np.array_equal(more.codes[len(corpus.codes) :], other[len(corpus.codes) :])


def test_training_pairs(corpus: Corpus) -> None:
    plain, more = (
        PretrainDataset(corpus, PretrainConfig(in_silico_isoforms=on, val_fraction=0.2)) for on in (False, True)
    )
    assert np.array_equal(plain.validation_sets, more.validation_sets)  # of the corpus' own pairs
    assert plain.paired_fraction < 1 == more.paired_fraction
    pairs = more.sampler.batch(0, 0)
    assert (pairs.first != pairs.second).all()
    assert set(pairs.gene_sets.tolist()) == set(plain.sampler.gene_sets.tolist())
