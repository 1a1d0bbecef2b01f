"""What is asked for: checked at once, before anything is computed."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from isoclr._version import __version__
from isoclr.corpus import Corpus
from isoclr.corpus.layout import CODES, INDEX
from isoclr.embedding.table import RnaChoice
from isoclr.errors import InputError
from isoclr.files import atomic_path, check_place, sha256
from isoclr.finetuning.dealing import Dealing
from isoclr.finetuning.labelled import Task, name_tasks
from isoclr.finetuning.rules import Rules
from isoclr.finetuning.starting import Start
from isoclr.tasks import Labels, read_labels
from isoclr.tasks import Task as TaskFile
from isoclr.tasks.splits import SplitKind
from isoclr.tasks.task_files import is_task, read_label_task

RECIPE = "recipe.json"


def read_tasks(
    paths: Sequence[Path],
    label: Sequence[str] | None = None,
    species: Sequence[str] | None = None,
    rnas: RnaChoice | None = None,
    data: Path | None = None,
) -> list[Task]:
    """The label tables and tasks, each with its column, species and RNAs.

    Args:
        paths: tables, task files, and names of tasks that ship.
        label: columns; None: the tasks' own, or the only one of a table.
        species: of whose RNAs; None: the tasks' own, or any.
        rnas: which of them; None: the tasks' own, or all.
        data: the folder that the paths in task files start from.

    Raises:
        InputError: no table, a table that cannot be used, or as many columns or species as there are no tables.
    """
    if not paths:
        raise InputError("no labels: give one table or more")
    columns = _for_each("--label", label, len(paths))
    kinds = _for_each("--species", species, len(paths))
    files: list[TaskFile | None] = []
    tables: list[Labels] = []
    for path, column in zip(paths, columns, strict=True):
        file = read_label_task(path, data) if is_task(path) else None
        if file is not None:
            file = _of_known_assay(replace(file, label=column or file.label), files)
        files.append(file)
        tables.append(read_labels(Path(path), column) if file is None else file.labels())
        _refuse_flat(tables[-1])
    return [
        replace(task, rnas=rnas or (file.rnas if file else "all"), file=file)
        for task, file in zip(name_tasks(tables, _species(kinds, files)), files, strict=True)
    ]


def _species(asked: Sequence[str | None], files: Sequence[TaskFile | None]) -> list[str | None]:
    """Of every table; a reporter assay's RNAs are of none."""
    return [
        kind if file is None else None if file.construct else kind or file.species
        for kind, file in zip(asked, files, strict=True)
    ]


def _of_known_assay(file: TaskFile, files: Sequence[TaskFile | None]) -> TaskFile:
    """Constructs are named by their task: two labels of one assay are of the same RNAs, under the same names."""
    if file.construct is None:
        return file
    same = (file.table, file.construct)
    known = (one.name for one in files if one is not None and (one.table, one.construct) == same)
    return replace(file, name=next(known, file.name))


def _refuse_flat(table: Labels) -> None:
    if table.table["value"].n_unique() == 1:
        raise InputError(
            f"{table.path}: {table.name} is {table.table['value'][0]:g} in every row, "
            "expected values that differ"
        )


def choose_split(tasks: Sequence[Task], split: SplitKind | None) -> SplitKind:
    """The split that is asked for, or that of the tasks; a table as it is has the paper's random one.

    Raises:
        InputError: tasks say different ones.
    """
    if split is not None:
        return split
    own: dict[SplitKind, str] = {}
    for task in tasks:
        own.setdefault(task.file.split if task.file else "random", task.name)
    if len(own) > 1:
        told = ", ".join(f"{kind} of {name}" for kind, name in own.items())
        raise InputError(f"the tasks' splits differ ({told}); choose one with --split")
    return next(iter(own))


def refuse_idle(start: Start, *, hidden: int | None, encoder_learning_rate: float | None) -> None:
    """An option that is given must do something.

    Raises:
        InputError: naming the one that would not.
    """
    if hidden is not None and start.encoder is None:
        raise InputError(f"--hidden {hidden} is for IsoCLR encoders, saluki has layers of its own")
    if encoder_learning_rate is not None and start.tune == "frozen":
        raise InputError(
            f"--encoder-learning-rate {encoder_learning_rate:g}: with --tune frozen the encoder learns nothing"
        )


