from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle

from isoclr.errors import InputError
from isoclr.plotting import (
    CLASS_COLORS,
    EMBEDDING,
    NOTHING,
    Bar,
    Effect,
    Panel,
    _draw_bars,
    _draw_effect,
    _draw_found,
    _draw_logo,
    _draw_map,
    _draw_predictions,
    _draw_structure,
    _edge,
    map_figure,
    most_important,
    motif_figure,
    mutation_figure,
    neighbours_figure,
    ontology_figure,
    probe_figure,
)
from isoclr.tasks.metrics import Interval

BARS = [Bar("embedding", Interval(0.5, 0.4, 0.6)), Bar("length", Interval(0.2, np.nan, np.nan))]
TRUE = np.random.default_rng(0).normal(size=50)


def draw(path: Path, true: np.ndarray = TRUE) -> None:
    probe_figure(
        path, bars=BARS, metric="Pearson R", label="x", true=true, predicted=TRUE, note="8 folds"
    )


@pytest.mark.parametrize(
    ("name", "head"), [("a.png", b"\x89PNG"), ("a.pdf", b"%PDF"), ("a.svg", b"<?xml")]
)
def test_it_is_written_in_the_format_of_its_name(tmp_path: Path, name: str, head: bytes) -> None:
    draw(tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(head)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"written as \.png, \.pdf, \.svg"):
        draw(tmp_path / "a.bmp")
    assert not list(tmp_path.iterdir())


def test_every_method_is_drawn_where_its_value_is() -> None:
    axes: Any = Figure().subplots()
    _draw_bars(axes, BARS, "Pearson R")
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["embedding", "length"]
    interval, embedding, other = axes.lines[:3]
    assert interval.get_xdata().tolist() == [0.4, 0.6]
    assert (embedding.get_xdata()[0], embedding.get_ydata()[0]) == (0.5, 0)
    assert (other.get_xdata()[0], other.get_ydata()[0]) == (0.2, 1)
    assert (embedding.get_color(), other.get_color() == EMBEDDING) == (EMBEDDING, False)
    assert [text.get_text() for text in axes.texts] == ["0.50", "0.20"]


def test_predictions_are_drawn_over_the_truth() -> None:
    axes: Any = Figure().subplots()
    _draw_predictions(axes, "half_life", TRUE, TRUE * 2)
    points = axes.collections[0].get_offsets()
    assert points[:, 0].tolist() == TRUE.tolist()
    assert points[:, 1].tolist() == (TRUE * 2).tolist()
    assert axes.get_xlabel() == "measured half life (SD)"


def test_two_classes_have_a_place_each() -> None:
    axes: Any = Figure().subplots()
    _draw_predictions(axes, "x", np.where(TRUE > 0, 1.3, -0.7), TRUE)
    x = axes.collections[0].get_offsets()[:, 0]
    assert (np.round(x) == (TRUE > 0)).all()


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
    assert colours(axes) == [CLASS_COLORS[1], NOTHING, CLASS_COLORS[0], CLASS_COLORS[0]]
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


RNG = np.random.default_rng(0)
BASES = RNG.integers(0, 4, 300).astype(np.uint8)
EFFECTS = RNG.normal(size=(300, 4)).astype(np.float32)
EFFECTS[np.arange(300), BASES] = 0
IMPORTANCE = -EFFECTS.sum(1) / 3


