"""The gene ontology as a graph of terms, read from OBO files."""

from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.errors import InputError
from isoclr.genomics.homology import read_gene_ids
from isoclr.genomics.species import taxid_of
from isoclr.genomics.text import cells, file_bytes, table_text
from isoclr.tasks.labels import Labels, Samples, join_labels
from isoclr.tasks.task import OntologyTask, check_exists

OBO_EXPECTED = "an ontology in OBO format, such as go.obo or go-basic.obo"


@dataclass(frozen=True)
class Term:
    """One term.

    Attributes:
        id: such as ``GO:0005634``.
        name: such as ``nucleus``.
        namespace: its hierarchy: ``biological_process``, ``cellular_component`` or ``molecular_function``.
        is_a: ids of the terms that it is a kind of.
        part_of: ids of the terms that it is a part of, of another hierarchy too.
    """

    id: str
    name: str
    namespace: str
    is_a: tuple[str, ...]
    part_of: tuple[str, ...]


@dataclass(frozen=True)
class Ontology:
    """All terms that are in use, and what has become of the others.

    Attributes:
        path: the file.
        terms: id → term.
        alternative: an id that was merged into another term → that term's.
        obsolete: ids that are no longer in use.
    """

    path: Path
    terms: dict[str, Term]
    alternative: dict[str, str]
    obsolete: frozenset[str]

    def find(self, name: str) -> Term | None:
        """The term of an id, also of one that was merged into it; None for an unknown or obsolete one."""
        return self.terms.get(self.alternative.get(name, name))

    @cached_property
    def ancestors(self) -> dict[str, frozenset[str]]:
        """Term → itself and every term that it is a kind or part of, directly or not.

        An RNA's gene that has a term has all of these (the true-path rule).
        """
        found: dict[str, frozenset[str]] = {}
        for name in self._parents_first:
            parents = (*self.terms[name].is_a, *self.terms[name].part_of)
            found[name] = frozenset({name}).union(*(found[parent] for parent in parents))
        return found

    @cached_property
    def depth(self) -> dict[str, int]:
        """Term → steps from the root of its hierarchy: the shortest path of ``is_a``; the root has 0.

        A term that no such path joins to a root has none.
        """
        children: dict[str, list[str]] = {name: [] for name in self.terms}
        for term in self.terms.values():
            for parent in term.is_a:
                if self.terms[parent].namespace == term.namespace:
                    children[parent].append(term.id)
        depth = dict.fromkeys(self.roots, 0)
        waiting = deque(self.roots)
        while waiting:
            name = waiting.popleft()
            for child in children[name]:
                if child not in depth:
                    depth[child] = depth[name] + 1
                    waiting.append(child)
        return depth

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """The terms that are no kind and no part of anything: one a hierarchy."""
        return tuple(t.id for t in self.terms.values() if not t.is_a and not t.part_of)

    @cached_property
    def _parents_first(self) -> list[str]:
        """All terms, each after everything that it is a kind or part of.

        Raises:
            InputError: the terms go round in a circle.
        """
        missing = {t.id: len(t.is_a) + len(t.part_of) for t in self.terms.values()}
        children: dict[str, list[str]] = {name: [] for name in self.terms}
        for term in self.terms.values():
            for parent in (*term.is_a, *term.part_of):
                children[parent].append(term.id)
        order = [name for name, count in missing.items() if count == 0]
        for name in order:  # grows while it is read
            for child in children[name]:
                missing[child] -= 1
                if missing[child] == 0:
                    order.append(child)
        if len(order) < len(missing):
            stuck = next(name for name, count in missing.items() if count)
            raise InputError(
                f"{self.path}: term {stuck}: is a kind or part of itself by way of others, expected no circle"
            )
        return order


def read_obo(path: Path | str) -> Ontology:
    """Read an ontology in OBO format (1.2 or 1.4), plain or gz.

    Only ``is_a`` and ``relationship: part_of`` join terms here: what is true of a term is true of the terms it is a
    kind or part of, which cannot be said of ``regulates``.

    Args:
        path: such as ``go-basic.obo``.

    Raises:
        InputError: not OBO, a term without an id or hierarchy or given twice, a parent that is not there, or a circle.
    """
    path = Path(path)
    terms: dict[str, Term] = {}
    alternative: dict[str, str] = {}
    obsolete = set()
    for line, fields in _stanzas(path):
        name = fields["id"][0]
        if name in terms or name in obsolete:
            raise InputError(f"{path}: line {line}: term {name} is given twice, expected it once")
        if fields.get("is_obsolete", [""])[0] == "true":
            obsolete.add(name)
            continue
        alternative |= dict.fromkeys(fields.get("alt_id", []), name)
        terms[name] = _term(path, line, fields)
    if not terms:
        raise InputError(f"{path}: has no [Term], expected {OBO_EXPECTED}")
    found = Ontology(path, terms, alternative, frozenset(obsolete))
    _check_parents(found)
    return found


