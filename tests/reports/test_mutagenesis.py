from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle

from isoclr.errors import InputError
from isoclr.reports.mutagenesis import (
    Effect,
    _draw_effect,
    _draw_logo,
    _draw_structure,
    _edge,
    most_important,
    motif_figure,
    mutation_figure,
)

RNG = np.random.default_rng(0)
BASES = RNG.integers(0, 4, 300).astype(np.uint8)
EFFECTS = RNG.normal(size=(300, 4)).astype(np.float32)
EFFECTS[np.arange(300), BASES] = 0
IMPORTANCE = -EFFECTS.sum(1) / 3


def draw(path: Path, zoom: tuple[int, int] | None = None, length: int = 300) -> None:
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
    draw(tmp_path / "m.png", length=length)
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")


def test_the_text_of_the_figure(tmp_path: Path) -> None:
    draw(tmp_path / "m.svg", (11, 40))
    text = (tmp_path / "m.svg").read_text()
    for words in ("t1: half_life 0.3", "CDS", "5' UTR", "3' UTR", "importance"):
        assert words in text
    with pytest.raises(InputError, match="written as"):
        draw(tmp_path / "m.gif")


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
