"""The files of a corpus and what stands in them."""

import numpy as np

SCHEMA = 1
"""Version of the layout; a reader refuses a corpus with a higher one."""

META = "corpus.json"
CODES = "codes.bin"
INDEX = "index.npy"
TRANSCRIPTS = "transcripts.parquet"
DATA_FILES = (CODES, INDEX, TRANSCRIPTS)

INDEX_DTYPE = np.dtype(
    [
        ("offset", "<i8"),
        ("length", "<i4"),
        ("gene_set", "<i4"),
        ("species", "<i2"),
        ("cds_start", "<i4"),
        ("cds_end", "<i4"),
        ("n_exons", "<i4"),
    ]
)
"""One row a transcript: where its codes begin, how many, and its numbers; −1 for no CDS, 0 for unknown exons."""
