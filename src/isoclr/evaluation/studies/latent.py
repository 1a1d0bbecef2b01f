"""The embedding space: maps of it, and what the nearest neighbours are (the paper's Figures 1, 3a and 6)."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import progress
from isoclr.analysis.geometry import alignment_uniformity, probe_properties
from isoclr.analysis.relations import gene_relations
from isoclr.analysis.retrieval import evaluate_retrieval
from isoclr.analysis.tsne import Coloring, tsne
from isoclr.baselines.features import KmersAndCodons
from isoclr.embedding.embed import nt_progress
from isoclr.embedding.embeddings import Embeddings
from isoclr.evaluation.cache import Artifact, CachedResult, Context, Outcome, Row
from isoclr.evaluation.methods import RANDOM_INIT, embeddings, untrained_embeddings
from isoclr.evaluation.networks import supervised_embeddings
from isoclr.evaluation.plan import Latent
from isoclr.tasks.gene_ontology import read_aspects
from isoclr.tasks.labels import gene_key, join_labels, representatives
from isoclr.tasks.task import OntologyTask

STUDY = "latent"
TERMS = 3
"""Terms of each hierarchy that a map is coloured by, as in the paper."""
PERPLEXITY = 30.0
"""Neighbours of an RNA on the map, about; fewer where there are few RNAs."""
SHUFFLED = "{}, shuffled"
"""Name of the control: the colours of the first hierarchy, dealt anew to the RNAs that have one."""
Matrix = NDArray[np.float32]


def cells(bench: Context, study: Latent) -> list[CachedResult]:
    """A map for every model, the untrained encoder and a supervised one, and one study of the neighbours of all."""
    embedded = {m.name: embeddings(bench, m) for m in bench.plan.models}
    embedded[RANDOM_INIT] = untrained_embeddings(bench, bench.plan.models[0])
    embedded |= supervised_embeddings(bench, study.supervised, study.options)
    maps = [_map(bench, study, name, product) for name, product in embedded.items()]
    return [*maps, _neighbours(bench, study, embedded)]


def _neighbours(bench: Context, study: Latent, embedded: dict[str, Artifact]) -> CachedResult:
    inputs = {
        "corpus": bench.identity,
        "embeddings": {name: product.key for name, product in embedded.items()},
        "queries": study.queries,
        "seed": bench.plan.seed,
    }

    def compute() -> Outcome:
        methods = {name: bench.read(product.path()).matrix for name, product in embedded.items()}
        methods[KmersAndCodons.name] = _kmers(bench)
        rows = _of_neighbours(bench, study, methods)
        return Outcome([{**row, "part": row["study"], "study": STUDY} for row in rows])

    return CachedResult(STUDY, "nearest neighbours, geometry, and what is encoded", inputs, compute)


def _of_neighbours(bench: Context, study: Latent, methods: dict[str, Matrix]) -> list[Row]:
    rnas, seed = bench.rnas(), bench.plan.seed
    known = gene_relations(rnas.table, rnas.corpus)
    queries = min(study.queries, len(known))
    with progress() as bar:
        searched = bar.add_task("neighbours", total=queries * len(methods))
        found = evaluate_retrieval(
            methods,
            known,
            sample=queries,
            seed=seed,
            progress=lambda n: bar.advance(searched, n),
        )
        spread = alignment_uniformity(methods, known, seed=seed)
        fits = bar.add_task("properties", total=None)
        read = probe_properties(
            methods, known, rnas.codes_of, seed=seed, progress=lambda n: bar.advance(fits, n)
        )
    return [*found.rows(), *spread, *read]


def _kmers(bench: Context) -> Matrix:
    rnas = bench.rnas()
    codes = [rnas.codes_of(row) for row in range(rnas.table.height)]
    with nt_progress() as bar:
        task = bar.add_task(KmersAndCodons.name, total=sum(map(len, codes)))
        return KmersAndCodons().embed(codes, progress=lambda done: bar.advance(task, done))


def _map(bench: Context, study: Latent, name: str, product: Artifact) -> CachedResult:
    asked = [bench.plan.tasks[one] for one in study.tasks]
    terms = study.ontology
    inputs = {
        "embedding": product.key,
        "corpus": bench.identity,
        "species": study.species,
        "sample": study.sample,
        "seed": bench.plan.seed,
        "method": name,
        "labels": {
            one.name: [bench.digest(one.task.table), bench.digest(one.task.source)] for one in asked
        },
        "terms": None if terms is None else [bench.digest(path) for path in _files(terms)],
    }
    if terms is not None:
        inputs["control"] = SHUFFLED

    def compute() -> Outcome:
        return _drawn(bench, study, name, bench.read(product.path()))

    return CachedResult(STUDY, f"map of {name}", inputs, compute)


def _drawn(bench: Context, study: Latent, name: str, read: Embeddings) -> Outcome:
    rnas = bench.rnas()
    rows = _shown(rnas.table, study, bench.plan.seed)
    facts = bench.corpus.transcripts.select("gene_symbol", "gene_set", "biotype")
    table = pl.concat([rnas.table, facts], how="horizontal")[rows]
    known = gene_relations(rnas.table, rnas.corpus)
    colours = _colours(bench, study, table)
    found = tsne(
        read.matrix[rows],
        table,
        known.gene_set[rows],
        colours,
        perplexity=min(PERPLEXITY, (len(rows) - 1) / 3),
        seed=bench.plan.seed,
    )
    told: list[Row] = [
        {**row, "part": "map", "method": name, "study": STUDY} for row in found.rows()
    ]
    kinds = {one.name: {"kind": one.kind, "skewed": one.skewed} for one in colours}
    return Outcome(told, {"method": name, "colours": kinds}, {"map": found.table})


def _shown(table: pl.DataFrame, study: Latent, seed: int) -> NDArray[np.int64]:
    """One coding RNA a gene, of one species or all, so many at random: the same for every method."""
    named = table.with_row_index("row").with_columns(gene_key()).filter(pl.col("cds_length") > 0)
    if study.species is not None:
        named = named.filter(pl.col("species") == study.species)
    rows = np.sort(representatives(named, "gene")["row"].to_numpy().astype(np.int64))
    if study.sample < len(rows):
        rows = np.sort(np.random.default_rng(seed).choice(rows, study.sample, replace=False))
    return rows


def _colours(bench: Context, study: Latent, table: pl.DataFrame) -> list[Coloring]:
    found = [Coloring("length", "quantity", table["length"].cast(pl.Float64), skewed=True)]
    if study.species is None:
        found.append(Coloring("species", "class", table["species"]))
    for name in study.tasks:
        task = bench.plan.tasks[name].task
        of_the_map = study.species is None or task.species in (None, study.species)
        if task.construct is None and of_the_map:
            rows, part = _of_species(task.species, table)
            samples = join_labels(task.labels(), part)
            values = _spread(table.height, rows[samples.rows], samples.values.tolist())
            found.append(Coloring(name, "quantity", pl.Series(values, dtype=pl.Float64)))
    if study.ontology is not None:
        terms = _terms(study.ontology, table)
        found += [*terms, _shuffled(terms[0], bench.plan.seed)]
    return found


def _of_species(species: str | None, table: pl.DataFrame) -> tuple[NDArray[np.int64], pl.DataFrame]:
    """Rows of the RNAs that labels are of, and those RNAs: a symbol may name a gene of another species too."""
    own = pl.Series(np.ones(table.height, bool)) if species is None else table["species"] == species
    return np.flatnonzero(own.to_numpy()), table.filter(own)


def _files(task: OntologyTask) -> list[Path]:
    """Everything that decides a task's terms."""
    ids = [] if task.gene_ids is None else [task.gene_ids]
    return [task.source, task.terms, task.annotations, *ids]


