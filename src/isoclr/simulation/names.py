"""Identifiers in the style of Ensembl, NCBI Gene and HomoloGene."""

from isoclr.simulation.families import Member
from isoclr.species import SPECIES


def species(number: int) -> str:
    """Name of a species: human, mouse, chicken …

    Simulated species borrow the names and taxonomy numbers of real ones, because homology files know species by
    number; nothing else about them is real.
    """
    return SPECIES[number].name


def taxon(number: int) -> int:
    """NCBI's taxonomy number of a species."""
    return SPECIES[number].taxid


def gene(member: Member) -> str:
    """Ensembl-like gene id, with version."""
    return f"{_prefix(member.species)}G{member.number + 1:011d}.{1 + member.family % 9}"


def entrez(member: Member) -> int:
    """NCBI-Gene-like id, different in every species."""
    return 10_000_000 * (member.species + 1) + member.number + 1


def symbol(member: Member) -> str:
    """Gene symbol; orthologs share it, as they do in vertebrates, whether HomoloGene knows them or not."""
    stem = "SIM" if member.coding else "LINC"
    return f"{stem}{member.family + 1}" + (f"L{member.copy}" if member.copy else "")


def gene_set(member: Member) -> str:
    """The gene set a corpus should put the gene in, across species."""
    if member.known:
        return f"HID:{member.family + 1}"
    return f"{species(member.species)}|{gene(member).partition('.')[0]}"


def transcript(member: Member, number: int) -> str:
    """Ensembl-like transcript id, with version; ``number`` counts the isoforms of the gene."""
    return f"{_prefix(member.species)}T{100 * member.number + number + 1:011d}.{1 + number % 3}"


def protein(member: Member, number: int) -> str:
    """Ensembl-like protein id of a transcript."""
    return f"{_prefix(member.species)}P{100 * member.number + number + 1:011d}.1"


def exon(member: Member, number: int) -> str:
    """Ensembl-like exon id; ``number`` counts the different exons of the gene."""
    return f"{_prefix(member.species)}E{1000 * member.number + number + 1:011d}.1"


def _prefix(number: int) -> str:
    """``ENSSAA`` for the first species, ``ENSSAB`` for the second …: no real species has these."""
    return f"ENSS{chr(65 + number // 26)}{chr(65 + number % 26)}"
