"""Gene Ontology: terms from OBO files, terms of genes from gene2go, and multi-label tasks made of them."""

from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import compress
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.errors import InputError
from isoclr.genomics.homology import read_gene_ids
from isoclr.genomics.species import taxid_of
from isoclr.genomics.text import cells, file_bytes, table_text
from isoclr.tasks.join import Samples, join_labels
from isoclr.tasks.labels import Labels
from isoclr.tasks.task import OntologyTask, check_exists

OBO_EXPECTED = "an ontology in OBO format, such as go.obo or go-basic.obo"


@dataclass(frozen=True)
class Term:
    """A term of an ontology."""

    id: str  # Such as GO:0005634
    name: str  # Such as nucleus
    namespace: str  # Its aspect: biological_process, cellular_component or molecular_function
    is_a: tuple[str, ...]  # Ids of the terms that it is a kind of
    part_of: tuple[str, ...]  # Ids of the terms that it is a part of, also of other aspects

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of the terms that it is a kind or part of."""
        return (*self.is_a, *self.part_of)


@dataclass(frozen=True)
class Ontology:
    """The terms in use."""

    path: Path
    terms: dict[str, Term]  # Id → term
    alternative: dict[str, str]  # Id of a merged term → id of the term it was merged into
    obsolete: frozenset[str]  # Ids that are no longer in use

    def find(self, name: str) -> Term | None:
        """The term of an id, also of a merged one; None for an unknown or obsolete id."""
        return self.terms.get(self.alternative.get(name, name))

    @cached_property
    def ancestors(self) -> dict[str, frozenset[str]]:
        """Term → itself and all terms that it is a kind or part of, directly or indirectly.

        A gene with the term has all of these (the true-path rule).
        """
        ancestors: dict[str, frozenset[str]] = {}
        parents = {term.id: term.parents for term in self.terms.values()}
        try:
            for name in TopologicalSorter(parents).static_order():
                ancestors[name] = frozenset({name}).union(*(ancestors[p] for p in parents[name]))
        except CycleError as error:
            raise InputError(f"{self.path}: terms {', '.join(error.args[1][:4])} form a cycle") from None
        return ancestors

    @cached_property
    def depth(self) -> dict[str, int]:
        """Term → length of the shortest path of ``is_a`` from the root of its aspect, for terms with such a path."""
        children: dict[str, list[str]] = {name: [] for name in self.terms}
        for term in self.terms.values():
            for parent in term.is_a:
                if self.terms[parent].namespace == term.namespace:
                    children[parent].append(term.id)
        depth = dict.fromkeys(self.roots, 0)
        queue = deque(self.roots)
        while queue:
            name = queue.popleft()
            for child in children[name]:
                if child not in depth:
                    depth[child] = depth[name] + 1
                    queue.append(child)
        return depth

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """Ids of the terms without parents: one per aspect."""
        return tuple(term.id for term in self.terms.values() if not term.parents)


def read_obo(path: Path | str) -> Ontology:
    """Read an ontology in OBO format (1.2 or 1.4), plain or gz.

    Of the relationships only ``is_a`` and ``part_of`` are read: what is true of a term is true of the terms it is a
    kind or part of, but not of those it ``regulates``.
    """
    path = Path(path)
    terms: dict[str, Term] = {}
    alternative: dict[str, str] = {}
    obsolete = set()
    for line, tags in _stanzas(path):
        name = tags.get("id", [""])[0]
        if not name:
            raise InputError(f"{path}: line {line}: [Term] has no id, expected one")
        if name in terms or name in obsolete:
            raise InputError(f"{path}: line {line}: term {name} is given twice, expected it once")
        if tags.get("is_obsolete") == ["true"]:
            obsolete.add(name)
            continue
        if "namespace" not in tags:
            raise InputError(f"{path}: line {line}: term {name} has no namespace, expected one")
        alternative |= dict.fromkeys(tags.get("alt_id", []), name)
        related = [value.split() for value in tags.get("relationship", [])]
        terms[name] = Term(
            id=name,
            name=tags.get("name", [name])[0],
            namespace=tags["namespace"][0],
            is_a=tuple(value.split()[0] for value in tags.get("is_a", []) if value),
            part_of=tuple(words[1] for words in related if words[:1] == ["part_of"] and words[1:]),
        )
    if not terms:
        raise InputError(f"{path}: has no [Term], expected {OBO_EXPECTED}")
    for term in terms.values():
        missing = next((parent for parent in term.parents if parent not in terms), None)
        if missing is not None:
            raise InputError(
                f"{path}: term {term.id}: its parent {missing} is not among the {len(terms):,} terms in use, expected "
                "a whole ontology"
            )
    return Ontology(path, terms, alternative, frozenset(obsolete))


def _stanzas(path: Path) -> Iterator[tuple[int, dict[str, list[str]]]]:
    """First line and ``tag: value`` pairs of each ``[Term]``."""
    text = file_bytes(path, OBO_EXPECTED).decode("utf-8", "replace")
    line = 0
    tags: dict[str, list[str]] | None = None
    for number, row in enumerate(text.splitlines(), 1):
        if row.startswith("["):
            if tags is not None:
                yield line, tags
            line, tags = number, {} if row.strip() == "[Term]" else None
        elif tags is not None and ":" in row:
            tag, _, value = row.partition(":")
            tags.setdefault(tag.strip(), []).append(value.partition(" ! ")[0].strip())
    if tags is not None:
        yield line, tags


COLUMNS = ("tax_id", "gene", "term", "evidence", "qualifier")
GENE_TERMS_EXPECTED = "NCBI's gene2go: tax_id, GeneID, GO_ID, Evidence, Qualifier, GO_term, PubMed, Category"


@dataclass(frozen=True)
class GeneTerms:
    """The direct terms of the genes of one species."""

    terms: dict[int, frozenset[str]]  # NCBI gene id → ids of its terms in use
    dropped: Counter[str]
    """Annotations left out, by reason: ``other_species``, ``not`` (the gene was shown *not* to have the term),
    ``evidence`` (other evidence codes than requested), ``obsolete_term``, ``unknown_term``."""


def gene_terms(
    path: Path | str, ontology: Ontology, species: str, evidence: Collection[str] | None = None
) -> GeneTerms:
    """Read the annotations of one species.

    Args:
        ontology: The ontology. Merged terms are replaced, obsolete ones dropped.
        evidence: Keep only annotations of these evidence codes, such as ``EXP IDA IMP``; None keeps all.
    """
    path = Path(path)
    taxid = taxid_of(species)
    if taxid is None:
        raise InputError(f"species {species!r} is not known, expected its name or taxonomy number")
    data = table_text(path, GENE_TERMS_EXPECTED)
    header = data.split(b"\n", 1)[0].decode("utf-8", "replace").lstrip("#").split("\t")
    if [name.strip().lower() for name in header[:3]] != ["tax_id", "geneid", "go_id"]:
        raise InputError(f"{path}: line 1 is {' '.join(header)[:80]!r}, expected {GENE_TERMS_EXPECTED}")
    table = cells(path, data, COLUMNS, skip=1)
    denied = pl.col("qualifier").fill_null("").str.contains(r"(?i)\bNOT\b")
    filters = {"other_species": pl.col("tax_id").str.strip_chars() == str(taxid), "not": ~denied}
    if evidence is not None:
        filters["evidence"] = pl.col("evidence").is_in(list(evidence))
    dropped, kept = Counter[str](), table
    for reason, condition in filters.items():
        before, kept = kept.height, kept.filter(condition)
        dropped[reason] = before - kept.height
    genes: dict[int, set[str]] = {}
    for line, number, name in kept.select("line", "gene", "term").iter_rows():
        term = ontology.find(name or "")
        if term is None:
            dropped["obsolete_term" if name in ontology.obsolete else "unknown_term"] += 1
            continue
        if not (number or "").isdecimal() or len(number) > 18:
            raise InputError(f"{path}: line {line}: GeneID is {number!r}, expected a number")
        genes.setdefault(int(number), set()).add(term.id)
    if not genes:
        raise InputError(
            f"{path}: no annotation of {species} (taxonomy number {taxid}) is left of {table.height:,}; dropped: "
            + ", ".join(f"{n:,} {reason}" for reason, n in dropped.items() if n)
        )
    return GeneTerms({gene: frozenset(terms) for gene, terms in genes.items()}, dropped)


@dataclass(frozen=True)
class Aspect:
    """One aspect of the Gene Ontology as a multi-label task."""

    namespace: str  # biological_process, cellular_component or molecular_function
    terms: Sequence[Term]  # The classes, the most common first
    samples: Samples
    """One RNA per gene, of genes annotated in this aspect: elsewhere a missing term means nothing."""
    labels: NDArray[np.bool_]
    """``(n, c)`` whether the gene has the term, directly or through a more specific one."""

    @property
    def title(self) -> str:
        """The namespace in words."""
        return self.namespace.replace("_", " ")


def read_aspects(
    task: OntologyTask, transcripts: pl.DataFrame, *, evidence: Sequence[str] | None = None, classes: int | None = None
) -> tuple[list[Aspect], dict[str, int]]:
    """The most common terms at one depth of each aspect, and the RNAs that have them.

    A gene has its direct terms and all their ancestors. The depth of a term is the length of the shortest path of
    ``is_a`` from the root. Terms are counted among the genes of the given RNAs.

    Args:
        transcripts: ``transcript_id, gene_id, species, length, cds_length``; one RNA represents each gene (see
            :func:`isoclr.tasks.join.representatives`).

    Returns:
        The aspects in alphabetical order, and counts of what was left out, by reason.
    """
    ontology, annotated, by_id, several = read_gene_terms(task, evidence)
    samples = join_labels(_as_labels(task.annotations, by_id), transcripts)
    keys = [gene.partition("|")[2] for gene in samples.table["gene"]]
    direct = [by_id[key] for key in keys]
    aspects = [
        _aspect(ontology, namespace, task, classes or task.classes, samples, direct)
        for namespace in sorted({ontology.terms[root].namespace for root in ontology.roots})
    ]
    counts = {
        "annotated genes of NCBI": len(annotated.terms),
        "annotated gene ids without an RNA": samples.unmatched,
        "gene ids that share a gene of NCBI": several,
        **{f"annotations dropped: {reason}": n for reason, n in annotated.dropped.items() if n},
    }
    return aspects, counts


def read_gene_terms(
    task: OntologyTask, evidence: Sequence[str] | None = None
) -> tuple[Ontology, GeneTerms, dict[str, frozenset[str]], int]:
    """The ontology of a task and the direct terms of genes.

    Returns:
        The ontology; the annotations by NCBI gene id; the direct terms by the corpus' gene id, without version; and the
        number of ids that share a gene with another.
    """
    for path in filter(None, (task.terms, task.annotations, task.gene_ids)):
        check_exists(path, task.name)
    ontology = read_obo(task.terms)
    annotated = gene_terms(task.annotations, ontology, task.species, evidence)
    return ontology, annotated, *_by_gene_id(task, annotated)


def _by_gene_id(task: OntologyTask, annotated: GeneTerms) -> tuple[dict[str, frozenset[str]], int]:
    """The corpus' gene id (without version) → terms; and the number of ids that share a gene with another."""
    if task.gene_ids is None:
        return {str(gene): terms for gene, terms in annotated.terms.items()}, 0
    pairs = read_gene_ids(task.gene_ids).select("gene_id", "entrez").drop_nulls().unique()
    terms: dict[str, frozenset[str]] = {}
    for gene_id, number in pairs.sort("gene_id", "entrez").iter_rows():
        if number in annotated.terms:
            terms[gene_id] = terms.get(gene_id, frozenset()) | annotated.terms[number]
    if not terms:
        raise InputError(
            f"{task.gene_ids}: none of its {pairs.height:,} genes is annotated in {task.annotations}; "
            f"expected gene ids of {task.species}"
        )
    shared = pairs.filter(pl.col("gene_id").is_in(list(terms)))
    return terms, shared.height - shared["entrez"].n_unique()


