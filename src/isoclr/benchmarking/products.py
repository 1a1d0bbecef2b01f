"""The products of a benchmark: untrained models, derived corpora, pre-training runs, and embeddings by all of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from isoclr.benchmarking.bench import Bench
from isoclr.benchmarking.plan import Asked, TrainedModel
from isoclr.benchmarking.product import Product
from isoclr.benchmarking.rnas import write_for_embedding
from isoclr.embedding import embed
from isoclr.models import create
from isoclr.models.weights import WEIGHTS

ON_THE_MACHINE = {"threads", "device", "corpus_on", "chunk_nt", "recompute", "compile"} | {
    "checkpoint_minutes", "checkpoint_steps", "validate_every", "log_every", "tensorboard"
}  # fmt: skip
"""Options of a pre-training run that do not decide what it learns."""


def untrained(bench: Bench, like: TrainedModel) -> Product:
    """A random-init encoder of a model's architecture."""
    facts = {key: value for key, value in bench.facts(like).items() if key != "sha256"}
    pooling: Literal["last", "all"] = "all" if facts["pooling"] == "all" else "last"
    seed = bench.plan.seed
    return Product(
        bench.out / "models",
        f"an untrained {facts['model']}",
        {**facts, "seed": seed},
        lambda path: create(
            facts["model"], tracks=facts["tracks"], seed=seed, pooling=pooling
        ).save(path),
    )


def embeddings(bench: Bench, model: TrainedModel, asked: Asked | None = None) -> Product:
    """Embeddings by a model of the whole corpus, or of the RNAs that a task brings along."""
    return _embeddings(bench, model.name, model.path, bench.facts(model), asked)


def untrained_embeddings(bench: Bench, like: TrainedModel, asked: Asked | None = None) -> Product:
    """The same by a random-init encoder of the model's architecture."""
    product = untrained(bench, like)
    return _embeddings(bench, product.title, product, {"untrained": product.key}, asked)


def run_embeddings(bench: Bench, run: Product, corpus: Product) -> Product:
    """Embeddings of a derived corpus by the encoder of a run of this benchmark."""
    return _embedded(
        bench,
        f"embedding by the model of {run.title}",
        {"run": run.key, "corpus": corpus.key},
        lambda path: _embed(bench, corpus.path(), run.path(), path),
    )


def tuned_embeddings(bench: Bench, network: Product, name: str) -> Product:
    """Embeddings of the whole corpus by the encoder of a network that was trained on labels."""
    return _embedded(
        bench,
        f"embedding the corpus by {name}",
        {"tuned": network.key, "rnas": bench.identity},
        lambda path: _embed(bench, bench.plan.corpus, network.path() / "encoder", path),
    )


def derived_corpus(bench: Bench, options: Mapping[str, Any], title: str) -> Product:
    """The corpus with fewer species or isoforms, or without homology."""
    from isoclr.corpus.subsetting import subset

    return Product(
        bench.out / "corpora",
        title,
        {"corpus": bench.identity, **options},
        lambda path: subset(bench.plan.corpus, out=path, **options),
    )


def named_corpus(bench: Bench, names: list[str], title: str) -> Product:
    """The part of the corpus that some transcripts make up."""
    from isoclr.corpus.subsetting import subset

    def make(path: Path) -> None:
        listed = path.with_suffix(".txt")
        listed.write_text("\n".join(names) + "\n", encoding="utf-8")
        subset(bench.plan.corpus, out=path, transcripts=listed)

    return Product(bench.out / "corpora", title, {"corpus": bench.identity, "names": names}, make)


def pretraining(
    bench: Bench, corpus: Product | None, options: Mapping[str, Any], title: str
) -> Product:
    """A pre-training run on the corpus or a derived one; stopped, it goes on where it was."""
    from isoclr.pretraining import pretrain
    from isoclr.pretraining.options import Recipe
    from isoclr.pretraining.run import CHECKPOINT

    given = {"seed": bench.plan.seed, **options}
    recipe = {"steps": None, "epochs": None, "minutes": None, **Recipe().as_dict(), **given}

    def make(path: Path) -> None:
        where = bench.plan.corpus if corpus is None else corpus.path()
        ended = pretrain(where, out=path, resume=True, threads=bench.plan.threads, **given)
        if ended.stopped_by:
            raise KeyboardInterrupt
        (path / CHECKPOINT).unlink(missing_ok=True)  # 80 MB that only a stopped run needs

    return Product(
        bench.out / "runs",
        title,
        {
            "corpus": bench.identity if corpus is None else corpus.key,
            **{name: value for name, value in recipe.items() if name not in ON_THE_MACHINE},
        },
        make,
        whole=lambda path: (path / WEIGHTS).is_file(),
    )


def _embeddings(
    bench: Bench, name: str, model: str | Product, facts: Mapping[str, Any], asked: Asked | None
) -> Product:
    rnas = bench.rnas(asked)

    def make(path: Path) -> None:
        weights = model.path() if isinstance(model, Product) else model
        if rnas.corpus is not None or asked is None:
            return _embed(bench, bench.plan.corpus, weights, path)
        fasta = write_for_embedding(asked.task, path)
        _embed(bench, fasta, weights, path)
        return fasta.unlink()

    what = "the corpus" if rnas.corpus is not None or asked is None else asked.name
    return _embedded(bench, f"embedding {what} by {name}", {**facts, "rnas": rnas.identity}, make)


def _embedded(
    bench: Bench, title: str, facts: Mapping[str, Any], make: Callable[[Path], None]
) -> Product:
    """A file of embeddings, in the plan's precision."""
    inputs = {**facts, "precision": bench.plan.precision}
    return Product(bench.out / "embeddings", title, inputs, make, ".parquet")


def _embed(bench: Bench, inputs: Path, model: str | Path, out: Path) -> None:
    embed(
        (inputs,),
        model=str(model),
        out=out,
        precision=bench.plan.precision,
        threads=bench.plan.threads,
    )
