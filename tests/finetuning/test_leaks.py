"""The leak audit of a study."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from isoclr.corpus import Corpus
from isoclr.finetuning.dataset import Dataset, gather
from isoclr.finetuning.dealing import Dealing
from isoclr.finetuning.jobs import Job, plan_jobs
from isoclr.finetuning.labelled import name_tasks
from isoclr.finetuning.leaks import leaks_of
from isoclr.finetuning.request import read_tasks
from isoclr.tasks import read_labels
from isoclr.tasks.splits import Split

MakeDealing = Callable[..., Dealing]


def test_what_a_test_part_shares_with_the_training_part_is_counted(dataset: Dataset) -> None:
    """Rows 2k and 2k + 1 are of one gene set; validation counts as neither side."""
    split = Split("fold 1", np.arange(0, 60), np.arange(60, 65), np.arange(65, 70))
    torn = replace(split, test=np.array([0, 60, 61, 64, 66]), valid=np.arange(62, 64))
    torn = replace(torn, train=np.array([*range(60), 65, 67]))
    table = dataset.table
    table[67, "gene"] = table[66, "gene"]
    found = leaks_of([Job(0, torn, 0)], replace(dataset, table=table)).splits[0]
    assert (found.test, found.gene, found.gene_set) == (5, 2, 3)
    assert found.kmers == 1  # the RNA that is in both parts
    clean = leaks_of([Job(0, replace(split, test=np.arange(66, 70)), 0)], dataset)
    assert (clean.splits[0].gene, clean.splits[0].gene_set, clean.splits[0].kmers) == (0, 0, 0)


def test_every_split_is_audited_once(dataset: Dataset, dealing: MakeDealing) -> None:
    jobs, _ = plan_jobs(dataset, dealing(split="fold", splits=2, seeds=2))
    found = leaks_of(jobs, dataset)
    assert [leaks.split for leaks in found.splits] == ["fold 1", "fold 2"]


def test_gene_sets_that_are_not_known_are_said_to_be_so(
    label_files: dict[str, Path], corpus: Corpus
) -> None:
    bare = copy.copy(corpus)
    bare.meta = {**corpus.meta, "homology": None}
    tasks = name_tasks([read_labels(label_files["human"])], ["human"])
    dataset = gather(tasks, bare, split="random")
    split = Split("fold 1", np.arange(60), np.arange(60, 65), np.arange(65, 70))
    assert leaks_of([Job(0, split, 0)], dataset).splits[0].gene_set is None


def test_constructs_are_compared_by_their_inserts(assay: Path) -> None:
    """Of whole constructs nearly all is the same."""
    after = "".join(np.random.default_rng(0).choice(list("ACGT"), 1000))
    long = assay.with_name("long.toml")
    long.write_text(assay.read_text().replace('after = "CC"', f'after = "{after}"'))
    dataset = gather(read_tasks([long]), None, split="random")
    split = Split("fold 1", np.arange(30), np.arange(30, 35), np.arange(35, 40))
    found = leaks_of([Job(0, split, 0)], dataset)
    assert found.compared == "insert of the construct"
    assert (found.splits[0].kmers, found.splits[0].with_sequence) == (0, 5)
    assert found.splits[0].gene_set is None
