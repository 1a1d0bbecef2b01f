from pathlib import Path

import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.mutagenesis import MOTIFS, motifs


def test_the_table(workbench: Path, tmp_path: Path) -> None:
    found = motifs(
        workbench / "corpus",
        out=tmp_path / "m.csv",
        head=workbench / "head",
        model=str(workbench / "model"),
        rnas=4,
        plot=tmp_path / "m.svg",
    )
    table = pl.read_csv(tmp_path / "m.csv")
    assert table.height == 3 * len(MOTIFS)
    assert table["n"].unique().to_list() == [4]
    assert found.target == "gc"
    assert "poly(U)" in (tmp_path / "m.svg").read_text()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rnas": 0}, "--rnas 0: expected 1"),
        ({"seed": -1}, "--seed -1: expected 0"),
        ({"out": "m.txt"}, "unknown format"),
        ({"plot": "m.txt"}, "written as"),
        ({"species": "cow"}, "no mRNA of species 'cow'"),
    ],
)
def test_bad_input(workbench: Path, tmp_path: Path, given: dict[str, object], message: str) -> None:
    whole = {"out": "m.csv", "head": workbench / "head", "model": str(workbench / "model"), **given}
    for key in ("out", "plot"):
        if key in whole:
            whole[key] = tmp_path / str(whole[key])
    with pytest.raises(InputError, match=message):
        motifs(workbench / "corpus", **whole)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
