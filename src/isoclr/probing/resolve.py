"""Heads and models by the options that select them, given by path or built in; and the list of all of them."""

from collections.abc import Iterator
from pathlib import Path

from isoclr._console import info, table
from isoclr.baselines.language_models.catalog import CATALOG
from isoclr.embedding.embed import added_dim
from isoclr.errors import InputError
from isoclr.genomics.species import taxid_of
from isoclr.models import load as pretrained
from isoclr.models.encoder import Encoder
from isoclr.probing.head import ENCODER, Head, load_head, read_metadata
from isoclr.tasks.metrics import TITLES

HEADS = "heads"


def shipped_heads() -> list[Path]:
    """Directories of all built-in heads, model by model; each is named ``TASK-SPECIES``."""
    return [path.parent for model in pretrained.bundled_models() for path in sorted(model.glob(f"{HEADS}/*/head.json"))]


def find_head(task: str, species: str, model: str | None = None) -> Path:
    """The built-in head for a task and a species.

    Args:
        model: Name of a built-in model, with or without its version; None: the model whose head predicts held-out folds
            best. Of a model, the newest version that has the head is taken.
    """
    heads = [head for head in shipped_heads() if model is None or model in (_model(head), _family(head))]
    fitting = [head for head in heads if _predicts(head, task, species)]
    if fitting:
        newest = {_family(head): head for head in reversed(fitting)}
        return max(newest.values(), key=_quality)
    of_model = "" if model is None else f" of {model}"
    named = sorted({head.name.rpartition("-")[::2] for head in heads})
    its_species = [name for own, name in named if own == task]
    if its_species and not species:
        raise InputError(f"--task {task}: needs --species, which is {' or '.join(its_species)}")
    options = f"--task {task} --species {species or '(none)'}"
    if not heads:
        raise InputError(f"{options}: no built-in head{of_model}; make one with `isoclr fit` and give --head")
    there = ", ".join(f"--task {own} --species {name}" for own, name in named)
    raise InputError(f"{options}: no such built-in head{of_model}; there are {there}")


def _predicts(head: Path, task: str, species: str) -> bool:
    its_task, _, its_species = head.name.rpartition("-")
    same = species == its_species or (taxid_of(species) or -1) == taxid_of(its_species)
    return its_task == task and same


def _model(head: Path) -> str:
    return head.parent.parent.name


def _family(head: Path) -> str:
    """The model without its version."""
    return _model(head).partition(".")[0]


def _quality(head: Path) -> float:
    """The main metric of the first label on held-out folds."""
    metrics = read_metadata(head)["targets"][0]["held_out"]["metrics"]
    return float(next(iter(metrics.values()))["mean"])


def resolve_head(head: Path | None, task: str | None, species: str, model: str | None) -> tuple[Head, str | None]:
    """The head that options of :func:`isoclr.predict` select, and its model if one was given or it is fine-tuned."""
    if (head is None) == (task is None):
        raise InputError("expected --head, or --task with --species, and not both")
    if isinstance(head, Head):
        return head, model
    if head is not None:
        own = Path(head) / ENCODER  # that of a fine-tuned model
        return load_head(head), model or (str(own) if own.is_dir() else None)
    return load_head(find_head(str(task), species, model)), None


def encoder_of(head: Head, model: str | None) -> Encoder:
    """Load a head's model: the given one, else the built-in one."""
    sha256 = head.model["sha256"]
    chosen = pretrained.bundled_model(sha256) if model is None else model
    if chosen is None:
        raise InputError(
            f"head {head.name!r} needs weights {sha256[:12]} of {head.model['model']}, which is no built-in model; "
            "give it with --model"
        )
    encoder = pretrained.load(chosen)
    dim = head.dim - added_dim(head.region)
    if (encoder.sha256, encoder.dim) != (sha256, dim):
        raise InputError(
            f"{chosen}: weights {encoder.sha256[:12]}, embeddings of {encoder.dim}; head {head.name!r} needs weights "
            f"{sha256[:12]} of {head.model['model']}, embeddings of {dim}"
        )
    return encoder


def list_models() -> None:
    """List the models for isoclr embed --model and the heads for isoclr predict --task.

    Encoders and heads are in the package; language models are those of other groups.

    Weights of language models are downloaded from the Hugging Face hub at a pinned commit, as safetensors only. Where
    only a pickle is published, isoclr embed explains how to convert it and to give the folder as --model-dir; where no
    commit is pinned, name one with --revision.
    """
    if encoders := list(_list_encoders()):
        table("bundled encoders", ("model", "parameters", "dim"), encoders)
        table("heads of isoclr predict", ("--task", "--species", "model", "held out"), _list_heads())
    table(
        "language models of other groups",
        ("language model", "parameters", "tokens", "dim", "weights", "pinned", "needs"),
        [
            (
                entry.name,
                f"{entry.parameters / 1e6:,.1f} M",
                entry.window,
                entry.dim,
                entry.published,
                (entry.revision or "–")[:8],
                entry.package or "–",
            )
            for entry in CATALOG.values()
        ],
    )
    info("also: the folder of a trained model, or user/name@revision of the Hugging Face hub")


def _list_encoders() -> Iterator[tuple[object, ...]]:
    for directory in pretrained.bundled_models():
        encoder = pretrained.load(directory)
        yield directory.name, encoder.num_parameters, encoder.dim


def _list_heads() -> Iterator[tuple[object, ...]]:
    """Task, species and model of the built-in heads, with their main metric on held-out folds, that of all labels."""
    for head in shipped_heads():
        task, _, species = head.name.rpartition("-")
        metrics = [target["held_out"]["metrics"] for target in read_metadata(head)["targets"]]
        name = next(iter(metrics[0]))
        values = sorted({f"{one[name]['mean']:.2f}" for one in metrics})
        yield task, species, _model(head), f"{TITLES[name]} {' to '.join(dict.fromkeys((values[0], values[-1])))}"
