"""What is asked for: checked at once, before anything is computed."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from isoclr._version import __version__
from isoclr.corpus import Corpus
from isoclr.corpus.layout import CODES, INDEX
from isoclr.errors import InputError
from isoclr.files import atomic_path, sha256
from isoclr.finetuning.dataset import Task, name_tasks
from isoclr.finetuning.dealing import Dealing
from isoclr.finetuning.rules import Rules
from isoclr.finetuning.starting import Start
from isoclr.tasks import read_labels

RECIPE = "recipe.json"


def read_tasks(
    paths: Sequence[Path], label: Sequence[str] | None, species: Sequence[str] | None
) -> list[Task]:
    """The label tables, each with its column and species.

    Raises:
        InputError: no table, a table that cannot be used, or as many columns or species as there are no tables.
    """
    if not paths:
        raise InputError("no labels: give one table or more")
    columns = _for_each("--label", label, len(paths))
    kinds = _for_each("--species", species, len(paths))
    tables = [read_labels(Path(path), column) for path, column in zip(paths, columns, strict=True)]
    for table in tables:
        if table.table["value"].n_unique() == 1:
            raise InputError(
                f"{table.path}: {table.name} is {table.table['value'][0]:g} in every row, "
                "expected values that differ"
            )
    return name_tasks(tables, kinds)


def check_folds(tasks: Sequence[Task]) -> None:
    """A cross-validation over the tables' folds needs one in every row.

    Raises:
        InputError: naming the first row without.
    """
    for task in tasks:
        bad = task.labels.table.filter(task.labels.table["fold"].is_null())
        if bad.height:
            where = (
                f"line {bad['line'][0]} has no fold"
                if task.labels.has_folds
                else "no column 'fold'"
            )
            raise InputError(f"{task.labels.path}: {where}, which --split fold needs")


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
    corpus: Corpus,
    rules: Rules,
    dealing: Dealing,
    others: dict[str, Any],
) -> dict[str, Any]:
    """Everything that results depend on, as JSON takes it: two halves of one study must share it.

    Args:
        start: the model.
        tasks: the labels.
        corpus: the RNAs.
        rules: how to train.
        dealing: how RNAs are dealt.
        others: further options by name.
    """
    files = corpus.meta["files"]
    labels = [
        {"name": task.name, "column": task.labels.name, "sha256": sha256(task.labels.path)}
        for task in tasks
    ]
    recipe: dict[str, Any] = {
        **others,
        "weights": start.sha256,
        "scratch": start.scratch,
        "tune": start.tune,
        "pooling": start.pooling,
        **asdict(dealing),
        "seeds": dealing.repeats,
        "labels": labels,
        "corpus": [files[name]["sha256"] for name in (CODES, INDEX)],
        "rules": asdict(rules),
    }
    plain: dict[str, Any] = json.loads(json.dumps(recipe))  # as it will be read back
    return plain


def enter(out: Path, recipe: dict[str, Any], *, resume: bool) -> None:
    """Begin a study's directory, or find that it was begun with the same recipe.

    Raises:
        InputError: it is in use, or was begun with other options.
    """
    path = out / RECIPE
    if not resume and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: exists already; add --resume to go on, or choose another --out")
    if path.exists():
        _require_same(path, recipe)
        return
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
