"""Gene Ontology terms predicted from embeddings (the paper's Table 5 and Figure 5)."""

from isoclr.evaluation.cache import CachedResult, Outcome
from isoclr.evaluation.context import Context
from isoclr.evaluation.methods import embeddings
from isoclr.evaluation.plan import Ontology
from isoclr.evaluation.studies.finetuning import supervised_embeddings
from isoclr.probing.ontology import SHUFFLED, evaluate_ontology
from isoclr.tasks.splits import SplitConfig
from isoclr.tasks.task import OntologyTask

STUDY = "ontology"


def results(context: Context, study: Ontology) -> list[CachedResult]:
    """One result for every task: all methods share the samples and the splits."""
    return [_result(context, study, context.plan.ontologies[name]) for name in study.tasks]


def ontology_files(context: Context, task: OntologyTask) -> list[str]:
    """Checksums of the files that decide a task's terms."""
    files = (task.source, task.terms, task.annotations, task.gene_ids)
    return [context.digest(path) for path in files if path is not None]


def _result(context: Context, study: Ontology, task: OntologyTask) -> CachedResult:
    plan = context.plan
    first, *more = plan.models
    main = embeddings(context, first)
    others = {model.name: embeddings(context, model) for model in more}
    others |= supervised_embeddings(context, study.supervised, study.finetune)
    inputs = {
        "task": task.name,
        "files": ontology_files(context, task),
        "corpus": context.corpus_identity,
        "model": first.name,
        "embedding": main.key,
        "others": {name: artifact.key for name, artifact in others.items()},
        "external": {one.name: context.digest(one.path) for one in plan.external},
        "splits": study.splits,
        "seed": plan.seed,
        "chance": SHUFFLED,
    }

    def compute() -> Outcome:
        paths = {name: artifact.path() for name, artifact in others.items()}
        paths |= {one.name: one.path for one in plan.external}
        report = evaluate_ontology(
            context.read(main.path()),
            context.corpus,
            task,
            splits=SplitConfig(splits=study.splits, seed=plan.seed),
            others={name: context.read(path) for name, path in paths.items()},
        )
        own = {"study": STUDY, "method": first.name}
        rows = [{**row, **(own if row["method"] == "embedding" else {"study": STUDY})} for row in report.rows()]
        leaks = {one.aspect.namespace: one.leaks.to_dict() for one in report.aspects}
        return Outcome(rows, {"counts": report.counts, "leaks": leaks})

    return CachedResult(STUDY, task.title, inputs, compute)
