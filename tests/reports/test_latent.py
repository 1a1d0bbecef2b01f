from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from isoclr.errors import InputError
from isoclr.reports.latent import (
    NOTHING,
    PALETTE,
    Panel,
    _draw_found,
    _draw_map,
    map_figure,
    neighbours_figure,
)

X, Y = np.arange(4.0), np.array([1.0, 3.0, 2.0, 0.0])
CLASSES = Panel("species", np.array(["mouse", "", "human", "human"]), ["human", "mouse"])
LENGTH = Panel("length", np.array([100.0, 1000.0, np.nan, 10_000.0]), None, skewed=True)


def colours(axes: Any) -> list[str]:
    points = axes.collections[0]
    places = points.get_offsets()[:, 0].astype(int).tolist()
    found = dict(zip(places, map(to_hex, points.get_facecolors()), strict=True))
    return [found[i].upper() for i in range(len(found))]


def test_classes_get_their_colours() -> None:
    figure = Figure()
    axes: Any = figure.subplots()
    _draw_map(figure, axes, X, Y, CLASSES)
    assert colours(axes) == [PALETTE[1], NOTHING, PALETTE[0], PALETTE[0]]
    assert [text.get_text() for text in axes.get_legend().texts] == ["human", "mouse", "other"]
    assert axes.get_title(loc="left") == "species"


def test_quantities_get_a_scale() -> None:
    figure = Figure()
    axes: Any = figure.subplots()
    _draw_map(figure, axes, X, Y, LENGTH)
    unknown, known = axes.collections
    assert unknown.get_offsets()[:, 0].tolist() == [2.0]
    assert known.get_array().tolist() == [100.0, 1000.0, 10_000.0]
    low, high = known.norm.vmin, known.norm.vmax
    assert type(known.norm).__name__ == "LogNorm"
    assert 100 <= low < high <= 10_000
    (bar,) = (one for one in figure.axes if one is not axes)
    figure.draw_without_rendering()
    ticks = [text.get_text() for text in bar.get_yticklabels() if text.get_text()]
    assert {"200", "500", "1,000", "2,000", "5,000"} <= set(ticks)
    assert not {"300", "900"} & set(ticks)
    assert not any(text.get_text() for text in bar.get_yticklabels(minor=True))


@pytest.mark.parametrize(("name", "head"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml")])
def test_maps_are_written(tmp_path: Path, name: str, head: bytes) -> None:
    map_figure(tmp_path / name, X, Y, [CLASSES, LENGTH, CLASSES, LENGTH])
    assert (tmp_path / name).read_bytes().startswith(head)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_map_says_whose_it_is(tmp_path: Path) -> None:
    map_figure(tmp_path / "map.svg", X, Y, [CLASSES], title="untrained encoder")
    assert ">untrained encoder<" in (tmp_path / "map.svg").read_text()
    map_figure(tmp_path / "map.svg", X, Y, [CLASSES])
    assert "untrained" not in (tmp_path / "map.svg").read_text()


def metrics() -> pl.DataFrame:
    rows = [
        (method, scope, relation, length, 1, metric, value, value - 0.1, value + 0.1, 9)
        for method, value in (("embedding", 0.6), ("k-mers", 0.3))
        for scope, relation in (("all RNAs", "isoform"), ("RNAs of other species", "ortholog"))
        for length in ("all", "1,000 to 1,999 nt", "500 to 999 nt")
        for metric in ("found", "chance of like length")
    ]
    columns = ["method", "scope", "relation", "length", "k", "metric", "value", "low", "high", "n"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def test_neighbours_are_drawn_where_they_are() -> None:
    axes: Any = Figure().subplots()
    rows = metrics().filter(scope="all RNAs", length="all")
    _draw_found(axes, rows, ["embedding", "k-mers"], named=True)
    interval, point = axes.lines[:2]
    assert interval.get_xdata() == pytest.approx([50, 70])
    assert point.get_xdata() == pytest.approx([60])
    assert [text.get_text() for text in axes.texts] == ["60.0", "30.0"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["embedding", "k-mers"]


def test_the_figure_of_neighbours(tmp_path: Path) -> None:
    neighbours_figure(tmp_path / "n.svg", metrics())
    text = (tmp_path / "n.svg").read_text()
    assert "an isoform, among all RNAs" in text
    assert "an ortholog, among RNAs of other species" in text
    assert "paralog" not in text, "nothing is known of them"
    assert text.index(">500<") < text.index(">1,000<")
    with pytest.raises(InputError, match="written as"):
        neighbours_figure(tmp_path / "n.gif", metrics())
