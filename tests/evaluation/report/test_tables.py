import json
import re
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from isoclr.evaluation.report.figures import NONE, OTHER, Figures, _dots, map_data, map_panels, slug
from isoclr.evaluation.report.page import write_page
from isoclr.evaluation.report.results import COLORINGS, Results
from isoclr.evaluation.report.tables import is_number, labelled, with_interval
from isoclr.plotting.methods import Dot


def test_numbers() -> None:
    assert with_interval(-0.1, -0.2, 0.05) == "−0.100 [−0.200, 0.050]"
    assert with_interval(None, None, None) == "–"
    assert [is_number(cell) for cell in ("−0.5", "+1", "–", "x", "")] == [True, True, True, False, False]  # fmt: skip


def test_probes_are_named_where_there_are_several() -> None:
    rows = pl.DataFrame({"method": ["a", "a", "k", "t"], "model": ["ridge", "linear", "ridge", "trees"]})
    assert labelled(rows)["name"].to_list() == ["a (ridge)", "a (linear)", "k (ridge)", "t"]
    assert labelled(rows.filter(model="ridge"))["name"].to_list() == ["a", "k"]


def test_dots() -> None:
    rows = pl.DataFrame(
        {
            "method": ["ours", "k-mers", "nothing"],
            "name": ["ours (ridge)", "k-mers (ridge)", "nothing"],
            "value": [0.5, 0.25, None],
            "low": [0.4, None, None],
            "high": [0.6, None, None],
        }
    )
    assert _dots(rows, {"ours": {}}) == [Dot("ours", 0.5, 0.4, 0.6, "ours"), Dot("k-mers", 0.25, None, None, "other")]
    named = [(dot.name, dot.kind) for dot in _dots(rows, ["k-mers"], "name")]
    assert named == [("ours (ridge)", "other"), ("k-mers (ridge)", "ours")]


@pytest.mark.parametrize("name", ["../../etc/x", "/abs", "a\0b", "ü" * 500, "..", "a b:c"])
def test_slugs_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"map_{slug(name)}.png"
    path.touch()
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_ids_of_the_same_slug_are_two_figures(evaluation: Path, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    rows = pl.read_parquet(evaluation / "tables" / "mutations.parquet").head(5)
    ids = [rows.with_columns(transcript_id=pl.lit(name)) for name in ("../a", "../ a")]
    pl.concat(ids).write_parquet(tmp_path / "tables" / "mutations.parquet")
    drawn = [picture.name for picture in Figures(Results(tmp_path)).mutations()]
    assert drawn == ["mutations_half-life_..-a", "mutations_half-life_..-a-2"]
    assert sorted(one.stem for one in (tmp_path / "figures").glob("*.svg")) == sorted(drawn)


SPECIES = [f"species {i:02d}" for i in range(10) for _ in range(10 - i)]


@pytest.fixture
def colored(evaluation: Path, tmp_path: Path) -> Results:
    """Nothing but two maps of 55 RNAs by length, ten species and a function that the last RNAs lack."""
    folder = tmp_path / "colored"
    for name in ("results", "tables"):
        (folder / name).mkdir(parents=True)
    shutil.copy(evaluation / "results" / "manifest.json", folder / "results")
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
    (folder / "tables" / COLORINGS).write_text(json.dumps(kinds))
    return Results(folder)


def colorings(results: Results) -> dict[str, Any]:
    data = map_data(results)
    assert data is not None
    return dict(data["colorings"])


def test_lengths_are_colored_by_their_logarithm(colored: Results) -> None:
    length = colorings(colored)["length"]
    assert (length["values"][0], length["values"][-1]) == (2, 3)
    assert 2 < length["range"][0] < length["range"][1] < 3
    ticks = dict(zip(length["ticks"]["ticktext"], length["ticks"]["tickvals"], strict=True))
    assert (ticks["100"], ticks["1,000"]) == (2, 3)


def test_more_classes_than_colors(colored: Results) -> None:
    species = colorings(colored)["species"]
    assert species["names"] == [OTHER, *(f"species {i:02d}" for i in range(7))]
    assert species["pale"] == [True] + [False] * 7
    assert species["index"] == [int(name[-2:]) + 1 if name < "species 07" else 0 for name in SPECIES]  # fmt: skip
    assert len(set(zip(species["colors"], species["symbols"], strict=True))) == 8


def test_classes_of_all_rnas(colored: Results) -> None:
    path = colored.folder / "tables" / "map.parquet"
    two = pl.col("species").replace_strict({SPECIES[0]: "human"}, default="mouse")
    pl.read_parquet(path).with_columns(two).write_parquet(path)
    found = colorings(colored)
    assert found["species"]["names"] == ["mouse", "human"]
    assert found["species"]["index"] == [1] * 10 + [0] * 45
    assert found["function"]["names"] == [NONE, "binding", "kinase"]
    assert found["function"]["index"] == [2] * 5 + [1] * 40 + [0] * 10


def test_every_map_has_a_panel_per_coloring(colored: Results) -> None:
    methods, points, panels = zip(*map_panels(colored), strict=True)
    assert methods == ("ours", "supervised on gc")
    assert [one.height for one in points] == [55, 55]
    length, species, function, control = panels[0]
    assert (length.classes, length.skewed) == (None, True)
    assert species.classes == [f"species {i:02d}" for i in range(10)]
    assert (function.classes, control.classes) == (["binding", "kinase"],) * 2
    assert function.values[-1] == ""


def test_notes_on_what_only_some_plans_have(colored: Results, page: Path) -> None:
    written = write_page(colored.folder).read_text(encoding="utf-8")
    for note in ("Shuffled: the same", "Supervised: the encoder of a network"):
        assert len(re.findall(note, written)) == 1
        assert note not in page.read_text(encoding="utf-8")
