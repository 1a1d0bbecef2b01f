"""What genes do, read from embeddings (the paper's Table 5 and Figure 5)."""

from typing import cast

from isoclr.evaluation.cache import CachedResult, Context, Outcome, Row
from isoclr.evaluation.methods import embeddings
from isoclr.evaluation.networks import supervised_embeddings
from isoclr.evaluation.plan import Ontology
from isoclr.probing.ontology import SHUFFLED, evaluate_ontology
from isoclr.tasks.splits import SplitConfig
from isoclr.tasks.task import OntologyTask

STUDY = "ontology"


def cells(bench: Context, study: Ontology) -> list[CachedResult]:
    """One result for every ontology task: all methods share the samples and the splits."""
    return [_cell(bench, study, task) for task in study.tasks]


def _cell(bench: Context, study: Ontology, task: OntologyTask) -> CachedResult:
    first, *others = bench.plan.models
    main = embeddings(bench, first)
    beside = {other.name: embeddings(bench, other) for other in others}
    beside |= supervised_embeddings(bench, study.supervised, study.options)
    files = [task.terms, task.annotations, task.source, *([task.gene_ids] if task.gene_ids else [])]
    inputs = {
        "task": task.name,
        "files": [bench.digest(path) for path in files],
        "corpus": bench.identity,
        "model": first.name,
        "embedding": main.key,
        "beside": {name: product.key for name, product in beside.items()},
        "foreign": {one.name: bench.digest(one.path) for one in bench.plan.foreign},
        "seeds": study.seeds,
        "seed": bench.plan.seed,
        "chance": SHUFFLED,
    }

    def compute() -> Outcome:
        made = {name: bench.read(product.path()) for name, product in beside.items()}
        made |= {one.name: bench.foreign_embeddings(one) for one in bench.plan.foreign}
        report = evaluate_ontology(
            bench.read(main.path()),
            bench.corpus,
            task,
            splits=SplitConfig(splits=study.seeds, seed=bench.plan.seed),
            others=made,
            baselines=True,
        )
        rows = [_named(row, first.name) for row in report.rows()]
        leaks = {one.aspect.namespace: one.leaks.to_dict() for one in report.aspects}
        return Outcome(rows, {"counts": report.counts, "leaks": leaks})

    return CachedResult(STUDY, f"{task.title}", inputs, compute)


def _named(row: Row, model: str) -> Row:
    """The row with the model's name instead of ``embedding``."""
    told = {**row, "study": STUDY}
    return cast("Row", {**told, "method": model} if row["method"] == "embedding" else told)
