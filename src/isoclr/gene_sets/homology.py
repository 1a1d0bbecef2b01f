"""A homology file of either format."""

from pathlib import Path

import polars as pl

from isoclr.errors import InputError
from isoclr.gene_sets import homologene, orthologs
from isoclr.gene_sets.tables import content

_EXPECTED = f"{homologene.FORMAT}, or {orthologs.FORMAT} (tab-separated)"


def read_homology(path: Path) -> pl.DataFrame:
    """Read ``homologene.data`` or ``gene_orthologs``, plain or gz; the first line tells which.

    Args:
        path: the file.

    Returns:
        One row a gene: ``taxid, entrez, symbol, group, rank`` (the number in the group's name).

    Raises:
        InputError: the file is neither, or a line is broken.
    """
    path = Path(path)
    data = content(path, _EXPECTED)
    line = data.split(b"\n", 1)[0].decode("utf-8", "replace").strip("\r")
    words = line.split("\t")
    if line.startswith("#tax_id") or (len(words) == 5 and words[2].lower() == "ortholog"):
        return orthologs.read_orthologs(path, data)
    if len(words) >= 4 and all(word.strip().isdigit() for word in words[:3]):
        return homologene.read_homologene(path, data)
    raise InputError(f"{path}: line 1 is {line[:80]!r}, expected {_EXPECTED}")