def _terms(task: OntologyTask, table: pl.DataFrame) -> list[Coloring]:
    """For each hierarchy its three commonest terms; a gene with several of them has no colour of its own."""
    found = []
    rows, part = _of_species(task.species, table)
    for one in read_aspects(task, part, classes=TERMS)[0]:
        names = [term.name for term in one.terms]
        words = [names[int(row.argmax())] if row.sum() == 1 else None for row in one.labels]
        values = _spread(table.height, rows[one.samples.rows], words)
        title = one.namespace.replace("_", " ")
        found.append(Coloring(title, "class", pl.Series(values, dtype=pl.String)))
    return found


def _shuffled(one: Coloring, seed: int) -> Coloring:
    """The same RNAs in the same colours, dealt at random: what looks like a pattern here is none (Figure 6)."""
    known = one.values.is_not_null().to_numpy()
    dealt = np.random.default_rng(seed).permutation(one.values.drop_nulls().to_numpy())
    values = _spread(len(known), np.flatnonzero(known), dealt.tolist())
    return Coloring(SHUFFLED.format(one.name), one.kind, pl.Series(values, dtype=one.values.dtype))


def _spread(n: int, rows: NDArray[np.int64], values: list[Any]) -> list[Any]:
    """Values at their rows, nothing elsewhere."""
    found: list[Any] = [None] * n
    for row, value in zip(rows, values, strict=True):
        found[int(row)] = value
    return found
