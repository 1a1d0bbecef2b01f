from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from isoclr.errors import InputError
from isoclr.reports.figures import EMBEDDING, Bar, _draw_bars, _draw_predictions, probe_figure
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
