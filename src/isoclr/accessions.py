"""Versions of ids: ``ENST00000335137.4`` and ``ENST00000335137`` name the same transcript.

Only ids that are known to carry a version lose it: Ensembl stable ids (those of mouse strains too), RefSeq
transcripts, and genes of WormBase and FlyBase. A dot elsewhere is part of the name: ``AT1G01010.1`` and
``AT1G01010.2``, ``Y74C9A.3`` and ``Y74C9A.2`` (worm), ``MSTRG.12`` and ``MSTRG.13`` (StringTie), ``AC010201.1`` and
``AC010201.2`` (genes named by their clone) are different things.

GENCODE's ``_PAR_Y`` goes too: it marks the copy on the Y chromosome of a pseudo-autosomal gene, whose other copy, on
the X chromosome, has the same bases and the id without the mark.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_VERSIONED = (
    r"^(ENS[A-Z]*[EGT]\d{11}|MGP_\w+_[EGT]\d+|[NX][MR]_\d+|WBGene\d+|FBgn\d+)(?:\.\d+)?(?:_PAR_Y)?$"
)
_PATTERN = re.compile(_VERSIONED)


def without_version(name: str) -> str:
    """An id without its version; any other name as it is.

    >>> without_version("ENSMUST00000020268.6"), without_version("NM_014028.3"), without_version("AT1G01010.1")
    ('ENSMUST00000020268', 'NM_014028', 'AT1G01010.1')
    """
    return _PATTERN.sub(r"\1", name)


def without_versions(names: "pl.Expr") -> "pl.Expr":
    """The same for a column of names."""
    return names.str.replace(_VERSIONED, "$1")
