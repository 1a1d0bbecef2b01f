"""The trainings of a study: who trains, who validates, who tests."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from isoclr.corpus import Corpus
from isoclr.errors import InputError
from isoclr.finetuning.dataset import Dataset, gather
from isoclr.finetuning.dealing import Dealing
from isoclr.finetuning.jobs import plan_jobs
from isoclr.finetuning.labelled import name_tasks
from isoclr.tasks import read_labels

MakeDealing = Callable[..., Dealing]


def test_the_next_fold_validates(dataset: Dataset, dealing: MakeDealing) -> None:
    jobs, words = plan_jobs(dataset, dealing(split="fold"))
    folds = dataset.table["fold"].to_numpy()
    assert words == "the label file's own folds"
    assert [job.name for job in jobs] == ["fold-1.0", "fold-2.0", "fold-3.0", "fold-4.0"]
    for i, job in enumerate(jobs):
        assert set(folds[job.split.test]) == {str(i + 1)}
        assert set(folds[job.split.valid]) == {str((i + 1) % 4 + 1)}
        parts = (job.split.train, job.split.valid, job.split.test)
        assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(dataset)))


def test_seeds_repeat_folds_and_make_new_random_splits(
    dataset: Dataset, dealing: MakeDealing
) -> None:
    jobs, _ = plan_jobs(dataset, dealing(folds=3, seeds=2, seed=5))
    assert [job.name for job in jobs] == [f"fold-{i}.{s}" for i in (1, 2, 3) for s in (5, 6)]
    assert np.array_equal(jobs[0].split.test, jobs[1].split.test)
    jobs, words = plan_jobs(dataset, dealing(seeds=2, seed=5))
    assert [(job.name, job.seed) for job in jobs] == [("seed-5.5", 5), ("seed-6.6", 6)]
    assert not np.array_equal(jobs[0].split.test, jobs[1].split.test)
    assert words == "random 70/15/15 × 2 by whole genes"


def test_only_the_first_splits_are_done(dataset: Dataset, dealing: MakeDealing) -> None:
    jobs, words = plan_jobs(dataset, dealing(split="fold", splits=2, seeds=2))
    assert [job.name for job in jobs] == ["fold-1.0", "fold-1.1", "fold-2.0", "fold-2.1"]
    assert words.endswith("(the first 2)")


def test_a_share_is_drawn_uniformly_from_the_training_part(
    dataset: Dataset, dealing: MakeDealing
) -> None:
    whole, _ = plan_jobs(dataset, dealing(seeds=30))
    half, _ = plan_jobs(dataset, dealing(seeds=30, train_share=0.5))
    again, _ = plan_jobs(dataset, dealing(seeds=30, train_share=0.5))
    means = []
    for full, part, same in zip(whole, half, again, strict=True):
        assert np.array_equal(part.split.train, same.split.train)
        assert set(part.split.train) < set(full.split.train)
        assert len(part.split.train) == round(0.5 * len(full.split.train))
        assert np.array_equal(part.split.valid, full.split.valid)
        assert np.array_equal(part.split.test, full.split.test)
        means.append(
            dataset.targets[part.split.train].mean() - dataset.targets[full.split.train].mean()
        )
    # no part of the labels' range is preferred: over 30 draws the mean difference is small beside one draw's
    assert abs(np.mean(means)) < 3 * np.std(means) / np.sqrt(30)


def test_the_least_share_is_two_rnas(dataset: Dataset, dealing: MakeDealing) -> None:
    (job,), _ = plan_jobs(dataset, dealing(train_share=1e-6))
    assert len(job.split.train) == 2


def test_a_part_without_two_labels_of_a_task_is_refused(
    dataset: Dataset, dealing: MakeDealing
) -> None:
    targets = np.hstack([dataset.targets, np.full_like(dataset.targets, np.nan)])
    targets[0, 1] = 1.0
    bare = replace(dataset, targets=targets, tasks=("half_life", "rare"))
    with pytest.raises(InputError, match=r"rare: seed 0: the training part .* has [01] different"):
        plan_jobs(bare, dealing())


def test_tasks_of_different_genes_are_dealt_as_each_would_be_alone(
    label_files: dict[str, Path], corpus: Corpus, dealing: MakeDealing
) -> None:
    """Then a network of several tasks is tested on the RNAs of the networks of one."""

    def tested(*species: str) -> set[str]:
        tasks = name_tasks([read_labels(label_files[one]) for one in species], species)
        data = gather(tasks, corpus, split="random")
        (job,), _ = plan_jobs(data, dealing(seed=3))
        parts = (job.split.train, job.split.valid, job.split.test)
        assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(data)))
        return set(data.table["transcript_id"].gather(job.split.test))

    assert tested("human", "mouse") == tested("human") | tested("mouse")


def test_tasks_with_a_group_in_common_are_dealt_together(
    dataset: Dataset, dealing: MakeDealing
) -> None:
    targets = np.full((len(dataset), 2), np.nan)
    targets[::2, 0] = targets[1::2, 1] = dataset.targets[:80, 0]
    groups = np.array([f"set {i // 2}" for i in range(len(dataset))])  # one RNA of each task
    torn = replace(dataset, targets=targets, tasks=("a", "b"), groups=groups)
    (job,), _ = plan_jobs(torn, dealing())
    outside = np.concatenate([job.split.train, job.split.valid])
    assert not set(groups[outside]) & set(groups[job.split.test])
