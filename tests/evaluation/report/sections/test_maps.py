import json
import re
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from isoclr.evaluation.report.results import Results
from isoclr.evaluation.report.sections import maps

SPECIES = [f"species {i:02d}" for i in range(10) for _ in range(10 - i)]


@pytest.fixture
def coloured(results_of_all: Path, tmp_path: Path) -> Results:
    """Two maps of 55 RNAs by length, ten species and a function that the last RNAs have not."""
    folder = tmp_path / "coloured"
    shutil.copytree(results_of_all, folder)
    n = len(SPECIES)
    one = pl.DataFrame(
        {
            "transcript_id": [f"T{i}" for i in range(n)],
            "gene_id": [f"G{i}" for i in range(n)],
            "gene_symbol": "",
            "x": [float(i) for i in range(n)],
            "y": [0.0] * n,
            "length": [100.0 * 10 ** (i / (n - 1)) for i in range(n)],
            "species": SPECIES,
            "function": ["kinase"] * 5 + ["binding"] * 40 + [None] * 10,
            "function, shuffled": ["binding"] * 40 + ["kinase"] * 5 + [None] * 10,
        }
    )
    both = [one.with_columns(method=pl.lit(name)) for name in ("ours", "supervised on gc")]
    pl.concat(both).write_parquet(folder / "tables" / "map.parquet")
    kinds: dict[str, Any] = {"length": {"kind": "quantity", "skewed": True}}
    for name in ("species", "function", "function, shuffled"):
        kinds[name] = {"kind": "class", "skewed": False}
    (folder / "tables" / "map_colours.json").write_text(json.dumps(kinds))
    return Results(folder)


def drawn(results: Results) -> dict[str, Any]:
    """What the page's script draws from."""
    found = re.search(r'class="points">(.*?)</script>', str(maps.section(results)), re.DOTALL)
    assert found is not None
    told: dict[str, Any] = json.loads(found[1])
    return told


def test_lengths_are_coloured_by_their_logarithm_and_named_by_themselves(coloured: Results) -> None:
    found = drawn(coloured)["colours"]["length"]
    assert (found["values"][0], found["values"][-1]) == (2, 3)
    assert 2 < found["range"][0] < found["range"][1] < 3
    ticks = dict(zip(found["ticks"]["ticktext"], found["ticks"]["tickvals"], strict=True))
    assert (ticks["100"], ticks["1,000"]) == (2, 3)


def test_more_classes_than_colours_are_others(coloured: Results) -> None:
    found = drawn(coloured)["colours"]["species"]
    assert found["names"] == [maps.OTHER, *(f"species {i:02d}" for i in range(7))]
    assert found["quiet"] == [True] + [False] * 7
    assert found["index"] == [int(name[-2:]) + 1 if name < "species 07" else 0 for name in SPECIES]
    assert len(set(zip(found["colours"], found["symbols"], strict=True))) == 8


def test_nothing_is_named_none_where_every_rna_has_a_class(coloured: Results) -> None:
    path = coloured.folder / "tables" / "map.parquet"
    two = pl.col("species").replace_strict({SPECIES[0]: "human"}, default="mouse")
    pl.read_parquet(path).with_columns(two).write_parquet(path)
    found = drawn(coloured)["colours"]
    assert found["species"]["names"] == ["mouse", "human"]
    assert found["species"]["index"] == [1] * 10 + [0] * 45
    assert found["function"]["names"] == [maps.NONE, "binding", "kinase"]
    assert found["function"]["index"] == [2] * 5 + [1] * 40 + [0] * 10


def test_every_map_is_a_figure_of_all_its_colourings(coloured: Results) -> None:
    names, methods, points, panels = zip(*maps.panels(coloured), strict=True)
    assert names == ("map_ours", "map_supervised-on-gc")
    assert methods == ("ours", "supervised on gc")
    assert [one.height for one in points] == [55, 55]
    length, species, function, control = panels[0]
    assert (length.classes, length.skewed) == (None, True)
    assert species.classes == [f"species {i:02d}" for i in range(10)]
    assert (function.classes, control.classes) == (["binding", "kinase"],) * 2
    assert function.values[-1] == ""


@pytest.mark.parametrize(
    "said", ["Shuffled: the same colours dealt at random", "Supervised: the encoder of a network"]
)
def test_what_only_some_plans_ask_for_is_explained_where_it_is(
    coloured: Results, page: Path, said: str
) -> None:
    assert said in str(maps.section(coloured))
    assert said not in page.read_text(encoding="utf-8")
