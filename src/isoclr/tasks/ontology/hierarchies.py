"""From annotated genes to a multi-label task for each hierarchy of the ontology."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.errors import InputError
from isoclr.gene_sets.ids import read_gene_ids
from isoclr.tasks.labels import Labels
from isoclr.tasks.ontology.gene_terms import GeneTerms, gene_terms
from isoclr.tasks.ontology.obo import Ontology, Term, read_obo
from isoclr.tasks.samples import Samples, match
from isoclr.tasks.task import OntologyTask, check_at_hand


@dataclass(frozen=True)
class Hierarchy:
    """One hierarchy as a multi-label task.

    Attributes:
        namespace: such as ``biological_process``.
        terms: the classes, the most common first.
        samples: one RNA a gene, of genes annotated in this hierarchy: of another, having no term means nothing.
        labels: ``(n, c)`` which sample has which term, directly or by way of a term below it.
    """

    namespace: str
    terms: Sequence[Term]
    samples: Samples
    labels: NDArray[np.bool_]


def hierarchies(
    task: OntologyTask,
    transcripts: pl.DataFrame,
    *,
    evidence: Sequence[str] | None = None,
    classes: int | None = None,
) -> tuple[list[Hierarchy], dict[str, int]]:
    """The most common terms at a depth of each hierarchy, and which RNAs have them.

    A gene's terms are its direct ones and all that these are a kind or part of. The depth of a term is that of the
    shortest path of ``is_a`` from the root. Terms are counted among the genes of the RNAs at hand.

    Args:
        task: the ontology, the annotations and the ids.
        transcripts: the RNAs: ``transcript_id, gene_id, species, length, cds_length``; one stands for each gene (see
            :func:`isoclr.tasks.representatives.representatives`).
        evidence: use annotations of these evidence codes only.
        classes: how many terms of each hierarchy; None: what the task says.

    Returns:
        The hierarchies in alphabetical order, and counts of what was left out, by reason.

    Raises:
        InputError: a file that cannot be used, no gene in common, or too few terms at that depth.
    """
    for path in filter(None, (task.terms, task.annotations, task.gene_ids)):
        check_at_hand(path, task.name)
    ontology = read_obo(task.terms)
    annotated = gene_terms(task.annotations, ontology, task.species, evidence)
    by_id, several = _by_gene_id(task, annotated)
    samples = match(_as_labels(task.annotations, by_id), transcripts)
    keys = [gene.partition("|")[2] for gene in samples.table["gene"]]
    direct = [by_id[key] for key in keys]
    found = [
        _hierarchy(ontology, namespace, task, classes or task.classes, samples, direct)
        for namespace in sorted({ontology.terms[root].namespace for root in ontology.roots})
    ]
    counts = {
        "annotated genes of NCBI": len(annotated.terms),
        "annotated gene ids without an RNA": samples.unmatched,
        "gene ids that share a gene of NCBI": several,
        **{f"annotations dropped: {reason}": n for reason, n in annotated.dropped.items() if n},
    }
    return found, counts


def term_table(found: Sequence[Hierarchy], terms: int = 3) -> pl.DataFrame:
    """Which RNA has which of the most common terms, for a map coloured by function.

    Args:
        found: the hierarchies.
        terms: how many of each.

    Returns:
        ``transcript_id, gene_id, hierarchy, term_id, term``, a row for every RNA and term that it has.
    """
    parts = [
        hierarchy.samples.table.filter(pl.Series(hierarchy.labels[:, i])).select(
            "transcript_id",
            "gene_id",
            hierarchy=pl.lit(hierarchy.namespace),
            term_id=pl.lit(term.id),
            term=pl.lit(term.name),
        )
        for hierarchy in found
        for i, term in enumerate(hierarchy.terms[:terms])
    ]
    return pl.concat(parts)


def _by_gene_id(task: OntologyTask, annotated: GeneTerms) -> tuple[dict[str, frozenset[str]], int]:
    """The corpus' gene id (without version) → terms; and how many ids share a gene with another."""
    if task.gene_ids is None:
        return {str(gene): terms for gene, terms in annotated.terms.items()}, 0
    pairs = read_gene_ids(task.gene_ids).select("gene_id", "entrez").drop_nulls().unique()
    found: dict[str, frozenset[str]] = {}
    for gene_id, number in pairs.sort("gene_id", "entrez").iter_rows():
        if number in annotated.terms:
            found[gene_id] = found.get(gene_id, frozenset()) | annotated.terms[number]
    if not found:
        raise InputError(
            f"{task.gene_ids}: none of its {pairs.height:,} genes is annotated in {annotated.path}; "
            f"expected gene ids of {task.species}"
        )
    shared = pairs.filter(pl.col("gene_id").is_in(list(found)))
    return found, shared.height - shared["entrez"].n_unique()


def _as_labels(path: Path, genes: Mapping[str, frozenset[str]]) -> Labels:
    """Annotated genes as a table of labels, to be joined with RNAs as any other; the value is the number of terms."""
    table = pl.DataFrame(
        {
            "line": range(len(genes)),
            "id": list(genes),
            "value": [float(len(terms)) for terms in genes.values()],
        },
        schema={"line": pl.Int64, "id": pl.String, "value": pl.Float64},
    )
    nothing = pl.lit(None, pl.String)
    return Labels(path, "terms", "gene_id", table.with_columns(fold=nothing, chromosome=nothing), 0)


def _hierarchy(
    ontology: Ontology,
    namespace: str,
    task: OntologyTask,
    classes: int,
    samples: Samples,
    direct: Sequence[frozenset[str]],
) -> Hierarchy:
    above = {
        name: {
            one for one in ontology.ancestors[name] if ontology.terms[one].namespace == namespace
        }
        - set(ontology.roots)
        for name in frozenset().union(*direct)
    }
    inside = [set().union(*(above[name] for name in terms)) for terms in direct]
    keep = np.array([bool(terms) for terms in inside])
    inside = [terms for terms in inside if terms]
    counts = Counter(
        name for terms in inside for name in terms if ontology.depth.get(name) == task.depth
    )
    common = sorted(counts, key=lambda name: (-counts[name], name))[:classes]
    if len(common) < classes:
        raise InputError(
            f"{task.terms}: the {len(inside):,} annotated genes at hand have {len(common)} terms of "
            f"{namespace} at depth {task.depth}, expected {classes} or more"
        )
    labels = np.array([[name in terms for name in common] for terms in inside], bool)
    return Hierarchy(
        namespace, [ontology.terms[name] for name in common], samples.select(keep), labels
    )
