from itertools import pairwise
from pathlib import Path

import pytest

from isoclr.evaluation.report.charts import Curve, Curves, Dot, Dots
from isoclr.evaluation.report.drawing import draw_curves, draw_dots


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_dots_and_curves_become_files(tmp_path: Path, kind: str) -> None:
    dots = Dots(
        "Left", "R", [Dot("ours", 0.5, 0.4, 0.6, "ours"), Dot("x", 0.4, None, None, "other")]
    )
    draw_dots(tmp_path / f"dots.{kind}", [dots, dots])
    curves = Curves(
        "Right", "share", "R", [Curve("ours", [1, 100], [0.1, 0.5], [0, 0.4], [0.2, 0.6])]
    )
    draw_curves(tmp_path / f"curves.{kind}", [curves])
    for name in ("dots", "curves"):
        assert (tmp_path / f"{name}.{kind}").stat().st_size > 1000


def test_names_and_values_are_written(tmp_path: Path) -> None:
    draw_dots(tmp_path / "d.svg", [Dots("T", "R", [Dot("ours", -0.512, -0.6, -0.4, "ours")])])
    text = (tmp_path / "d.svg").read_text()
    assert "ours" in text
    assert "−0.512" in text


def test_a_legend_says_what_the_marks_mean_but_only_of_those_there_are(tmp_path: Path) -> None:
    dots = [Dot("a", 0.5, None, None, "ours"), Dot("b", 0.4, None, None, "published")]
    draw_dots(tmp_path / "with.svg", [Dots("T", "R", dots)])
    draw_dots(tmp_path / "without.svg", [Dots("T", "R", dots, legend=False)])
    told, silent = ((tmp_path / f"{name}.svg").read_text() for name in ("with", "without"))
    assert "this model" in told
    assert "published, other RNAs and splits" in told
    assert "compared with" not in told
    assert "this model" not in silent


def test_names_at_the_ends_of_curves_do_not_overlap(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    from isoclr.evaluation.report.drawing import _label_ends

    axes = Figure().subplots()
    axes.set_ylim(0, 1)
    _label_ends(axes, [(0.5, 10.0, "a", "k"), (0.501, 10.0, "b", "k"), (0.502, 10.0, "c", "k")])
    heights = [text.get_position()[1] for text in axes.texts]
    assert min(b - a for a, b in pairwise(heights)) >= 0.0499