def recipe_of(
    start: Start,
    tasks: Sequence[Task],
    corpus: Corpus | None,
    rules: Rules,
    dealing: Dealing,
    chromosomes: Sequence[Path],
    others: dict[str, Any],
) -> dict[str, Any]:
    """Everything that results depend on, as JSON takes it: two halves of one study must share it.

    Args:
        start: the model.
        tasks: the labels.
        corpus: the RNAs; None when the tasks bring their own.
        rules: how to train.
        dealing: how RNAs are dealt.
        chromosomes: files that say where the genes lie.
        others: further options by name.
    """
    files = {} if corpus is None else corpus.meta["files"]
    labels = [_facts(task) for task in tasks]
    rnas = list(dict.fromkeys(task.rnas for task in tasks))
    recipe: dict[str, Any] = {
        **others,
        "rnas": rnas[0] if len(rnas) == 1 else [task.rnas for task in tasks],
        "weights": start.sha256,
        "scratch": start.scratch,
        "tune": start.tune,
        "pooling": start.pooling,
        **asdict(dealing),
        "seeds": dealing.repeats,
        "labels": labels,
        "corpus": [files[name]["sha256"] for name in (CODES, INDEX) if files],
        "rules": asdict(rules),
    }
    if chromosomes:
        recipe["chromosomes"] = [sha256(path) for path in chromosomes]
    plain: dict[str, Any] = json.loads(json.dumps(recipe))  # as it will be read back
    return plain


def _facts(task: Task) -> dict[str, Any]:
    """What decides the labels of a task, and the RNAs that it brings."""
    facts: dict[str, Any] = {"name": task.name, "column": task.labels.name}
    facts["sha256"] = sha256(task.labels.path)
    if task.file is not None and task.file.columns:
        facts["columns"] = dict(task.file.columns)
    if task.file is not None and task.file.construct:
        facts["construct"] = asdict(task.file.construct)
    return facts


def enter(out: Path, recipe: dict[str, Any], *, resume: bool) -> None:
    """Begin a study's directory, or find that it was begun with the same recipe.

    Raises:
        InputError: it is in use, is something else, or was begun with other options.
    """
    path = out / RECIPE
    check_place(out)
    # what a killed start left under its temporary name begins with a dot
    seen = out.exists() and (not out.is_dir() or any(f.name[0] != "." for f in out.iterdir()))
    if seen and not resume:
        raise InputError(f"{out}: exists already; add --resume to go on, or choose another --out")
    if path.exists():
        _require_same(path, recipe)
        return
    if seen:
        raise InputError(f"{out}: is no study to resume, expected one with {RECIPE}")
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(recipe, indent=1, ensure_ascii=False) + "\n", "utf-8")


def provenance(recipe: dict[str, Any]) -> dict[str, Any]:
    """Versions and recipe."""
    packages = ("numpy", "polars", "scipy", "torch")
    versions = {package: version(package) for package in packages}
    return {"isoclr": __version__, "versions": versions, "recipe": recipe}


def _for_each(option: str, given: Sequence[str] | None, tables: int) -> list[str | None]:
    """One word a table; one word alone is for all of them."""
    if given is None:
        return [None] * tables
    words = [given] if isinstance(given, str) else list(given)
    if len(words) not in (1, tables):
        raise InputError(
            f"{option} has {len(words)} words for {tables} tables, expected one for all or one for each"
        )
    return [*words] * (tables // len(words))


def _require_same(path: Path, recipe: dict[str, Any]) -> None:
    try:
        saved = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a study's recipe ({error})") from None
    mine, theirs = _flat(recipe), _flat(saved if isinstance(saved, dict) else {})
    different = [
        f"{name} is {theirs.get(name)!r} there and {mine.get(name)!r} now"
        for name in dict.fromkeys([*mine, *theirs])
        if mine.get(name) != theirs.get(name)
    ]
    if different:
        raise InputError(f"{path}: was begun with other options: {'; '.join(different)}")


def _flat(recipe: dict[str, Any]) -> dict[str, Any]:
    return {**{k: v for k, v in recipe.items() if k != "rules"}, **recipe.get("rules", {})}
