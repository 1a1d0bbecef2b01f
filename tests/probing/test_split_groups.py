import numpy as np
import polars as pl
import pytest

from isoclr.corpus.corpus import Corpus
from isoclr.errors import InputError
from isoclr.tasks.labels import Samples
from isoclr.tasks.splits import SplitKind, gene_sets, make_splits, split_groups

KINDS: tuple[SplitKind, ...] = ("random", "fold")


def samples(*genes: str) -> Samples:
    """One sample a gene, given as ``species|id``."""
    table = pl.DataFrame({"gene": list(genes)}).with_columns(
        fold=pl.Series([str(i % 3) for i in range(len(genes))])
    )
    return Samples(table, 0, 0, 0)


def gene(number: int, species: str = "human") -> str:
    return f"{species}|ENSG{number:011d}"


def test_homologs_share_a_group_and_unknown_genes_have_their_own(corpus_probing: Corpus) -> None:
    found, unknown = gene_sets(
        samples(gene(0), gene(1), gene(2), gene(59), gene(99), gene(99), gene(0, "mouse")),
        corpus_probing,
    )
    assert found.tolist() == [
        "HID:0",
        "HID:0",
        "HID:1",
        gene(59),
        gene(99),
        gene(99),
        gene(0, "mouse"),
    ]
    assert unknown == 2


def test_without_a_species_the_id_alone_is_looked_up(corpus_probing: Corpus) -> None:
    found, unknown = gene_sets(samples(gene(4, ""), gene(5, "")), corpus_probing)
    assert found.tolist() == ["HID:2", "HID:2"]
    assert unknown == 0


def test_a_corpus_of_other_genes_is_refused(corpus_probing: Corpus) -> None:
    with pytest.raises(InputError, match="knows none of the 2 labelled genes"):
        gene_sets(samples(gene(90), gene(91)), corpus_probing)


def test_gene_sets_that_cannot_keep_homologs_together_are_refused(corpus_probing: Corpus) -> None:
    corpus_probing.meta["options"]["scope"] = "within-species"
    assert gene_sets(samples(gene(0), gene(1)), corpus_probing)[1] == 0
    with pytest.raises(InputError, match="within species, the labelled RNAs are of human, mouse"):
        gene_sets(samples(gene(0), gene(1, "mouse")), corpus_probing)
    corpus_probing.meta["homology"] = None
    with pytest.raises(InputError, match="built without --homology"):
        gene_sets(samples(gene(0), gene(1)), corpus_probing)


def test_no_gene_set_is_on_both_sides(corpus_probing: Corpus) -> None:
    # two isoforms of every gene: known and mapped, known and unmapped, and unknown to the corpus
    all_samples = samples(*[gene(i) for i in range(80) for _ in range(2)])
    genes = all_samples.table["gene"].to_numpy()
    groups, unknown = gene_sets(all_samples, corpus_probing)
    assert unknown == 20
    for folds, expected in ((None, 5), (4, 4)):
        splits, how = make_splits("homology", groups, all_samples, folds=folds, seeds=5, seed=0)
        assert len(splits) == expected
        assert "gene sets" in how
        for split in splits:
            outside = np.concatenate([split.train, split.valid])
            assert len(outside) + len(split.test) == len(genes)
            assert not set(groups[outside]) & set(groups[split.test])
            assert not set(genes[outside]) & set(genes[split.test])


def test_the_splits_that_are_asked_for() -> None:
    some = samples(*[gene(i) for i in range(30)])
    groups = some.table["gene"].to_numpy().astype(np.str_)
    splits, how = make_splits("fold", groups, some, folds=None, seeds=9, seed=0)
    assert [split.name for split in splits] == ["fold 0", "fold 1", "fold 2"]
    assert how == "the label file's own folds"
    splits, how = make_splits("random", groups, some, folds=None, seeds=3, seed=7)
    assert [split.name for split in splits] == ["seed 7", "seed 8", "seed 9"]
    assert how == "random 70/15/15 × 3 by whole genes"
    splits, how = make_splits("random", groups, some, folds=5, seeds=3, seed=7)
    assert len(splits) == 5
    assert how == "5-fold cross-validation by whole genes"


def test_what_cannot_be_dealt_is_left_out_and_counted(corpus_probing: Corpus) -> None:
    some = samples(*[gene(i) for i in range(4)])
    columns = {"transcript_id": "t", "gene_id": "g", "species": "human"}
    named = some.table.with_columns(*[pl.lit(v).alias(k) for k, v in columns.items()])
    located = named.with_columns(chromosome=pl.Series(["chr1", None, "1", "X"]))
    found = split_groups(Samples(located, 0, 0, 0), corpus_probing, "chromosome")
    assert found.groups.tolist() == ["human|1", "", "human|1", "human|X"]
    assert found.keep.tolist() == [True, False, True, True]
    assert found.counts["labelled RNAs whose chromosome is not known"] == 1
    assert found.gene_sets is not None
    assert found.gene_sets.tolist() == ["HID:0", "HID:0", "HID:1", "HID:1"]


def test_every_split_has_its_groups(corpus_probing: Corpus) -> None:
    some = samples(*[gene(i) for i in range(4)])
    genes = some.table["gene"].to_list()
    for split in KINDS:
        found = split_groups(some, corpus_probing, split)
        assert found.groups.tolist() == genes
        assert found.keep.all()
    homologous = split_groups(some, corpus_probing, "homology")
    assert homologous.groups.tolist() == ["HID:0", "HID:0", "HID:1", "HID:1"]
    assert split_groups(some, None, "random").gene_sets is None
    with pytest.raises(InputError, match="--split homology: the labelled RNAs are of no corpus"):
        split_groups(some, None, "homology")
