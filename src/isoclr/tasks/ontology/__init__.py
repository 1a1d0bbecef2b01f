"""Gene ontology: what genes do, where, and in which processes, as labels of their RNAs."""

from isoclr.tasks.ontology.gene_terms import GeneTerms, gene_terms
from isoclr.tasks.ontology.hierarchies import Hierarchy, hierarchies, term_table
from isoclr.tasks.ontology.obo import Ontology, Term, read_obo

__all__ = [
    "GeneTerms",
    "Hierarchy",
    "Ontology",
    "Term",
    "gene_terms",
    "hierarchies",
    "read_obo",
    "term_table",
]
