from pathlib import Path

import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.latent import map_rnas


def test_picture_and_table(world: Path, tmp_path: Path) -> None:
    found = map_rnas(
        world / "embeddings.parquet",
        out=(tmp_path / "m.png", tmp_path / "m.csv"),
        corpus=world / "corpus",
        color=("species", "length", "gene_set"),
        perplexity=8,
    )
    table = pl.read_csv(tmp_path / "m.csv")
    assert table.height == 80, "one transcript a gene"
    assert {"transcript_id", "gene_id", "gene_symbol", "x", "y"} <= set(table.columns)
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
    value = {(row["colour"], row["metric"]): row["value"] for row in found.rows()}
    assert value["gene_set", "share of neighbours"] == 0.0, "they are of other gene sets"
    assert float(value["length", "spearman of neighbours"] or 0) > 0.05
    everyone = map_rnas(
        world / "embeddings.parquet",
        out=(tmp_path / "a.parquet",),
        isoforms=True,
        sample=50,
        perplexity=8,
    )
    assert everyone.table.height == 50


def test_labelled_rnas_of_one_species(world: Path, tmp_path: Path) -> None:
    genes = [f"mouse{i}" for i in range(30)] + [f"human{i}" for i in range(30)]
    pl.DataFrame({"gene_id": genes, "y": range(60)}).write_csv(tmp_path / "l.csv")
    found = map_rnas(
        world / "embeddings.parquet",
        out=(tmp_path / "m.tsv",),
        color=(str(tmp_path / "l.csv"),),
        species="mouse",
        labelled=True,
        perplexity=5,
    )
    assert sorted(found.table["gene_id"]) == sorted(genes[:30])
    values = dict(found.table.select("gene_id", "y_2").rows())  # the label y is no coordinate
    assert values["mouse7"] == 7.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out": ("m.doc",)}, "m.doc: unknown format, expected a name that ends in .png"),
        ({"sample": 0}, "--sample 0"),
        ({"color": ("biotype",)}, "biotype: no such file, and no column"),
        ({"species": "cow"}, "no embedded RNA is of species 'cow'"),
        ({"perplexity": 50.0}, "perplexity 50"),
    ],
)
def test_bad_input(world: Path, tmp_path: Path, options: dict[str, object], message: str) -> None:
    given: dict[str, object] = {"out": ("m.png",), **options}
    given["out"] = tuple(tmp_path / name for name in given["out"])  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=message):
        map_rnas(world / "embeddings.parquet", **given)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_nothing_is_replaced_unasked(world: Path, tmp_path: Path) -> None:
    (tmp_path / "m.png").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        map_rnas(world / "embeddings.parquet", out=(tmp_path / "m.png",))
    assert (tmp_path / "m.png").read_text() == "mine"