def _stanzas(path: Path) -> Iterator[tuple[int, dict[str, list[str]]]]:
    """Line and ``tag: value`` pairs of every ``[Term]``."""
    text = file_bytes(path, OBO_EXPECTED).decode("utf-8", "replace")
    line = 0
    fields: dict[str, list[str]] | None = None
    for number, row in enumerate(text.splitlines(), 1):
        if row.startswith("["):
            if fields is not None:
                yield line, _with_id(path, line, fields)
            line, fields = number, {} if row.strip() == "[Term]" else None
        elif fields is not None and ":" in row:
            tag, _, value = row.partition(":")
            fields.setdefault(tag.strip(), []).append(value.partition(" ! ")[0].strip())
    if fields is not None:
        yield line, _with_id(path, line, fields)


def _with_id(path: Path, line: int, fields: dict[str, list[str]]) -> dict[str, list[str]]:
    if not fields.get("id", [""])[0]:
        raise InputError(f"{path}: line {line}: [Term] has no id, expected one")
    return fields


def _term(path: Path, line: int, fields: dict[str, list[str]]) -> Term:
    if "namespace" not in fields:
        raise InputError(
            f"{path}: line {line}: term {fields['id'][0]} has no namespace, expected one"
        )
    related = [value.split() for value in fields.get("relationship", [])]
    return Term(
        id=fields["id"][0],
        name=fields.get("name", [fields["id"][0]])[0],
        namespace=fields["namespace"][0],
        is_a=tuple(value.split()[0] for value in fields.get("is_a", []) if value),
        part_of=tuple(words[1] for words in related if len(words) > 1 and words[0] == "part_of"),
    )


def _check_parents(ontology: Ontology) -> None:
    for term in ontology.terms.values():
        for parent in (*term.is_a, *term.part_of):
            if parent not in ontology.terms:
                raise InputError(
                    f"{ontology.path}: term {term.id}: its parent {parent} is not among the "
                    f"{len(ontology.terms):,} terms in use, expected a whole ontology"
                )


COLUMNS = ("tax_id", "gene", "term", "evidence", "qualifier")
GENE_TERMS_EXPECTED = (
    "NCBI's gene2go: tax_id, GeneID, GO_ID, Evidence, Qualifier, GO_term, PubMed, Category"
)


@dataclass(frozen=True)
class GeneTerms:
    """The terms that genes of one species are annotated with directly.

    Attributes:
        path: the file.
        terms: NCBI gene number → ids of its terms, all of them in use.
        dropped: annotations left out, by reason: ``other_species``, ``not`` (the gene was shown *not* to have the
            term), ``evidence`` (not of the kinds asked for), ``obsolete_term``, ``unknown_term``.
    """

    path: Path
    terms: dict[int, frozenset[str]]
    dropped: Counter[str]


def gene_terms(
    path: Path | str,
    ontology: Ontology,
    species: str,
    evidence: Collection[str] | None = None,
) -> GeneTerms:
    """Read the annotations of one species.

    Args:
        path: gene2go, plain or gz.
        ontology: an annotation with a term that was merged into another gets that one; an obsolete term is dropped.
        species: by any of its names, or its taxonomy number.
        evidence: keep annotations of these evidence codes only, such as ``EXP IDA IMP``; None keeps all.

    Raises:
        InputError: not gene2go, an unknown species, or nothing left.
    """
    path = Path(path)
    taxid = taxid_of(species)
    if taxid is None:
        raise InputError(f"species {species!r} is not known, expected its name or taxonomy number")
    data = table_text(path, GENE_TERMS_EXPECTED)
    header = data.split(b"\n", 1)[0].decode("utf-8", "replace").lstrip("#").split("\t")
    if [name.strip().lower() for name in header[:3]] != ["tax_id", "geneid", "go_id"]:
        raise InputError(
            f"{path}: line 1 is {' '.join(header)[:80]!r}, expected {GENE_TERMS_EXPECTED}"
        )
    table = cells(path, data, COLUMNS, skip=1)
    own = table.filter(pl.col("tax_id").str.strip_chars() == str(taxid))
    dropped = Counter({"other_species": table.height - own.height})
    own = _filtered(own, evidence, dropped)
    found = _resolved(path, own, ontology, dropped)
    if not found:
        raise InputError(
            f"{path}: no annotation of {species} (taxonomy number {taxid}) is left of {table.height:,}; dropped: "
            + ", ".join(f"{n:,} {reason}" for reason, n in dropped.items() if n)
        )
    return GeneTerms(path, found, dropped)


