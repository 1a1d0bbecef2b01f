"""One chromosome, many names: ``chr1``, ``1``, ``Chr01``; ``chrM``, ``MT``; ``chrUn_KI270302v1``, ``KI270302.1``."""

import re
from collections.abc import Iterable, Mapping

_PREFIX = re.compile(r"^(?:chromosome|chrom|chr)[_ .-]?(?=.)")
_SCAFFOLD = re.compile(
    r"^(?:[a-z0-9]+?_)??((?:n[tw]_)?[a-z]*\d{5,})v(\d+)(?:_(?:random|alt|fix))?$"
)
_ACCESSION = re.compile(r"^(?:NC_|CM)\d{6,}\.\d+$")
_ORGANELLES = {
    "mitochondrion": (
        "m",
        "mt",
        "mito",
        "mtdna",
        "mitochondria",
        "mitochondrion",
        "mitochondrion_genome",
        "dmel_mitochondrion_genome",
    ),
    "plastid": ("c", "pt", "pltd", "chloroplast", "plastid"),
}
_ORGANELLE = {name: organelle for organelle, names in _ORGANELLES.items() for name in names}
_CHROMOSOME = re.compile(
    r"\bchromosome:? ([0-9]{1,3}[A-Za-z]?|[IVX]{1,6}|[A-Z][0-9]?|[0-9][LR])(?=[,\s]|$)"
)


def match_chromosomes(
    annotation_names: Iterable[str],
    genome_names: Iterable[str],
    descriptions: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Find the sequence of a genome that each sequence name of an annotation means.

    An equal name wins. Otherwise names are compared without ``chr``, case and leading zeros, the mitochondrion's
    and plastid's names are one each, and UCSC's scaffold names give back their accession; such a match counts only
    when one sequence of the genome can be meant.

    Args:
        annotation_names: sequence names of an annotation.
        genome_names: sequence names of a genome.
        descriptions: genome sequence name → the rest of its FASTA header; ``chromosome 1`` or ``mitochondrion``
            in it names the sequence too.

    Returns:
        Annotation name → genome name; a name that matches nothing is not in it.

    >>> match_chromosomes(["chr1", "chrM", "chr7"], ["1", "2", "MT"])
    {'chr1': '1', 'chrM': 'MT'}
    """
    present = dict.fromkeys(genome_names)
    by_key = _unique(
        (key, name) for name in present for key in _keys(name, (descriptions or {}).get(name, ""))
    )
    found = {
        name: name if name in present else by_key.get(_key(name))
        for name in dict.fromkeys(annotation_names)
    }
    return {name: sequence for name, sequence in found.items() if sequence is not None}


def has_accessions(names: Iterable[str]) -> bool:
    """Whether sequences are named by chromosome accessions (``NC_000001.11``, ``CM000663.2``)."""
    return any(_ACCESSION.match(name) for name in names)


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Key → name, without the keys that several names share."""
    names: dict[str, set[str]] = {}
    for key, name in pairs:
        names.setdefault(key, set()).add(name)
    return {key: next(iter(found)) for key, found in names.items() if len(found) == 1}


def _keys(name: str, description: str) -> set[str]:
    """What a genome's sequence may be called."""
    keys = {_key(name)}
    if re.search(
        r"\b(unlocalized|unplaced|alternate|scaffold|contig|patch)\b", description, re.IGNORECASE
    ):
        return keys
    if found := _CHROMOSOME.search(description):
        keys.add(_key(found[1]))
    elif "mitochondri" in description.lower():
        keys.add("mitochondrion")
    return keys


def _key(name: str) -> str:
    """One spelling for all names of a sequence."""
    lower = name.lower()
    scaffold = _SCAFFOLD.match(lower)
    if scaffold:
        return f"{scaffold[1]}.{scaffold[2]}"
    bare = _PREFIX.sub("", lower)
    return _ORGANELLE.get(bare) or bare.lstrip("0") or "0"
