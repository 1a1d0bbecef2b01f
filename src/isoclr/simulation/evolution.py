"""Descent with modification: from an ancestral gene to its orthologs and paralogs.

Coding sequences change mostly by synonymous codons and lose or gain whole codons; UTRs change faster and
suffer insertions and deletions of any length, except where selection keeps a motif.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from isoclr.corpus.codes import Codes
from isoclr.simulation import genetic_code
from isoclr.simulation.ancestors import Template

SYNONYMOUS, MISSENSE, UTR, MOTIF = 4.0, 0.3, 2.5, 0.08  # changes a site, per unit of distance
UTR_INDEL, CODON_INDEL = 0.12, 0.02
_EDGE = 12  # indels stay this far (nt) from the ends of a block: splice sites are kept


def evolve(ancestor: Template, distance: float, rng: np.random.Generator) -> Template:
    """A descendant of a gene.

    Args:
        ancestor: the gene it descends from.
        distance: time since then; 0.1 makes about a third of the codons drift and a fifth of the UTR change.
        rng: the source of chance of this gene alone.
    """
    return _insert_and_delete(_substitute(ancestor, distance, rng), distance, rng)


def _substitute(gene: Template, distance: float, rng: np.random.Generator) -> Template:
    bases = gene.bases.copy()
    rate = np.where(gene.kept, MOTIF, UTR) * distance
    changed = np.flatnonzero(rng.random(len(bases)) < -np.expm1(-rate))
    bases[changed] = (bases[changed] + rng.integers(1, 4, len(changed), np.uint8)) % 4
    if gene.cds:
        start, end = gene.cds
        bases[start:end] = _substitute_codons(gene.bases[start:end], gene, distance, rng)
    return replace(gene, bases=bases)


def _substitute_codons(
    coding: Codes, gene: Template, distance: float, rng: np.random.Generator
) -> Codes:
    codons = genetic_code.codons_of(coding)
    inner = codons[1:-1]
    drift = np.flatnonzero(rng.random(len(inner)) < -np.expm1(-SYNONYMOUS * distance))
    inner[drift] = genetic_code.synonymous(rng, inner[drift], gene.usage)
    missense = np.flatnonzero(rng.random(len(inner)) < -np.expm1(-MISSENSE * distance))
    inner[missense] = genetic_code.random_codons(rng, len(missense), gene.usage)
    return genetic_code.bases_of(codons)


def _insert_and_delete(gene: Template, distance: float, rng: np.random.Generator) -> Template:
    """Insertions and deletions: each base is copied 0 times (deleted), once, or more (an insertion follows)."""
    copies = np.ones(len(gene.bases), np.int64)
    inner = _inner(gene.block)
    cds = gene.cds or (0, 0)
    noncoding = inner & ~gene.kept
    noncoding[slice(*cds)] = False
    for at in np.flatnonzero(noncoding & (rng.random(len(inner)) < UTR_INDEL * distance)):
        length = int(rng.geometric(0.4))
        if rng.random() < 0.5:
            copies[at] = 1 + length
        else:
            stop = at + min(length, _EDGE)
            copies[at:stop] = np.where(noncoding[at:stop], 0, copies[at:stop])
    first = cds[0] + 3  # the codon after the start codon
    for codon in np.flatnonzero(
        rng.random(max(0, (cds[1] - cds[0]) // 3 - 2)) < CODON_INDEL * distance
    ):
        whole = slice(first + 3 * int(codon), first + 3 * int(codon) + 3)
        if inner[whole].all():
            copies[whole] = 0 if rng.random() < 0.5 else (1, 1, 4)
    return _copied(gene, copies, rng)


def _copied(gene: Template, copies: NDArray[np.int64], rng: np.random.Generator) -> Template:
    source = np.repeat(np.arange(len(copies)), copies)
    added = np.flatnonzero(source[1:] == source[:-1]) + 1
    bases = gene.bases[source]
    kept = gene.kept[source]
    kept[added] = False
    cds = gene.cds
    if cds:
        before, inside = int(copies[: cds[0]].sum()), int(copies[slice(*cds)].sum())
        cds = (before, before + inside)
    bases[added] = rng.integers(0, 4, len(added), np.uint8)
    if cds:  # inserted codons are sense codons; three added bases in a row, all in one codon
        new = added[(added >= cds[0]) & (added < cds[1])]
        bases[new] = genetic_code.bases_of(
            genetic_code.random_codons(rng, len(new) // 3, gene.usage)
        )
    return replace(gene, bases=bases, block=gene.block[source], kept=kept, cds=cds)


def _inner(block: NDArray[np.int64]) -> NDArray[np.bool_]:
    """True where a base is at least ``_EDGE`` nt inside its block, of at least five times that length."""
    length = np.bincount(block)
    end = np.cumsum(length)
    position = np.arange(len(block)) - (end - length)[block]
    size = length[block]
    inside: NDArray[np.bool_] = (
        (position >= _EDGE) & (position < size - 2 * _EDGE) & (size >= 5 * _EDGE)
    )
    return inside
