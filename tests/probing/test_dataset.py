from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.corpus.corpus import Corpus
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError
from isoclr.genomics.encoding import letters
from isoclr.tasks.dataset import LabelledRnas, LabelSpec, label_rnas
from isoclr.tasks.labels import Labels, read_labels
from isoclr.tasks.rnas import rnas_of_embeddings
from isoclr.tasks.splits import Split, SplitConfig, SplitKind, gene_sets, group_rnas, random_split
from isoclr.tasks.task import Task, read_label_task


def changed(embeddings: Embeddings, **columns: pl.Expr) -> Embeddings:
    table = embeddings.table.with_columns(**columns)
    return Embeddings(table, embeddings.matrix, embeddings.meta)


def build_dataset(
    labels: Labels,
    embeddings: Embeddings,
    corpus: Corpus | None = None,
    *,
    split: SplitKind = "random",
    sequences: bool = False,
    chromosomes: tuple[Path, ...] = (),
    task: Task | None = None,
) -> LabelledRnas:
    source = rnas_of_embeddings(embeddings, corpus, task)
    config = SplitConfig(split=split, chromosomes=chromosomes)
    spec = LabelSpec(labels, labels.name, task=task)
    return label_rnas([spec], [source], config, need_sequences=sequences)


def test_without_a_corpus_genes_stay_together(embeddings_probing: Path, labels_probing: Callable[..., Path]) -> None:
    read = read_embeddings(embeddings_probing)
    study = build_dataset(read_labels(labels_probing()), read)
    assert len(study) == study.counts["samples"] == study.counts["groups"] == 60
    assert study.codes is None
    assert study.counts["RNAs that another transcript of their gene represents"] == 60


def test_homology_groups_are_fewer_than_genes(
    embeddings_probing: Path, labels_probing: Callable[..., Path], corpus_probing: Corpus
) -> None:
    read = read_embeddings(embeddings_probing)
    study = build_dataset(read_labels(labels_probing()), read, corpus_probing, split="homology")
    assert study.counts["groups"] == 25 + 10
    assert study.counts["genes that are not in the corpus"] == 0


def test_the_sequences_are_those_of_the_samples(
    embeddings_probing: Path, labels_probing: Callable[..., Path], corpus_probing: Corpus
) -> None:
    read = read_embeddings(embeddings_probing)
    study = build_dataset(read_labels(labels_probing()), read, corpus_probing, sequences=True)
    assert study.codes is not None
    names = study.table["transcript_id"]
    for name, codes in zip(names, study.sequences, strict=True):
        assert codes.tolist() == corpus_probing.codes_of(corpus_probing.find(name)).tolist()


def test_rnas_without_their_sequence_are_left_out_and_counted(
    embeddings_probing: Path, labels_probing: Callable[..., Path], corpus_probing: Corpus
) -> None:
    first = pl.int_range(pl.len()) < 4  # two genes
    longer = changed(
        read_embeddings(embeddings_probing), length=pl.when(first).then(pl.col("length") + 9).otherwise("length")
    )
    study = build_dataset(read_labels(labels_probing()), longer, corpus_probing, sequences=True)
    assert study.counts["labelled RNAs without a known sequence"] == 2
    assert len(study) == len(study.groups) == 58
    none = changed(read_embeddings(embeddings_probing), length=pl.col("length") + 9)
    with pytest.raises(InputError, match="the sequence of none of the 60 labelled RNAs"):
        build_dataset(read_labels(labels_probing()), none, corpus_probing, sequences=True)


def test_isoforms_that_the_label_file_puts_in_two_folds_are_counted(embeddings_probing: Path, tmp_path: Path) -> None:
    read = read_embeddings(embeddings_probing)
    path = tmp_path / "by_transcript.tsv"
    folds = ["2", *["1", "1"] * 59, "1"]  # of the first gene's two isoforms one is in fold 2
    read.table.select("transcript_id", x=pl.col("length"), fold=pl.Series(folds)).write_csv(path, separator="\t")
    study = build_dataset(read_labels(path), read, split="fold")
    assert study.counts["genes with RNAs in several of the label file's folds"] == 1


