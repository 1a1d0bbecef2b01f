from typing import Any

import numpy as np
import pytest

from isoclr.errors import InputError
from isoclr.tasks._legacy import prepare


def test_samples_are_rows_of_the_corpus_and_genes_are_never_divided(world: Any) -> None:
    bench = world.bench()
    asked = bench.plan.tasks["gc"]
    prepared = bench.samples(asked, "random", 3)
    assert len(prepared.samples) == 48
    names = bench.corpus.transcripts["transcript_id"]
    for row, name in zip(
        prepared.samples.rows, prepared.samples.table["transcript_id"], strict=True
    ):
        assert names[int(row)] == name
    assert len(prepared.codes[0]) == len(bench.corpus.codes_of(int(prepared.samples.rows[0])))
    for split in prepared.splits:
        assert not set(prepared.groups[split.train]) & set(prepared.groups[split.test])
    assert [leak.gene for leak in prepared.leaks().splits] == [0, 0, 0]


def test_only_rnas_that_all_models_have(world: Any) -> None:
    bench = world.bench()
    task = bench.plan.tasks["gc"].task
    shared = {f"T{gene}.1" for gene in range(30)}
    prepared = prepare(task, bench.rnas(), split="random", repeats=1, seed=0, shared=shared)
    assert set(prepared.samples.table["transcript_id"]) == shared
    assert prepared.counts["RNAs that a foreign model has not"] == 66
    with pytest.raises(InputError, match="no RNA of the task is in all"):
        prepare(task, bench.rnas(), split="random", repeats=1, seed=0, shared=set())


def test_folds_are_the_tables_own(world: Any) -> None:
    bench = world.bench(splits='["fold"]')
    prepared = bench.samples(bench.plan.tasks["gc"], "fold", 3)
    folds = prepared.samples.table["fold"].to_numpy()
    for split in prepared.splits:
        assert len(np.unique(folds[split.test])) == 1


def test_the_leak_audit_of_constructs_compares_their_inserts(world: Any) -> None:
    bench = world.bench(task=world.constructs())
    found = bench.samples(bench.plan.tasks["assay"], "random", 1).leaks()
    assert found.compared == "insert of the construct"
    (split,) = found.splits
    assert split.with_sequence == split.test
    assert split.kmers == 0  # of whole constructs, nearly all is the same


def test_a_label_table_without_folds_is_one_line(world: Any) -> None:
    text = (world.folder / "gc.tsv").read_text().replace("fold", "other")
    (world.folder / "gc.tsv").unlink()
    (world.folder / "gc.tsv").write_text(text)
    bench = world.bench(splits='["fold"]')
    with pytest.raises(InputError, match="no column 'fold', which --split fold needs"):
        bench.samples(bench.plan.tasks["gc"], "fold", 1)


def test_a_part_of_one_value_is_one_line(world: Any) -> None:
    rows = [f"G{gene}\t{0.5 if gene % 3 else gene}\t{gene % 3}" for gene in range(48)]
    (world.folder / "gc.tsv").unlink()
    (world.folder / "gc.tsv").write_text("\n".join(["gene_id\tgc\tfold", *rows]) + "\n")
    bench = world.bench(splits='["fold"]')
    with pytest.raises(InputError, match="has one value of gc only"):
        bench.samples(bench.plan.tasks["gc"], "fold", 1)


def test_gene_sets_that_cannot_be_had_are_not_known_to_the_audit(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = world.bench()
    monkeypatch.setitem(bench.corpus.meta, "homology", "homologene")
    known = bench.samples(bench.plan.tasks["gc"], "random", 1)
    assert [leak.gene_set for leak in known.leaks().splits] == [0]
    monkeypatch.setitem(bench.corpus.meta, "homology", None)
    unknown = bench.samples(bench.plan.tasks["gc"], "random", 2)
    assert [leak.gene_set for leak in unknown.leaks().splits] == [None, None]


def test_chromosomes_of_the_labels_or_of_files_are_never_divided(world: Any) -> None:
    own = world.bench(splits='["chromosome"]')
    prepared = own.samples(own.plan.tasks["gc"], "chromosome", 2)
    assert set(prepared.groups) == {f"human|{name}" for name in range(6)}
    for split in prepared.splits:
        outside = np.concatenate([split.train, split.valid])
        assert not set(prepared.groups[outside]) & set(prepared.groups[split.test])
    assert prepared.how == "random 70/15/15 × 2 by whole chromosomes"
    rows = [f"G{gene}\tchr{gene % 9}" for gene in range(40)]
    (world.folder / "where.tsv").write_text("\n".join(["gene_id\tchromosome", *rows]) + "\n")
    lines = [line.split("\t")[:2] for line in (world.folder / "gc.tsv").read_text().splitlines()]
    (world.folder / "bare.tsv").write_text("".join("\t".join(line) + "\n" for line in lines))
    bare = world.task("bare", 'file = "bare.tsv"')
    bench = world.bench(task=bare, splits='["chromosome"]\nchromosomes = ["where.tsv"]')
    prepared = bench.samples(bench.plan.tasks["bare"], "chromosome", 1)
    assert set(prepared.groups) == {f"human|{name}" for name in range(9)}
    assert prepared.counts["labelled RNAs whose chromosome is not known"] == 8
    assert len(prepared.samples) == len(prepared.groups) == len(prepared.codes) == 40


def test_files_with_chromosomes_decide_a_result_of_that_split_alone(world: Any) -> None:
    (world.folder / "where.tsv").write_text("gene_id\tchromosome\nG1\t1\n")
    plain = world.bench()
    given = world.bench(splits='["random", "chromosome"]\nchromosomes = ["where.tsv"]')
    tasks = plain.plan.tasks["gc"], given.plan.tasks["gc"]
    same = [
        bench.sample_inputs(task, "random", 3)
        for bench, task in zip((plain, given), tasks, strict=True)
    ]
    assert same[0] == same[1]
    before = given.sample_inputs(tasks[1], "chromosome", 3)
    assert before["chromosomes"] == [given.digest(world.folder / "where.tsv")]
    assert "chromosomes" not in plain.sample_inputs(tasks[0], "chromosome", 3)
