"""Accession versions: ``ENST00000335137.4`` and ``ENST00000335137`` name the same transcript.

Only accessions that are known to carry a version lose it: Ensembl stable ids, RefSeq and INSDC accessions. A dot
elsewhere is part of the name: ``AT1G01010.1`` and ``AT1G01010.2``, ``Y74C9A.3`` and ``Y74C9A.2`` are different.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

VERSIONED = r"^(ENS[A-Z]*\d{11}|[A-Z]{2}_\d+|[A-Z]{1,2}\d{5,8})\.\d+(_PAR_Y)?$"
"""Accession, version, and GENCODE's mark of the Y copy of a pseudo-autosomal gene, which stays."""

_PATTERN = re.compile(VERSIONED)


def without_version(name: str) -> str:
    """An accession without its version; any other name as it is.

    >>> without_version("ENSMUST00000020268.6"), without_version("NM_014028.3"), without_version("AT1G01010.1")
    ('ENSMUST00000020268', 'NM_014028', 'AT1G01010.1')
    """
    return _PATTERN.sub(r"\1\2", name)


def without_versions(names: "pl.Expr") -> "pl.Expr":
    """The same for a column of names."""
    return names.str.replace(VERSIONED, "$1$2")
