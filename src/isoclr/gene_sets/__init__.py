"""Gene sets: isoforms of one gene, and genes of one homologous group, are views of one thing."""

from isoclr.gene_sets.assign import GeneSets, Scope, assign
from isoclr.gene_sets.ids import read_gene_ids

__all__ = ["GeneSets", "Scope", "assign", "read_gene_ids"]
