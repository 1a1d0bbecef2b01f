"""The embedding space: maps, nearest neighbors, geometry and properties (the paper's Figures 1, 3a and 6)."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._report import Row
from isoclr.analysis.relations import gene_relations
from isoclr.analysis.retrieval import evaluate_space
from isoclr.analysis.tsne import Coloring, tsne
from isoclr.baselines.features import KmersAndCodons, embed_with_progress
from isoclr.evaluation.cache import Artifact, CachedResult, Outcome
from isoclr.evaluation.context import Context
from isoclr.evaluation.methods import RANDOM_INIT, embeddings, untrained_embeddings
from isoclr.evaluation.plan import Latent
from isoclr.evaluation.studies.finetuning import supervised_embeddings
from isoclr.evaluation.studies.ontology import ontology_files
from isoclr.tasks.gene_ontology import read_aspects
from isoclr.tasks.join import draw_rows, gene_key, join_labels, representatives
from isoclr.tasks.task import OntologyTask, Task

STUDY = "latent"
TERMS = 3  # Terms of each aspect of the Gene Ontology that color a map, as in the paper
PERPLEXITY = 30.0  # Of the map; less for few RNAs
SHUFFLED = "{}, shuffled"
"""Name of the control: the classes of the first aspect, permuted over the RNAs that have one."""
Rows = NDArray[np.int64]


def results(context: Context, study: Latent) -> list[CachedResult]:
    """A map for every model, the untrained encoder and a supervised one, and one study of the neighbors of all."""
    models = context.plan.models
    embedded = {model.name: embeddings(context, model) for model in models}
    embedded[RANDOM_INIT] = untrained_embeddings(context, models[0])
    embedded |= supervised_embeddings(context, study.supervised, study.finetune)
    maps = [_map(context, study, name, artifact) for name, artifact in embedded.items()]
    return [*maps, _neighbors(context, study, embedded)]


def _neighbors(context: Context, study: Latent, embedded: Mapping[str, Artifact]) -> CachedResult:
    inputs = {
        "corpus": context.corpus_identity,
        "embeddings": {name: artifact.key for name, artifact in embedded.items()},
        "queries": study.queries,
        "seed": context.plan.seed,
    }

    def compute() -> Outcome:
        features = {name: context.read(one.path()).matrix for name, one in embedded.items()}
        rnas, codes = context.source(), context.corpus.codes_of
        kmers = KmersAndCodons()
        features[kmers.name] = embed_with_progress(kmers, [codes(row) for row in range(len(context.corpus))])
        relations = gene_relations(rnas.table, rnas.corpus)
        report = evaluate_space(features, relations, codes, sample=study.queries, seed=context.plan.seed)
        return Outcome([{**row, "part": row["study"], "study": STUDY} for row in report.rows()])

    return CachedResult(STUDY, "nearest neighbors, geometry and properties", inputs, compute)


def _map(context: Context, study: Latent, name: str, artifact: Artifact) -> CachedResult:
    tasks = [context.plan.tasks[one].task for one in study.tasks]
    terms = None if study.ontology is None else context.plan.ontologies[study.ontology]
    inputs = {
        "embedding": artifact.key,
        "corpus": context.corpus_identity,
        "species": study.species,
        "sample": study.sample,
        "seed": context.plan.seed,
        "method": name,
        "labels": {one.name: [context.digest(one.table), context.digest(one.source)] for one in tasks},
        "terms": None if terms is None else [*ontology_files(context, terms), SHUFFLED],
    }

    def compute() -> Outcome:
        seed, rnas = context.plan.seed, context.source()
        rows = _sample(rnas.table, study, seed)
        columns = context.corpus.transcripts.select("gene_symbol", "gene_set", "biotype")
        own = rnas.table.drop("symbol", "gene_symbol", strict=False)
        table = pl.concat([own, columns], how="horizontal")[rows]
        placed = tsne(
            context.read(artifact.path()).matrix[rows],
            table,
            gene_relations(rnas.table, rnas.corpus).gene_set[rows],
            _colorings(context, study, table),
            perplexity=min(PERPLEXITY, (len(rows) - 1) / 3),
            seed=seed,
        )
        agreement: list[Row] = [{**row, "part": "map", "method": name, "study": STUDY} for row in placed.rows()]
        colorings = {column: {"kind": one.kind, "skewed": one.skewed} for column, one in placed.colorings.items()}
        return Outcome(agreement, {"method": name, "colorings": colorings}, {"map": placed.table})

    return CachedResult(STUDY, f"map of {name}", inputs, compute)


def _sample(table: pl.DataFrame, study: Latent, seed: int) -> Rows:
    """Random coding RNAs, one per gene, of one species or all: the same for every method."""
    coding = table.with_row_index("row").with_columns(gene_key()).filter(pl.col("cds_length") > 0)
    if study.species is not None:
        coding = coding.filter(pl.col("species") == study.species)
    rows = representatives(coding, "gene")["row"].to_numpy().astype(np.int64)
    return draw_rows(rows, study.sample, seed)


def _colorings(context: Context, study: Latent, table: pl.DataFrame) -> list[Coloring]:
    colorings = [Coloring("length", "quantity", table["length"].cast(pl.Float64), skewed=True)]
    if study.species is None:
        colorings.append(Coloring("species", "class", table["species"]))
    for name in study.tasks:
        task = context.plan.tasks[name].task
        of_the_map = study.species is None or task.species in (None, study.species)
        if task.construct is None and of_the_map:
            colorings.append(_label(task, table))
    if study.ontology is not None:
        terms = _terms(context.plan.ontologies[study.ontology], table)
        colorings += [*terms, _shuffle(terms[0], context.plan.seed)]
    return colorings


def _label(task: Task, table: pl.DataFrame) -> Coloring:
    rows, part = _of_species(task.species, table)
    samples = join_labels(task.labels(), part)
    values = np.full(table.height, np.nan)
    values[rows[samples.rows]] = samples.values
    return Coloring(task.name, "quantity", pl.Series(values, nan_to_null=True))


def _of_species(species: str | None, table: pl.DataFrame) -> tuple[Rows, pl.DataFrame]:
    """Rows of a species, and those RNAs: a symbol may name a gene of another species too."""
    own = pl.Series(np.ones(table.height, bool)) if species is None else table["species"] == species
    return np.flatnonzero(own.to_numpy()), table.filter(own)


def _terms(task: OntologyTask, table: pl.DataFrame) -> list[Coloring]:
    """The three most common terms of each aspect; a gene with several of them has no color."""
    colorings = []
    rows, part = _of_species(task.species, table)
    for aspect in read_aspects(task, part, classes=TERMS)[0]:
        values: list[str | None] = [None] * table.height
        for row, terms in zip(rows[aspect.samples.rows], aspect.labels, strict=True):
            if terms.sum() == 1:
                values[row] = aspect.terms[int(terms.argmax())].name
        colorings.append(Coloring(aspect.title, "class", pl.Series(values, dtype=pl.String)))
    return colorings


def _shuffle(one: Coloring, seed: int) -> Coloring:
    """The same RNAs with the same classes in random order: an apparent pattern is chance (Figure 6)."""
    known = one.values.is_not_null().to_numpy()
    values = np.full(len(known), None, object)
    values[known] = np.random.default_rng(seed).permutation(one.values.drop_nulls().to_numpy())
    shuffled = pl.Series(values.tolist(), dtype=one.values.dtype)
    return Coloring(SHUFFLED.format(one.name), one.kind, shuffled)
