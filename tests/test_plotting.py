from itertools import pairwise
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
from isoclr.plotting.maps import Panel, _draw_map, map_figure
from isoclr.plotting.methods import (
    Curve,
    CurvePanel,
    Dot,
    DotPanel,
    _draw_bars,
    _draw_hits,
    _draw_predictions,
    _label_ends,
    curves_figure,
    dots_figure,
    neighbours_figure,
    ontology_figure,
    probe_figure,
)
from isoclr.plotting.mutations import (
    Effect,
    _axis_limit,
    _draw_effect,
    _draw_logo,
    _draw_structure,
    most_important,
    motif_figure,
    mutation_figure,
)
from isoclr.plotting.style import BLUE, NO_VALUE, PALETTE
from isoclr.tasks.metrics import Interval

BARS = [("embedding", Interval(0.5, 0.4, 0.6)), ("length", Interval(0.2, np.nan, np.nan))]
TRUE = np.random.default_rng(0).normal(size=50)


def draw(path: Path, true: np.ndarray = TRUE) -> None:
    probe_figure(path, bars=BARS, metric="Pearson R", label="x", true=true, predicted=TRUE, note="8 folds")


@pytest.mark.parametrize(("name", "head"), [("a.png", b"\x89PNG"), ("a.pdf", b"%PDF")])
def test_formats_give_the_same_bytes_for_the_same_data(tmp_path: Path, name: str, head: bytes) -> None:
    draw(tmp_path / name)
    first = (tmp_path / name).read_bytes()
    assert first.startswith(head)
    draw(tmp_path / name)
    assert (tmp_path / name).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_other_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"written as \.png, \.pdf, \.svg"):
        draw(tmp_path / "a.bmp")
    assert not list(tmp_path.iterdir())


def test_bars() -> None:
    axes: Any = Figure().subplots()
    _draw_bars(axes, BARS, "Pearson R")
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["embedding", "length"]
    interval, embedding, other = axes.lines[:3]
    assert interval.get_xdata().tolist() == [0.4, 0.6]
    assert (embedding.get_xdata()[0], embedding.get_ydata()[0]) == (0.5, 0)
    assert (other.get_xdata()[0], other.get_ydata()[0]) == (0.2, 1)
    assert (embedding.get_color(), other.get_color() == BLUE) == (BLUE, False)
    assert [text.get_text() for text in axes.texts] == ["0.50", "0.20"]


def test_predictions() -> None:
    axes: Any = Figure().subplots()
    _draw_predictions(axes, "half_life", TRUE, TRUE * 2)
    points = axes.collections[0].get_offsets()
    assert points[:, 0].tolist() == TRUE.tolist()
    assert points[:, 1].tolist() == (TRUE * 2).tolist()
    assert axes.get_xlabel() == "measured half life (SD)"


def test_predictions_of_two_classes() -> None:
    axes: Any = Figure().subplots()
    _draw_predictions(axes, "x", np.where(TRUE > 0, 1.3, -0.7), TRUE)
    x = axes.collections[0].get_offsets()[:, 0]
    assert (np.round(x) == (TRUE > 0)).all()


X, Y = np.arange(4.0), np.array([1.0, 3.0, 2.0, 0.0])
CLASSES = Panel("species", np.array(["mouse", "", "human", "human"]), ["human", "mouse"])
LENGTH = Panel("length", np.array([100.0, 1000.0, np.nan, 10_000.0]), None, skewed=True)


def colors_of(axes: Any) -> list[str]:
    points = axes.collections[0]
    places = points.get_offsets()[:, 0].astype(int).tolist()
    found = dict(zip(places, map(to_hex, points.get_facecolors()), strict=True))
    return [found[i].upper() for i in range(len(found))]


def test_class_colors() -> None:
    figure = Figure()
    axes: Any = figure.subplots()
    _draw_map(figure, axes, X, Y, CLASSES)
    assert colors_of(axes) == [PALETTE[1], NO_VALUE, PALETTE[0], PALETTE[0]]
    assert [text.get_text() for text in axes.get_legend().texts] == ["human", "mouse"]
    assert axes.get_title(loc="left") == "species\n3 of 4 RNAs; grey: no value"


def test_a_class_beyond_the_palette_is_other() -> None:
    figure = Figure()
    axes: Any = figure.subplots()
    _draw_map(figure, axes, X, Y, Panel("species", np.array(["a", "b", "a", "b"]), ["a"]))
    assert [text.get_text() for text in axes.get_legend().texts] == ["a", "other"]
    assert axes.get_title(loc="left") == "species"


def test_quantity_scale() -> None:
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


