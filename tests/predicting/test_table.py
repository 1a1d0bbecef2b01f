from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from isoclr.embedding import Embeddings
from isoclr.errors import InputError
from isoclr.predicting import Head, fit
from isoclr.predicting.table import check_output, columns_of, predicted, write


@pytest.fixture
def head(embeddings: Path, labels: Callable[..., Path], tmp_path: Path, world: Embeddings) -> Head:
    table = labels(stable=(world.matrix[:, 0] > 0).astype(int))
    return fit(
        embeddings, table, out=tmp_path / "two", target=("half_life", "stable"), folds=3
    ).head


def test_every_label_has_its_columns(head: Head, world: Embeddings) -> None:
    found = predicted(head, world, 0.8)
    assert found.columns[:6] == [
        "transcript_id",
        "gene_id",
        "species",
        "length",
        "half_life_value",
        "half_life_lower",
    ]
    assert found["transcript_id"].equals(world.table["transcript_id"])
    told = head.predict(world.matrix, target="half_life", coverage=0.8)
    assert found["half_life_upper"].to_numpy() == pytest.approx(told.upper)
    assert found["stable_lower"].null_count() == len(world)
    assert found["stable_extrapolating"].dtype == pl.Boolean


def test_one_label_needs_no_prefix(
    embeddings: Path, labels: Callable[..., Path], tmp_path: Path
) -> None:
    head = fit(embeddings, labels(), out=tmp_path / "one", folds=3).head
    assert [*columns_of(head, "half_life").values()] == ["value", "lower", "upper", "extrapolating"]


def test_the_extension_is_the_format(head: Head, world: Embeddings, tmp_path: Path) -> None:
    found = predicted(head, world, None)
    for name, read in (
        ("p.parquet", pl.read_parquet),
        ("p.csv", pl.read_csv),
        ("p.tsv", lambda path: pl.read_csv(path, separator="\t")),
    ):
        write(found, tmp_path / name)
        back = read(tmp_path / name)
        assert back.columns == found.columns
        assert back["half_life_value"].to_numpy() == pytest.approx(
            found["half_life_value"].to_numpy(), rel=1e-5
        )
    first = (tmp_path / "p.tsv").read_text().splitlines()[1].split("\t")
    assert len(first[4].lstrip("-0.").replace(".", "")) <= 6
    assert pl.read_parquet(tmp_path / "p.parquet").equals(found)


def test_an_output_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"p\.xls: unknown format, expected .* \.parquet, \.tsv"):
        check_output(tmp_path / "p.xls", overwrite=False)
    (tmp_path / "p.tsv").touch()
    with pytest.raises(InputError, match=r"p\.tsv: exists already; choose another name"):
        check_output(tmp_path / "p.tsv", overwrite=False)
    check_output(tmp_path / "p.tsv", overwrite=True)
