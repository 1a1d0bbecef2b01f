from pathlib import Path

import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.latent import neighbours


def test_the_whole_study(world: Path, tmp_path: Path) -> None:
    found = neighbours(
        world / "embeddings.parquet",
        corpus=world / "corpus",
        out=tmp_path / "n.csv",
        k=(1, 3),
        plot=tmp_path / "n.png",
    )
    table = pl.read_csv(tmp_path / "n.csv")
    assert table.height == len(found.rows())
    assert set(table["study"]) == {"neighbours", "geometry", "encoded"}
    methods = {"isoclr-s", "k-mers + codons", "random-init encoder"}
    assert set(table["method"]) == methods
    hits = table.filter(metric="found", length="all", k=1, relation="isoform")
    value = dict(hits.select("method", "value").rows())
    assert value["isoclr-s"] > 0.7 > 0.2 > value["k-mers + codons"]
    read = table.filter(study="encoded", property="log2 length", method="isoclr-s")
    assert read["value"].item() > 0.95, "dimension 0 is the length"
    assert (tmp_path / "n.png").read_bytes().startswith(b"\x89PNG")


def test_embeddings_beside(world: Path, tmp_path: Path) -> None:
    second = tmp_path / "again.parquet"
    second.write_bytes((world / "embeddings.parquet").read_bytes())
    found = neighbours(
        world / "embeddings.parquet",
        corpus=world / "corpus",
        out=tmp_path / "n.tsv",
        beside=(second,),
        simple=False,
        k=(1,),
        sample=20,
    )
    assert list(found.retrieval.neighbours) == ["embeddings.parquet", "again.parquet"]
    assert len(found.retrieval.queries) == 20
    first, again = (
        found.retrieval.metrics.filter(method=name).drop("method")
        for name in found.retrieval.neighbours
    )
    assert first.equals(again)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out": "n.txt"}, "n.txt: unknown format"),
        ({"plot": "n.bmp"}, "written as"),
        ({"threads": 0}, "--threads 0: expected 1"),
        ({"sample": 0}, "--sample 0"),
        ({"k": (0,)}, "--k 0: expected numbers from 1"),
        ({"seed": -1}, "--seed -1: expected 0"),
        ({"corpus": "nowhere"}, "nowhere: not a corpus"),
    ],
)
def test_bad_input(world: Path, tmp_path: Path, options: dict[str, object], message: str) -> None:
    given = {"corpus": world / "corpus", "out": "n.csv", "simple": False, **options}
    given["out"] = tmp_path / str(given["out"])
    with pytest.raises(InputError, match=message):
        neighbours(world / "embeddings.parquet", **given)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
