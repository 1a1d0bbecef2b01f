from typing import Any, cast

import numpy as np
import pytest

from isoclr.errors import InputError
from isoclr.evaluation.context import Context, Dataset
from isoclr.tasks.splits import SplitKind


def dataset(context: Context, kind: str, splits: int) -> Dataset:
    (entry,) = context.plan.tasks.values()
    return context.dataset(entry, entry.split_config(cast("SplitKind", kind), 0, splits))


def test_samples_are_rows_of_the_corpus_and_genes_are_never_divided(world: Any) -> None:
    context = world.context()
    rnas, splits = dataset(context, "random", 3).rnas, dataset(context, "random", 3).splits
    assert len(rnas) == 48
    names = context.corpus.transcripts["transcript_id"]
    assert names.gather(rnas.rows).to_list() == rnas.table["transcript_id"].to_list()
    assert len(rnas.sequences[0]) == len(context.corpus.codes_of(int(rnas.rows[0])))
    for split in splits:
        assert not set(rnas.groups[split.train]) & set(rnas.groups[split.test])
    assert [leaks.gene for leaks in rnas.leakage(splits).splits] == [0, 0, 0]


def test_only_rnas_that_all_external_embeddings_have(world: Any) -> None:
    context = world.context(world.external(30) + "[main]")
    rnas = dataset(context, "random", 1).rnas
    assert len(rnas) == 30
    assert rnas.counts["RNAs that are not in all embeddings"] == 36
    assert context.is_restricted(context.plan.tasks["gc"])
    context = world.context(world.external(48) + "[main]")
    assert not context.is_restricted(context.plan.tasks["gc"])
    context = world.context(world.external(2, "other") + "[main]")
    with pytest.raises(InputError, match=r"gc\.tsv: none of its RNAs is in all embeddings"):
        dataset(context, "random", 1)


def test_the_folds_of_the_label_table(world: Any) -> None:
    folded = dataset(world.context(split='["fold"]'), "fold", 3)
    folds = folded.rnas.table["fold"].to_numpy()
    for split in folded.splits:
        assert len(np.unique(folds[split.test])) == 1


def test_the_leakage_audit_of_constructs_compares_their_inserts(world: Any) -> None:
    assay = dataset(world.context(task=world.constructs()), "random", 1)
    report = assay.rnas.leakage(assay.splits)
    assert report.compared == "insert of the construct"
    (split,) = report.splits
    assert split.with_sequence == split.test
    assert split.kmers == 0  # of whole constructs, nearly all is the same


def test_a_label_table_without_folds(world: Any) -> None:
    text = (world.folder / "gc.tsv").read_text().replace("fold", "other")
    (world.folder / "gc.tsv").unlink()
    (world.folder / "gc.tsv").write_text(text)
    context = world.context(split='["fold"]')
    with pytest.raises(InputError, match="no column 'fold', which --split fold needs"):
        dataset(context, "fold", 1)


def test_a_part_of_one_value(world: Any) -> None:
    rows = [f"G{gene}\t{0.5 if gene % 3 else gene}\t{gene % 3}" for gene in range(48)]
    (world.folder / "gc.tsv").unlink()
    (world.folder / "gc.tsv").write_text("\n".join(["gene_id\tgc\tfold", *rows]) + "\n")
    context = world.context(split='["fold"]')
    with pytest.raises(InputError, match=r"gc: fold .* 1 different values"):
        dataset(context, "fold", 1)


def test_constructs_have_no_homologs(world: Any) -> None:
    context = world.context(task=world.constructs())
    with pytest.raises(InputError, match=r"assay\.toml: reporter constructs have no homologs"):
        dataset(context, "homology", 1)


def test_gene_sets_without_homology_are_unknown(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for homology, expected in (("homologene", [0]), (None, [None])):
        context = world.context()
        monkeypatch.setitem(context.corpus.meta, "homology", homology)
        one = dataset(context, "random", 1)
        assert [leaks.gene_set for leaks in one.rnas.leakage(one.splits).splits] == expected


def test_chromosomes_of_the_labels_or_of_files(world: Any) -> None:
    own = dataset(world.context(split='["chromosome"]'), "chromosome", 2)
    groups = own.rnas.groups
    assert set(groups) == {f"human|{name}" for name in range(6)}
    for split in own.splits:
        outside = np.concatenate([split.train, split.valid])
        assert not set(groups[outside]) & set(groups[split.test])
    assert own.config.describe() == "random 70/15/15 × 2 by whole chromosomes"
    rows = [f"G{gene}\tchr{gene % 9}" for gene in range(40)]
    (world.folder / "where.tsv").write_text("\n".join(["gene_id\tchromosome", *rows]) + "\n")
    lines = [line.split("\t")[:2] for line in (world.folder / "gc.tsv").read_text().splitlines()]
    (world.folder / "bare.tsv").write_text("".join("\t".join(line) + "\n" for line in lines))
    bare = world.task("bare", 'file = "bare.tsv"')
    context = world.context(task=bare, split='["chromosome"]\nchromosomes = ["where.tsv"]')
    rnas = dataset(context, "chromosome", 1).rnas
    assert set(rnas.groups) == {f"human|{name}" for name in range(9)}
    assert 8 in rnas.counts.values()  # genes of unknown chromosome
    assert len(rnas) == len(rnas.groups) == len(rnas.sequences) == 40


def test_files_with_chromosomes_decide_results_of_that_split_alone(world: Any) -> None:
    def inputs(context: Context, kind: SplitKind) -> dict[str, Any]:
        entry = context.plan.tasks["gc"]
        return context.dataset_inputs(entry, entry.split_config(kind, 0))

    (world.folder / "where.tsv").write_text("gene_id\tchromosome\nG1\t1\n")
    plain = world.context()
    given = world.context(split='["random", "chromosome"]\nchromosomes = ["where.tsv"]')
    assert inputs(plain, "random") == inputs(given, "random")
    digest = given.digest(world.folder / "where.tsv")
    assert inputs(given, "chromosome")["chromosomes"] == [digest]
    assert "chromosomes" not in inputs(plain, "chromosome")