def test_a_corpus_lets_the_audit_know_gene_sets_and_sequences(
    embeddings_probing: Path, labels_probing: Callable[..., Path], corpus_probing: Corpus
) -> None:
    read = read_embeddings(embeddings_probing)
    table = read_labels(labels_probing())
    known = build_dataset(table, read, corpus_probing)
    assert known.codes is not None
    (leaks,) = known.leakage([random_split(known.groups, 0)]).splits
    assert (leaks.gene, leaks.with_sequence) == (0, leaks.test)
    assert leaks.gene_set is not None
    assert leaks.gene_set > 0  # of each pair of homologous genes the split is free to part
    safe = build_dataset(table, read, corpus_probing, split="homology")
    assert safe.leakage([random_split(safe.groups, 0)]).splits[0].gene_set == 0
    alone = build_dataset(table, read)
    (leaks,) = alone.leakage([random_split(alone.groups, 0)]).splits
    assert (leaks.gene, leaks.gene_set, leaks.kmers) == (0, None, None)


def test_a_corpus_without_homologs_knows_sequences_but_no_gene_sets(
    embeddings_probing: Path, labels_probing: Callable[..., Path], corpus_probing: Corpus
) -> None:
    corpus_probing.meta["homology"] = None
    study = build_dataset(read_labels(labels_probing()), read_embeddings(embeddings_probing), corpus_probing)
    assert study.gene_sets is None
    assert study.compared is not None


def test_chromosomes_are_groups_and_the_unknown_are_left_out(
    embeddings_probing: Path, labels_probing: Callable[..., Path], tmp_path: Path
) -> None:
    names = [None, *[str(i % 6) for i in range(59)]]
    read = read_embeddings(embeddings_probing)
    study = build_dataset(read_labels(labels_probing(chromosome=names)), read, split="chromosome", sequences=False)
    assert len(study) == len(study.groups) == 59
    assert set(study.groups) == {f"human|{i}" for i in range(6)}
    assert study.counts["labelled RNAs without a known chromosome"] == 1
    assert (study.counts["samples"], study.counts["groups"]) == (59, 6)
    path = tmp_path / "where.tsv"
    read.table.select("gene_id", chromosome=pl.lit("chr9")).unique().write_csv(path, separator="\t")
    study = build_dataset(read_labels(labels_probing()), read, split="chromosome", chromosomes=(path,))
    assert set(study.groups) == {"human|9"}


def test_a_construct_has_its_sequences_from_its_task_and_is_compared_by_its_inserts(tmp_path: Path) -> None:
    # a reporter so long that any two constructs share most of their sequence
    codons = np.random.default_rng(0).choice(["GCT", "GGA", "CTC", "AAG", "GAC"], 300)
    cds = "ATG" + "".join(codons) + "TAA"
    (tmp_path / "t.toml").write_text(
        'name = "t"\ntitle = "t"\n[labels]\nfile = "t.tsv"\nlabel = "y"\n[construct]\n'
        'insert = "utr"\nbefore = ""\nafter = ""\n'
        f'cds = "{cds}"\n'
    )
    inserts = ["ACGTACGTACGTACGTACGT"] * 2 + ["TTGCATTGCAACCGGTATCA"]
    rows = "".join(f"{insert}\t{i}\n" for i, insert in enumerate(inserts))
    (tmp_path / "t.tsv").write_text("utr\ty\n" + rows)
    task = read_label_task(tmp_path / "t.toml")
    names = list(task.sequences())
    table = pl.DataFrame({"transcript_id": names, "gene_id": names}).with_columns(
        species=pl.lit(""), length=pl.lit(20 + len(cds)), cds_length=pl.lit(len(cds)), cds_source=pl.lit("annotated")
    )
    read = Embeddings(table, np.zeros((3, 2), np.float32), {"model": "x"})
    study = build_dataset(task.labels(), read, sequences=True, task=task)
    assert study.codes is not None
    assert [letters(codes) for codes in study.sequences] == [insert + cds for insert in inserts]
    nobody = np.empty(0, np.int64)
    found = study.leakage([Split("x", np.array([0]), nobody, np.array([1, 2]))])
    assert found.compared == "insert of the construct"
    assert (found.splits[0].gene, found.splits[0].kmers) == (0, 1)


def samples(*genes: str) -> pl.DataFrame:
    """One sample per gene, given as ``species|id``."""
    return pl.DataFrame({"gene": list(genes)})


def gene(number: int, species: str = "human") -> str:
    return f"{species}|ENSG{number:011d}"


