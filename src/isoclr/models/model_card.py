"""Model cards for the Hugging Face hub, with metadata and the results of an evaluation as a ``model-index``."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from isoclr._config import read_json
from isoclr.errors import InputError
from isoclr.models.encoder import Encoder

TRACKS = ("sequence", "codon starts", "exon ends")
REGRESSION = frozenset({"pearson", "spearman", "mse"})
UNKNOWN = """Its author has not said what it was trained on or how well it predicts: evaluate it on your own labels
(`isoclr probe`) before you rely on it."""


@dataclass(frozen=True)
class _Entry:
    """A task or a model of the manifest."""

    title: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class _Manifest:
    """The part of an evaluation's ``manifest.json`` that a card needs."""

    models: dict[str, _Entry]
    tasks: dict[str, _Entry]


@dataclass(frozen=True)
class Score:
    """One row of ``main.csv``: a metric of one method on one task, with its 95 % interval."""

    task: str
    split: str
    method: str
    probe: str
    metric: str
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Results:
    """The main results of ``isoclr evaluate``, and which of its methods has the weights of the card."""

    scores: list[Score]
    ours: str  # Name of the method with these weights
    titles: dict[str, str]  # Title of each task


def read_results(folder: Path, sha256: str) -> Results:
    """The results for the weights with this SHA-256 in an output of ``isoclr evaluate`` or its folder ``results``."""
    if not (folder / "manifest.json").exists() and (folder / "results").is_dir():
        folder = folder / "results"
    what = "results of isoclr evaluate: a folder with manifest.json and main.csv"
    manifest = read_json(folder / "manifest.json", _Manifest, what=what)
    names = [name for name, model in manifest.models.items() if model.sha256 == sha256]
    if not names:
        known = ", ".join(f"{name} ({m.sha256[:12]})" for name, m in manifest.models.items())
        raise InputError(f"{folder}: is an evaluation of {known or 'no model'}, expected one of {sha256[:12]}")
    scores = _read_scores(folder / "main.csv", what)
    if not any(score.method == names[0] for score in scores):
        raise InputError(f"{folder / 'main.csv'}: has no row of the method {names[0]}")
    return Results(scores, names[0], {name: task.title for name, task in manifest.tasks.items()})


def _read_scores(path: Path, what: str) -> list[Score]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: cannot be read ({reason}), expected {what}") from None
    scores = []
    for line, row in enumerate(rows, 2):
        try:
            words = row["task"], row["split"], row["method"], row["model"], row["metric"]
            value, low, high = (float(row[name] or "nan") for name in ("value", "low", "high"))  # empty: no number
            score = Score(*words, value, low, high, int(row["n"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: line {line}: {error!r}, expected {what}") from None
        if math.isfinite(score.value):
            scores.append(score)
    return scores


def model_card(
    encoder: Encoder, repo: str, sha256: str, results: Results | None = None, *, license: str | None = None
) -> str:
    """A model card: metadata in YAML, a description made from the model, and its results.

    The results become a table and the ``model-index``.
    """
    from huggingface_hub import EvalResult, ModelCardData

    name = repo.partition("/")[2]
    evaluations = None
    if results is not None:
        evaluations = [
            EvalResult(
                task_type="tabular-regression" if score.metric in REGRESSION else "tabular-classification",
                dataset_type=score.task,
                dataset_name=results.titles.get(score.task) or score.task,
                dataset_config=f"{score.probe} probe",
                dataset_split=score.split,
                metric_type=score.metric,
                metric_value=round(score.value, 4),
                metric_name=f"{score.metric}, 95 % interval {_interval(score)}",
            )
            for score in results.scores
            if score.method == results.ours
        ]
    metadata = ModelCardData(
        library_name="isoclr",
        license=license,
        pipeline_tag="feature-extraction",
        tags=["rna", "biology", "isoclr"],
        model_name=name,
        eval_results=evaluations,
    )
    return f"""---
{metadata.to_yaml().strip()}
---

# {name}

An RNA encoder for `isoclr`: mature RNAs in, one vector per RNA out.

| | |
|---|---|
| architecture | {encoder.name} |
| tracks | {encoder.tracks} ({", ".join(TRACKS[: encoder.tracks - 3])}) |
| embedding | {encoder.dim} values |
| read-out | {encoder.network.architecture.pooling} |
| parameters | {encoder.num_parameters:,} |
| SHA-256 of `model.safetensors` | `{sha256}` |

{UNKNOWN if results is None else _tables(results)}

## Use

```python
import isoclr

model = isoclr.load("{repo}", revision="COMMIT")  # the 40 digits of a commit from this repository's history
vectors = model.embed(["AUGGCUUGA", "GGGACGU"])
```

or `isoclr embed my.fa --model {repo}@COMMIT -o my.parquet`. A commit always names the same weights; a branch can
move.
"""


def _interval(score: Score) -> str:
    return f"[{score.low:.3f}, {score.high:.3f}]" if math.isfinite(score.low) else "unknown"


def _tables(results: Results) -> str:
    """For each task and split, the main metric of every method, the strongest first."""
    lines = [
        "## Accuracy",
        "",
        "Probes on frozen features with 95 % intervals, as `isoclr evaluate` measured them. Compare with the simple",
        f"features; this model is `{results.ours}`.",
    ]
    for task, split in dict.fromkeys((one.task, one.split) for one in results.scores):
        scores = [one for one in results.scores if (one.task, one.split) == (task, split)]
        metric = scores[0].metric
        shown = sorted((one for one in scores if one.metric == metric), key=lambda one: -one.value)
        title = results.titles.get(task) or task
        lines += ["", f"{title}, split `{split}` (n = {shown[0].n:,}):", ""]
        lines += [f"| features | probe | {metric} |", "|---|---|---|"]
        lines += [f"| {one.method} | {one.probe} | {one.value:.3f} {_interval(one)} |" for one in shown]
    return "\n".join(lines)