def test_panels_have_the_shape_of_the_map(tmp_path: Path) -> None:
    def shape(scale: float, panels: int) -> float:
        map_figure(tmp_path / "map.svg", X, scale * Y, [CLASSES] * panels)
        root = ElementTree.parse(tmp_path / "map.svg").getroot()
        return float(root.attrib["height"][:-2]) / float(root.attrib["width"][:-2])

    square = shape(1, 1)
    assert 0.3 < shape(0.01, 1) < 0.6 * square
    assert shape(100, 1) < 1.8
    assert shape(1, 4) == pytest.approx(square, rel=0.01)  # two by two


def metrics() -> pl.DataFrame:
    rows = [
        (method, scope, relation, length, 1, metric, value, value - 0.1, value + 0.1, 9)
        for method, value in (("embedding", 0.6), ("k-mers", 0.3))
        for scope, relation in (("all RNAs", "isoform"), ("RNAs of other species", "ortholog"))
        for length in ("all", "1,000 to 1,999 nt", "500 to 999 nt")
        for metric in ("hit rate", "length-matched chance")
    ]
    columns = ["method", "scope", "relation", "length", "k", "metric", "value", "low", "high", "n"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def test_hit_rates() -> None:
    axes: Any = Figure().subplots()
    rows = metrics().filter(scope="all RNAs", length="all")
    _draw_hits(axes, rows, ["embedding", "k-mers"], named=True)
    interval, point = axes.lines[:2]
    assert interval.get_xdata() == pytest.approx([50, 70])
    assert point.get_xdata() == pytest.approx([60])
    assert [text.get_text() for text in axes.texts] == ["60.0", "30.0"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["embedding", "k-mers"]


def test_neighbours_figure(tmp_path: Path) -> None:
    neighbours_figure(tmp_path / "n.svg", metrics())
    text = (tmp_path / "n.svg").read_text()
    assert "nearest RNA is an isoform" in text
    assert "nearest RNA of other species is an ortholog" in text
    assert "paralog" not in text, "nothing is known of them"
    assert text.index(">500<") < text.index(">1,000<")


RNG = np.random.default_rng(0)
BASES = RNG.integers(0, 4, 300).astype(np.uint8)
EFFECTS = RNG.normal(size=(300, 4)).astype(np.float32)
EFFECTS[np.arange(300), BASES] = 0
IMPORTANCE = -EFFECTS.sum(1) / 3


def draw_mutagenesis(
    path: Path, zoom: tuple[int, int] | None = None, length: int = 300, title: str = "t1: half_life 0.3"
) -> None:
    mutation_figure(
        path,
        title=title,
        bases=BASES[:length],
        effects=EFFECTS[:length],
        importance=IMPORTANCE[:length],
        coding=(60, 240) if length > 240 else (0, 0),
        exon_ends=np.array([length // 3, length - 1]),
        zoom=zoom,
    )


@pytest.mark.parametrize("length", [1, 300])
def test_mutations_of_rnas_of_all_lengths(tmp_path: Path, length: int) -> None:
    draw_mutagenesis(tmp_path / "m.png", length=length)
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")


def test_mutation_figure_text(tmp_path: Path) -> None:
    draw_mutagenesis(tmp_path / "m.svg", (11, 40))
    text = (tmp_path / "m.svg").read_text()
    for words in ("t1: half_life 0.3", "CDS", "5' UTR", "3' UTR", "importance"):
        assert words in text


def test_logo_letters() -> None:
    axes: Any = Figure().subplots()
    _draw_logo(axes, np.array([0, 3, 2], np.uint8), np.array([2.0, -1.0, 0.0]), 0, 3)
    letters = [patch for patch in axes.patches if isinstance(patch, PathPatch)]
    assert len(letters) == 2, "no letter of height 0"
    to_data = axes.transData.inverted()
    boxes = [patch.get_window_extent().transformed(to_data) for patch in letters]
    assert [(box.y0, box.y1) for box in boxes] == [pytest.approx((0, 2), abs=1e-6), pytest.approx((-1, 0), abs=1e-6)]
    assert boxes[0].x0 == pytest.approx(0.54)
    assert boxes[0].x1 == pytest.approx(1.46)


def test_structure() -> None:
    axes: Any = Figure().subplots()
    _draw_structure(axes, 300, (60, 240), np.array([100, 299]))
    whole, coding = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert (whole.get_x(), whole.get_width()) == (0.5, 300)
    assert (coding.get_x(), coding.get_width()) == (60.5, 180)
    assert [line.get_xdata()[0] for line in axes.lines] == [101.5], "the last exon meets none"


def test_most_important() -> None:
    importance = np.zeros(500)
    importance[300], importance[310] = -5.0, 4.0
    first, end = most_important(importance, 20)
    assert end - first == 20
    assert first <= 300 < 310 < end
    assert most_important(importance[:10], 20) == (0, 10)


def effects(*values: float) -> list[Effect]:
    return [Effect(f"m{i}", "CDS", value, value - 0.01, value + 0.01, 9) for i, value in enumerate(values)]


def test_far_effects_are_at_the_axis_limit() -> None:
    found = effects(0.1, -0.05, 0.02, 9.0)
    limit = _axis_limit(found)
    assert limit == pytest.approx(0.11)
    axes: Any = Figure().subplots()
    for row, effect in enumerate(found):
        _draw_effect(axes, row, effect, limit)
    assert [line.get_marker() for line in axes.lines] == [*["None", "o"] * 3, ">"]
    assert axes.lines[-1].get_xdata() == pytest.approx([limit])
    assert [text.get_text() for text in axes.texts] == ["+0.1", "-0.05", "+0.02", "+9"]


def test_zero_effects(tmp_path: Path) -> None:
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


def test_ontology_figure(tmp_path: Path) -> None:
    path = tmp_path / "go.svg"
    ontology_figure(path, ROWS)
    text = " ".join(ElementTree.parse(path).getroot().itertext())
    for said in ("biological process", "molecular function", "embedding", "k-mers + codons"):
        assert said in text
    assert text.count("binding (1,234)") == 2
    assert "a term whose name is longer than …" in text
    assert "ROC AUC on held-out genes" in text


DOTS = [
    Dot("ours", -0.512, -0.6, -0.4, "ours"),
    Dot("k-mers", 0.4, None, None, "other"),
    Dot("theirs", 0.5, None, None, "published"),
]
CURVE = Curve("ours", [1, 100], [0.1, 0.5], [0, 0.4], [0.2, None])


def test_dots_figure(tmp_path: Path) -> None:
    dots_figure([tmp_path / "a.svg", tmp_path / "a.png"], [DotPanel("T", "R", DOTS)] * 2)
    text = (tmp_path / "a.svg").read_text()
    for words in ("ours", "−0.512", "this model", "compared with", "published, other RNAs"):
        assert words in text
    assert (tmp_path / "a.png").stat().st_size > 1000
    dots_figure(tmp_path / "b.svg", [DotPanel("T", "R", DOTS[:2], legend=False)])
    assert "this model" not in (tmp_path / "b.svg").read_text()
    dots_figure(tmp_path / "c.svg", [DotPanel("T", "R", DOTS[:1])])
    assert "compared with" not in (tmp_path / "c.svg").read_text()


def test_names_at_the_ends_of_curves_do_not_overlap(tmp_path: Path) -> None:
    curves_figure(tmp_path / "c.svg", [CurvePanel("T", "share", "R", [CURVE])])
    assert ">ours<" in (tmp_path / "c.svg").read_text()
    axes = Figure().subplots()
    axes.set_ylim(0, 1)
    _label_ends(axes, [(0.5, 10.0, "a", "k"), (0.501, 10.0, "b", "k"), (0.502, 10.0, "c", "k")])
    heights = [text.get_position()[1] for text in axes.texts]
    assert min(b - a for a, b in pairwise(heights)) >= 0.0499


def draw_all(folder: Path, name: str) -> list[Path]:
    """Every figure, with a name from data wherever there is one."""
    folder.mkdir()
    paths = [folder / f"{i}.svg" for i in range(8)]
    bars = [(name, Interval(0.5, 0.4, 0.6))]
    probe_figure(paths[0], bars=bars, metric="R", label=name, true=TRUE, predicted=TRUE, note=name)
    map_figure(paths[1], X, Y, [Panel(name, np.array([name] * 4), [name]), LENGTH], title=name)
    neighbours_figure(paths[2], metrics().with_columns(pl.col("method").replace("k-mers", name)))
    draw_mutagenesis(paths[3], title=name, length=30)
    motif_figure(paths[4], [Effect(name, name, 0.1, 0.0, 0.2, 3)], target=name)
    ontology_figure(paths[5], [{**row, "term": name, "method": name} for row in ROWS])
    dots_figure(paths[6], [DotPanel(name, name, [Dot(name, 0.5, 0.4, 0.6, "ours")])])
    curves_figure(paths[7], [CurvePanel(name, name, name, [CURVE._replace(name=name)])])
    return paths


def test_the_same_data_give_the_same_bytes_with_names_as_they_are(tmp_path: Path) -> None:
    """An even number of dollars, with what would be an error in a formula or in XML."""
    name = r"a$b$ $\frac{$ <b>&amp;"
    first, second = (draw_all(tmp_path / run, name) for run in ("one", "two"))
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
        assert name in " ".join(ElementTree.parse(one).getroot().itertext())


def test_one_dollar(tmp_path: Path) -> None:
    motif_figure(tmp_path / "m.svg", [Effect("a$b", "CDS", 0.1, 0.0, 0.2, 3)], target="$")
    text = " ".join(ElementTree.parse(tmp_path / "m.svg").getroot().itertext())
    assert "a$b (CDS)" in text
    assert "$: motif minus" in text
