"""Which transcript stands for a gene whose label is measured by gene."""

import polars as pl

CURATED = r"^(?:[NX][MR]_|RGPS_)"
"""RefSeq accessions, and the Ensembl representative transcripts that are named ``RGPS_<symbol>``."""


def representatives(transcripts: pl.DataFrame, gene: str) -> pl.DataFrame:
    """One transcript a gene: the one the literature means most likely.

    RefSeq (``NM_``, ``NR_``, ``XM_``, ``XR_``) or ``RGPS_`` first, then the longest CDS, then the longest RNA, then the
    smallest transcript id, so that the choice never depends on the order of the file.

    Args:
        transcripts: ``transcript_id``, ``length`` (nt), ``cds_length`` (nt, 0: none) and the gene's column.
        gene: name of the column that names the gene.

    >>> rows = {"gene": ["g", "g"], "transcript_id": ["ENST1", "NM_1"], "length": [9, 5], "cds_length": [6, 3]}
    >>> representatives(pl.DataFrame(rows), "gene")["transcript_id"].to_list()
    ['NM_1']
    """
    return transcripts.sort(
        pl.col("transcript_id").str.contains(CURATED),
        "cds_length",
        "length",
        "transcript_id",
        descending=[True, True, True, False],
    ).unique(gene, keep="first", maintain_order=True)