def _filtered(
    table: pl.DataFrame, evidence: Collection[str] | None, dropped: Counter[str]
) -> pl.DataFrame:
    """Without what a gene has *not*, and with evidence of the wanted kinds."""
    denied = pl.col("qualifier").fill_null("").str.contains(r"(?i)\bNOT\b")
    kept = table.filter(~denied)
    dropped["not"] = table.height - kept.height
    if evidence is None:
        return kept
    wanted = kept.filter(pl.col("evidence").is_in(list(evidence)))
    dropped["evidence"] = kept.height - wanted.height
    return wanted


def _resolved(
    path: Path, table: pl.DataFrame, ontology: Ontology, dropped: Counter[str]
) -> dict[int, frozenset[str]]:
    genes: dict[int, set[str]] = {}
    for line, number, name in table.select("line", "gene", "term").iter_rows():
        term = ontology.find(name or "")
        if term is None:
            dropped["obsolete_term" if name in ontology.obsolete else "unknown_term"] += 1
            continue
        if not number.isdigit():
            raise InputError(f"{path}: line {line}: GeneID is {number!r}, expected a number")
        genes.setdefault(int(number), set()).add(term.id)
    return {gene: frozenset(terms) for gene, terms in genes.items()}


@dataclass(frozen=True)
class Aspect:
    """One aspect of the Gene Ontology as a multi-label task."""

    namespace: str
    """``biological_process``, ``cellular_component`` or ``molecular_function``."""
    terms: Sequence[Term]
    """The classes, the most common first."""
    samples: Samples
    """One RNA per gene, of genes annotated in this aspect: elsewhere a missing term means nothing."""
    labels: NDArray[np.bool_]
    """``(n, c)`` whether the gene has the term, directly or through a more specific one."""

    @property
    def title(self) -> str:
        """The namespace in words."""
        return self.namespace.replace("_", " ")


def read_aspects(
    task: OntologyTask,
    transcripts: pl.DataFrame,
    *,
    evidence: Sequence[str] | None = None,
    classes: int | None = None,
) -> tuple[list[Aspect], dict[str, int]]:
    """The most common terms at one depth of each aspect, and the RNAs that have them.

    A gene has its direct terms and all their ancestors. The depth of a term is the length of the shortest path of
    ``is_a`` from the root. Terms are counted among the genes of the given RNAs.

    Args:
        task: The ontology, the annotations and the gene ids.
        transcripts: ``transcript_id, gene_id, species, length, cds_length``; one RNA represents each gene (see
            :func:`isoclr.tasks.labels.representatives`).
        evidence: Use only annotations of these evidence codes.
        classes: Number of terms of each aspect; None: the task's.

    Returns:
        The aspects in alphabetical order, and counts of what was left out, by reason.

    Raises:
        InputError: a file that cannot be used, no gene in common, or too few terms at that depth.
    """
    for path in filter(None, (task.terms, task.annotations, task.gene_ids)):
        check_exists(path, task.name)
    ontology = read_obo(task.terms)
    annotated = gene_terms(task.annotations, ontology, task.species, evidence)
    by_id, several = _by_gene_id(task, annotated)
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


def term_table(aspects: Sequence[Aspect], terms: int = 3) -> pl.DataFrame:
    """The RNAs with each of the most common terms, for a map colored by function.

    Args:
        aspects: The aspects.
        terms: Number of terms of each.

    Returns:
        ``transcript_id, gene_id, hierarchy, term_id, term``, one row per RNA and term.
    """
    parts = [
        aspect.samples.table.filter(pl.Series(aspect.labels[:, i])).select(
            "transcript_id",
            "gene_id",
            hierarchy=pl.lit(aspect.namespace),
            term_id=pl.lit(term.id),
            term=pl.lit(term.name),
        )
        for aspect in aspects
        for i, term in enumerate(aspect.terms[:terms])
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


def _aspect(
    ontology: Ontology,
    namespace: str,
    task: OntologyTask,
    classes: int,
    samples: Samples,
    direct: Sequence[frozenset[str]],
) -> Aspect:
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
    return Aspect(
        namespace, [ontology.terms[name] for name in common], samples.select(keep), labels
    )
