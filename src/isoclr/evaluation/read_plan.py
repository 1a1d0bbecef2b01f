"""A plan file (TOML), read and checked before anything is computed."""

import inspect
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from isoclr.errors import InputError
from isoclr.evaluation.methods import KINDS
from isoclr.evaluation.networks import NETWORKS
from isoclr.evaluation.plan import (
    SHARES,
    STUDIES,
    Ablation,
    Ablations,
    ExternalEmbeddings,
    Latent,
    LowData,
    Main,
    Mutagenesis,
    Ontology,
    Plan,
    TaskEntry,
    TrainedModel,
    Tuned,
)
from isoclr.evaluation.section import Section
from isoclr.tasks.splits import SplitKind
from isoclr.tasks.task import OntologyTask, read_label_task, read_ontology_task

CORPUS_OPTIONS = ("species", "grouping", "isoforms")
PUBLISHED = {
    "half-life-human": "half-life human",
    "half-life-mouse": "half-life mouse",
}
"""Tasks whose labels are the paper's; the paper's mean ribosome load is of other RNAs than ours."""
Named = TypeVar("Named", TrainedModel, ExternalEmbeddings, TaskEntry)
_NOT_FOR_ABLATIONS = {"corpus", "out", "resume", "init"}
_OF_THE_PLAN = {"labels", "data", "corpus", "out", "model", "scratch", "tune", "species", "label"} | {
    "rnas", "split", "chromosomes", "seeds", "seed", "train_share", "threads", "resume"
}  # fmt: skip
_TOP = ("corpus", "data", "seed", "threads", "precision", "model", "embeddings", "task", *STUDIES)


def read_plan(path: Path) -> Plan:
    """Read a plan.

    Args:
        path: TOML; paths in it are relative to it, and ``${NAME}`` in a text is the environment's NAME.

    Raises:
        InputError: no such file, no TOML, or a key that is missing, unknown, or not what is expected.
    """
    path = Path(path)
    top = Section(path, "", _toml(path))
    corpus = top.path("corpus")
    models = _named(path, [_model(one) for one in top.tables("model")], "[[model]]")
    if not models:
        raise InputError(f"{path}: no [[model]], expected the encoder to evaluate")
    data = top.path("data") if "data" in top else None
    tasks = _named(path, [_task(one, data) for one in top.tables("task")], "[[task]]")
    foreign = _named(path, [_foreign(one) for one in top.tables("embeddings")], "[[embeddings]]")
    both = {one.name for one in models} & {one.name for one in foreign}
    if both:
        raise InputError(f"{path}: [[embeddings]] name is {min(both)!r}, which a [[model]] has")
    studies = {name: _study(top, name, tasks, data) for name in STUDIES if name in top}
    plan = Plan(
        path=path,
        corpus=corpus,
        models=tuple(models),
        foreign=tuple(foreign),
        data=data,
        tasks={one.name: one for one in tasks},
        seed=top.whole("seed", 0, least=0),
        threads=top.whole("threads") if "threads" in top else None,
        precision=cast("Any", top.choice("precision", ("float32", "bf16"), "float32")),
        **{name: studies.get(name) for name in STUDIES},
    )
    top.end(_TOP)
    if not plan.studies:
        raise InputError(f"{path}: no study, expected one or more of {', '.join(STUDIES)}")
    return plan


def _toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected a benchmark's plan (TOML)")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as TOML ({error})") from None


def _named(path: Path, found: list[Named], what: str) -> list[Named]:
    """Refuse a name that is there twice: tables could not tell them apart."""
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{path}: {what} name is {name!r} twice, expected different names")
    return found


def _model(section: Section) -> TrainedModel:
    name, given = section.text("name"), section.text("path")
    section.end(("name", "path"))
    local = section.file.parent / Path(given).expanduser()
    return TrainedModel(name, str(local) if local.exists() else given)


def _foreign(section: Section) -> ExternalEmbeddings:
    found = ExternalEmbeddings(section.text("name"), section.path("path"))
    section.end(("name", "path"))
    return found


def _task(section: Section, data: Path | None) -> TaskEntry:
    given = section.text("task")
    own = section.file.parent / Path(given).expanduser()
    task = read_label_task(own if own.is_file() else given, data)
    asked = TaskEntry(
        task=task,
        splits=cast("Any", section.choices("splits", get_args(SplitKind), (task.split,))),
        repeats=section.whole("repeats", 10),
        published=section.text("published", PUBLISHED.get(task.name, "none")),
        chromosomes=section.paths("chromosomes"),
    )
    section.end(("task", "splits", "repeats", "published", "chromosomes"))
    return asked


def _study(top: Section, name: str, asked: Sequence[TaskEntry], data: Path | None) -> Any:
    section = Section(top.file, f"[{name}]", top.table(name))
    tasks = tuple(one.name for one in asked)
    if name == "mutagenesis":
        return _mutagenesis(section, tasks, [one.name for one in asked if not one.task.construct])
    if name in ("ontology", "latent"):
        return (_ontology if name == "ontology" else _latent)(section, tasks, data)
    readers = {
        "main": _main,
        "low_data": _low_data,
        "finetuning": _tuned,
        "ablations": _ablations,
    }
    return readers[name](section, tasks)


def _main(section: Section, tasks: Sequence[str]) -> Main:
    study = Main(
        tasks=_tasks(section, tasks),
        methods=section.choices("methods", KINDS, KINDS),
        probes=cast("Any", section.choices("probes", ("linear", "ridge"), ("ridge",))),
    )
    section.end(("tasks", "methods", "probes"))
    return study


