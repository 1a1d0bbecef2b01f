"""Which gene has which ontology term: NCBI's gene2go."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from isoclr.errors import InputError
from isoclr.gene_sets.tables import cells, content
from isoclr.species import taxid_of
from isoclr.tasks.ontology.obo import Ontology

COLUMNS = ("tax_id", "gene", "term", "evidence", "qualifier")
EXPECTED = "NCBI's gene2go: tax_id, GeneID, GO_ID, Evidence, Qualifier, GO_term, PubMed, Category"


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
    data = content(path, EXPECTED)
    header = data.split(b"\n", 1)[0].decode("utf-8", "replace").lstrip("#").split("\t")
    if [name.strip().lower() for name in header[:3]] != ["tax_id", "geneid", "go_id"]:
        raise InputError(f"{path}: line 1 is {' '.join(header)[:80]!r}, expected {EXPECTED}")
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