def draw_mutagenesis(path: Path, zoom: tuple[int, int] | None = None, length: int = 300) -> None:
    mutation_figure(
        path,
        title="t1: half_life 0.3",
        bases=BASES[:length],
        effects=EFFECTS[:length],
        importance=IMPORTANCE[:length],
        coding=(60, 240) if length > 240 else (0, 0),
        exon_ends=np.array([length // 3, length - 1]),
        zoom=zoom,
    )


@pytest.mark.parametrize("length", [1, 20, 300])
def test_rnas_of_all_lengths(tmp_path: Path, length: int) -> None:
    draw_mutagenesis(tmp_path / "m.png", length=length)
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")


def test_the_text_of_the_figure(tmp_path: Path) -> None:
    draw_mutagenesis(tmp_path / "m.svg", (11, 40))
    text = (tmp_path / "m.svg").read_text()
    for words in ("t1: half_life 0.3", "CDS", "5' UTR", "3' UTR", "importance"):
        assert words in text
    with pytest.raises(InputError, match="written as"):
        draw_mutagenesis(tmp_path / "m.gif")


def test_letters_are_as_high_as_bases_are_important() -> None:
    axes: Any = Figure().subplots()
    _draw_logo(axes, np.array([0, 3, 2], np.uint8), np.array([2.0, -1.0, 0.0]), 0, 3)
    letters = [patch for patch in axes.patches if isinstance(patch, PathPatch)]
    assert len(letters) == 2, "no letter of height 0"
    to_data = axes.transData.inverted()
    boxes = [patch.get_window_extent().transformed(to_data) for patch in letters]
    assert [(box.y0, box.y1) for box in boxes] == [
        pytest.approx((0, 2), abs=1e-6),
        pytest.approx((-1, 0), abs=1e-6),
    ]
    assert boxes[0].x0 == pytest.approx(0.54)
    assert boxes[0].x1 == pytest.approx(1.46)


def test_the_structure() -> None:
    axes: Any = Figure().subplots()
    _draw_structure(axes, 300, (60, 240), np.array([100, 299]))
    whole, coding = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert (whole.get_x(), whole.get_width()) == (0.5, 300)
    assert (coding.get_x(), coding.get_width()) == (60.5, 180)
    assert [line.get_xdata()[0] for line in axes.lines] == [101.5], "the last exon meets none"


def test_the_most_important_stretch() -> None:
    importance = np.zeros(500)
    importance[300], importance[310] = -5.0, 4.0
    first, end = most_important(importance, 20)
    assert end - first == 20
    assert first <= 300 < 310 < end
    assert most_important(importance[:10], 20) == (0, 10)


def effects(*values: float) -> list[Effect]:
    return [
        Effect(f"m{i}", "CDS", value, value - 0.01, value + 0.01, 9)
        for i, value in enumerate(values)
    ]


def test_a_far_effect_is_told_at_the_edge() -> None:
    found = effects(0.1, -0.05, 0.02, 9.0)
    edge = _edge(found)
    assert edge == pytest.approx(0.11)
    axes: Any = Figure().subplots()
    for row, effect in enumerate(found):
        _draw_effect(axes, row, effect, edge)
    assert [line.get_marker() for line in axes.lines] == [*["None", "o"] * 3, ">"]
    assert axes.lines[-1].get_xdata() == pytest.approx([edge])
    assert [text.get_text() for text in axes.texts] == ["+0.1", "-0.05", "+0.02", "+9"]


def test_effects_that_are_all_zero(tmp_path: Path) -> None:
    motif_figure(tmp_path / "m.svg", [Effect("x", "CDS", 0.0, 0.0, 0.0, 3)], target="y")
    assert "y: motif minus scrambled control" in (tmp_path / "m.svg").read_text()


ROWS = [
    {
        "hierarchy": hierarchy,
        "method": method,
        "metric": metric,
        "term": term,
        "value": 0.7,
        "low": 0.6,
        "high": 0.8,
        "n": 1234,
    }
    for hierarchy in ("biological_process", "molecular_function")
    for method in ("embedding", "k-mers + codons")
    for metric in ("roc_auc", "cross_entropy")
    for term in ("mean over classes", "binding", "a term whose name is longer than a line can be")
]


def test_every_hierarchy_method_and_term_is_named(tmp_path: Path) -> None:
    path = tmp_path / "go.svg"
    ontology_figure(path, ROWS)
    text = " ".join(ElementTree.parse(path).getroot().itertext())
    for said in ("biological process", "molecular function", "embedding", "k-mers + codons"):
        assert said in text
    assert text.count("binding (1,234)") == 2
    assert "a term whose name is longer than …" in text
    assert "ROC AUC on held-out genes" in text


def test_other_formats_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a figure is written as"):
        ontology_figure(tmp_path / "go.bmp", ROWS)
    assert not list(tmp_path.iterdir())