def _low_data(section: Section, tasks: Sequence[str]) -> LowData:
    study = LowData(
        tasks=_tasks(section, tasks),
        methods=section.choices(
            "methods", (*KINDS, *NETWORKS), ("embedding", "random-init", "k-mers")
        ),
        shares=section.shares("shares", SHARES),
        repeats=section.whole("repeats", 10),
        tuned_repeats=section.whole("tuned_repeats", 1),
        options=section.options("options", _options_of_tuning()),
    )
    section.end(tuple(LowData.__dataclass_fields__))
    return study


def _tuned(section: Section, tasks: Sequence[str]) -> Tuned:
    study = Tuned(
        tasks=_tasks(section, tasks),
        splits=cast("Any", section.choices("splits", get_args(SplitKind), ())),
        methods=section.choices("methods", tuple(NETWORKS), ("fine-tuned", "supervised")),
        seeds=section.whole("seeds", 1),
        options=section.options("options", _options_of_tuning()),
        together=_together(section, tasks),
    )
    section.end(tuple(Tuned.__dataclass_fields__))
    return study


def _together(section: Section, tasks: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Lists of two tasks or more that one network learns at once."""
    given = section.table("together") or []
    wanted = f"lists of two or more of {', '.join(tasks)}, each once"
    if not isinstance(given, list):
        raise section.wrong("together", given, wanted)
    for one in given:
        known = isinstance(one, list) and all(name in tasks for name in one)
        if not known or len(one) < 2 or len(set(one)) < len(one) or given.count(one) > 1:
            raise section.wrong("together", one, wanted)
    return tuple(map(tuple, given))


def _ontology(section: Section, tasks: Sequence[str], data: Path | None) -> Ontology:
    given = section.texts("tasks", ("gene-ontology-human",))
    supervised, options = _supervised(section, tasks)
    study = Ontology(
        tasks=tuple(_ontology_task(section, one, data) for one in given),
        seeds=section.whole("seeds", 5),
        supervised=supervised,
        options=options,
    )
    section.end(tuple(Ontology.__dataclass_fields__))
    return study


def _latent(section: Section, tasks: Sequence[str], data: Path | None) -> Latent:
    given = section.maybe("ontology")
    supervised, options = _supervised(section, tasks)
    study = Latent(
        tasks=_tasks(section, tasks),
        species=section.maybe("species"),
        ontology=None if given is None else _ontology_task(section, given, data),
        sample=section.whole("sample", 5_000, least=100),
        queries=section.whole("queries", 5_000),
        supervised=supervised,
        options=options,
    )
    terms = study.ontology
    if terms is not None and study.species not in (None, terms.species):
        raise section.wrong("ontology", given, f"terms of the map's species, {study.species}")
    section.end(tuple(Latent.__dataclass_fields__))
    return study


def _supervised(section: Section, tasks: Sequence[str]) -> tuple[str | None, dict[str, Any]]:
    """The label that a network learns from scratch, and the options of that training."""
    if "supervised" not in section and "options" in section:
        raise section.wrong("supervised", None, "the task that the options' network learns")
    task = section.choice("supervised", tasks) if "supervised" in section else None
    return task, section.options("options", _options_of_tuning())


def _mutagenesis(section: Section, tasks: Sequence[str], usual: Sequence[str]) -> Mutagenesis:
    study = Mutagenesis(
        tasks=section.choices("tasks", tuple(tasks), usual),
        rnas=section.whole("rnas", 200),
        shown=section.whole("shown", 1, least=0),
    )
    section.end(tuple(Mutagenesis.__dataclass_fields__))
    return study


def _ontology_task(section: Section, given: str, data: Path | None) -> OntologyTask:
    own = section.file.parent / Path(given).expanduser()
    return read_ontology_task(own if own.is_file() else given, data)


def _ablations(section: Section, tasks: Sequence[str]) -> Ablations:
    allowed = _pretrain_options()
    common = section.options("pretrain", allowed)
    runs = [_ablation(one, allowed) for one in section.tables("run")]
    names = [one.name for one in runs]
    for name in names:
        if names.count(name) > 1:
            raise section.wrong("run", name, "every name once")
    if not runs:
        raise section.wrong("run", None, "tables [[ablations.run]]")
    study = Ablations(_tasks(section, tasks), tuple(runs), common)
    section.end(("tasks", "pretrain", "run"))
    return study


def _ablation(section: Section, allowed: Sequence[str]) -> Ablation:
    name = section.text("name")
    corpus: dict[str, Any] = {}
    if "species" in section:
        corpus["species"] = section.texts("species")
    if "grouping" in section:
        corpus["grouping"] = section.choice("grouping", ("gene-sets", "genes"))
    if "isoforms" in section:
        corpus["isoforms"] = section.choice("isoforms", ("all", "one"))
    return Ablation(name, corpus, section.rest((*CORPUS_OPTIONS, *allowed)))


def _pretrain_options() -> tuple[str, ...]:
    from isoclr.pretraining.pretrain import pretrain

    return tuple(
        name for name in inspect.signature(pretrain).parameters if name not in _NOT_FOR_ABLATIONS
    )


def _options_of_tuning() -> tuple[str, ...]:
    from isoclr.finetuning.finetune import finetune

    return tuple(
        name for name in inspect.signature(finetune).parameters if name not in _OF_THE_PLAN
    )


def _tasks(section: Section, tasks: Sequence[str]) -> tuple[str, ...]:
    return section.choices("tasks", tuple(tasks), tuple(tasks))
