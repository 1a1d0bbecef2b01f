"""What the annotation tests share: small files, and the rows a reader makes of them."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from isoclr.genomics.transcript_models import Annotation, Models

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write text to a file; a space between columns stands for a tab when ``tabs`` is set."""

    def write_file(text: str, name: str = "a.gtf", *, tabs: bool = False) -> Path:
        path = tmp_path / name
        data = (text.replace(" ", "\t") if tabs else text).encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write_file


@pytest.fixture
def rows() -> Callable[[Annotation], dict[str, dict[str, Any]]]:
    """Rows of an annotation by transcript id."""
    return lambda annotation: {row["transcript_id"]: row for row in annotation.table.to_dicts()}


@pytest.fixture
def models() -> Callable[..., Models]:
    """One transcript model from its exons and the pieces of its CDS."""
    place = {"start": pl.Int64, "end": pl.Int64}
    tx = pl.lit(0, pl.Int64).alias("tx")

    def make(exons: list[tuple[int, int]], cds: list[tuple[int, int]], *, strand: str = "+", phase: int = 0) -> Models:
        names = ["transcript_id", "gene_id", "gene_symbol", "biotype"]
        return Models(
            pl.DataFrame([("T", "G", "", "")], names, orient="row"),
            pl.DataFrame(exons, place, orient="row").with_columns(tx, chrom=pl.lit("1"), strand=pl.lit(strand)),
            pl.DataFrame(cds, place, orient="row").with_columns(tx, phase=pl.lit(phase), stop=pl.lit(False)),
        )

    return make