def _as_labels(path: Path, genes: Mapping[str, frozenset[str]]) -> Labels:
    """Annotated genes as labels, to be joined with RNAs; the value is the number of terms."""
    table = pl.DataFrame(
        {"line": range(len(genes)), "id": list(genes), "value": [float(len(terms)) for terms in genes.values()]},
        schema={"line": pl.Int64, "id": pl.String, "value": pl.Float64},
    )
    null = pl.lit(None, pl.String)
    return Labels(path, "terms", "gene_id", table.with_columns(fold=null, chromosome=null), 0)


def _aspect(
    ontology: Ontology,
    namespace: str,
    task: OntologyTask,
    classes: int,
    samples: Samples,
    direct: Sequence[frozenset[str]],
) -> Aspect:
    of_aspect = {name for name, term in ontology.terms.items() if term.namespace == namespace}
    of_aspect -= set(ontology.roots)
    candidates = {name for name in of_aspect if ontology.depth.get(name) == task.depth}
    used = {name: ontology.ancestors[name] for name in frozenset().union(*direct)}
    known = {name for name, ancestors in used.items() if not ancestors.isdisjoint(of_aspect)}
    implied = {name: ancestors & candidates for name, ancestors in used.items()}
    keep = np.array([not terms.isdisjoint(known) for terms in direct])
    by_gene = [frozenset().union(*(implied[name] for name in terms)) for terms in compress(direct, keep)]
    counts = Counter(name for terms in by_gene for name in terms)
    common = sorted(counts, key=lambda name: (-counts[name], name))[:classes]
    if len(common) < classes:
        raise InputError(
            f"{task.terms}: the {len(by_gene):,} annotated genes have {len(common)} terms of "
            f"{namespace} at depth {task.depth}, expected {classes} or more"
        )
    labels = np.array([[name in terms for name in common] for terms in by_gene], bool)
    return Aspect(namespace, [ontology.terms[name] for name in common], samples.select(keep), labels)