def test_homologs_share_a_group_and_unknown_genes_have_their_own(corpus_probing: Corpus) -> None:
    found, unknown = gene_sets(
        samples(gene(0), gene(1), gene(2), gene(59), gene(99), gene(99), gene(0, "mouse")), corpus_probing
    )
    assert found.tolist() == ["HID:0", "HID:0", "HID:1", gene(59), gene(99), gene(99), gene(0, "mouse")]
    assert unknown == 2


def test_without_a_species_the_id_alone_is_looked_up(corpus_probing: Corpus) -> None:
    found, unknown = gene_sets(samples(gene(4, ""), gene(5, "")), corpus_probing)
    assert found.tolist() == ["HID:2", "HID:2"]
    assert unknown == 0


def test_a_corpus_of_other_genes_is_refused(corpus_probing: Corpus) -> None:
    with pytest.raises(InputError, match="has none of the 2 labelled genes"):
        gene_sets(samples(gene(90), gene(91)), corpus_probing)


def test_gene_sets_that_cannot_keep_homologs_together_are_refused(corpus_probing: Corpus) -> None:
    corpus_probing.meta["options"]["scope"] = "within-species"
    assert gene_sets(samples(gene(0), gene(1)), corpus_probing)[1] == 0
    with pytest.raises(InputError, match="within species, but the labelled RNAs are of human, mouse"):
        gene_sets(samples(gene(0), gene(1, "mouse")), corpus_probing)
    corpus_probing.meta["homology"] = None
    with pytest.raises(InputError, match="built without --homology"):
        gene_sets(samples(gene(0), gene(1)), corpus_probing)


def test_no_gene_set_is_on_both_sides(corpus_probing: Corpus) -> None:
    # two isoforms of every gene: known and mapped, known and unmapped, and unknown to the corpus
    all_samples = samples(*[gene(i) for i in range(80) for _ in range(2)])
    genes = all_samples["gene"].to_numpy()
    groups, unknown = gene_sets(all_samples, corpus_probing)
    assert unknown == 20
    for folds, expected in ((None, 5), (4, 4)):
        config = SplitConfig(split="homology", folds=folds, splits=5)
        splits = config.make_splits(groups)
        assert len(splits) == expected
        assert "gene sets" in config.describe()
        for split in splits:
            outside = np.concatenate([split.train, split.valid])
            assert len(outside) + len(split.test) == len(genes)
            assert not set(groups[outside]) & set(groups[split.test])
            assert not set(genes[outside]) & set(genes[split.test])


def test_rnas_that_cannot_be_split_are_left_out_and_counted(corpus_probing: Corpus) -> None:
    some = samples(*[gene(i) for i in range(4)])
    columns = {"transcript_id": "t", "gene_id": "g", "species": "human"}
    named = some.with_columns(*[pl.lit(v).alias(k) for k, v in columns.items()])
    located = named.with_columns(chromosome=pl.Series(["chr1", None, "1", "X"]))
    found = group_rnas(located, corpus_probing, SplitConfig(split="chromosome"))
    assert found.groups.tolist() == ["human|1", "", "human|1", "human|X"]
    assert found.keep.tolist() == [True, False, True, True]
    assert found.counts["labelled RNAs without a known chromosome"] == 1
    assert found.gene_sets is not None
    assert found.gene_sets.tolist() == ["HID:0", "HID:0", "HID:1", "HID:1"]


def test_every_split_has_its_groups(corpus_probing: Corpus) -> None:
    some = samples(*[gene(i) for i in range(4)])
    genes = some["gene"].to_list()
    for config in (SplitConfig(split="random"), SplitConfig(split="fold")):
        by_gene = group_rnas(some, corpus_probing, config)
        assert by_gene.groups.tolist() == genes
        assert by_gene.keep.all()
    homology = SplitConfig(split="homology")
    by_set = group_rnas(some, corpus_probing, homology)
    assert by_set.groups.tolist() == ["HID:0", "HID:0", "HID:1", "HID:1"]
    assert group_rnas(some, None, SplitConfig(split="random")).gene_sets is None
    with pytest.raises(InputError, match="--split homology needs --corpus"):
        group_rnas(some, None, homology)


def test_rnas_that_a_corpus_has_not_are_looked_up_without_searching_for_similar_names(
    embeddings_probing: Path, corpus_probing: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isoclr.corpus.corpus.suggest", lambda *_: pytest.fail("searched for similar names"))
    read = read_embeddings(embeddings_probing)
    source = rnas_of_embeddings(changed(read, transcript_id="x" + pl.col("transcript_id")), corpus_probing)
    assert source.codes_of is not None
    assert source.codes_of(3) is None
