"""What a chart shows, told once: the page draws it with plotly, the files with matplotlib."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from isoclr.plotting import BLUE, COLOURS, DASHES, GREY, INK, SYMBOLS, VERMILION


@dataclass(frozen=True)
class Dot:
    """One value with its interval; ``kind`` is ``ours``, ``other`` or ``published``."""

    name: str
    value: float
    low: float | None
    high: float | None
    kind: str


@dataclass(frozen=True)
class Dots:
    """Values of many methods, one below the other.

    Attributes:
        title: of the chart.
        axis: what the values are.
        dots: from top to bottom.
        reference: a value to draw a dotted line at, such as chance.
        legend: whether to say what the marks mean.
    """

    title: str
    axis: str
    dots: Sequence[Dot]
    reference: float = 0.0
    legend: bool = True

    def plotly(self) -> dict[str, Any]:
        """The chart for the page."""
        names = list(dict.fromkeys(dot.name for dot in self.dots))
        room = 26 * len(names)
        return {
            "data": [trace for kind in KINDS if (trace := self._trace(kind))],
            "layout": {
                **_layout(self.title, self.axis, ""),
                **_size(room),
                "showlegend": self.legend,
                "yaxis": {
                    "categoryorder": "array",
                    "categoryarray": names[::-1],
                    "automargin": True,
                    "ticklabelstandoff": 6,
                },
                "shapes": [_vertical(self.reference)],
            },
        }

    def _trace(self, kind: str) -> dict[str, Any] | None:
        dots = [dot for dot in self.dots if dot.kind == kind]
        if not dots:
            return None
        colour, symbol, label = KINDS[kind]
        return {
            "type": "scatter",
            "mode": "markers",
            "name": label,
            "x": [dot.value for dot in dots],
            "y": [dot.name for dot in dots],
            "error_x": {
                "type": "data",
                "symmetric": False,
                "array": [_reach(dot.value, dot.high) for dot in dots],
                "arrayminus": [_reach(dot.low, dot.value) for dot in dots],
                "color": colour,
                "thickness": 2,
                "width": 0,
            },
            "marker": {"color": colour, "symbol": symbol, "size": 9},
            "hovertemplate": "%{y}: %{x:.3f}<extra>" + label + "</extra>",
        }


KINDS = {
    "ours": (BLUE, "circle", "this model"),
    "other": (GREY, "square", "compared with"),
    "published": (VERMILION, "diamond-open", "published, other RNAs and splits"),
}
"""Colour, plotly's symbol, and what it means."""


@dataclass(frozen=True)
class Curve:
    """One method over a growing amount of something."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float | None]
    high: Sequence[float | None]


@dataclass(frozen=True)
class Curves:
    """Several methods over the same logarithmic axis.

    Attributes:
        title: of the chart.
        x_axis: what grows.
        y_axis: what is measured.
        curves: one a method.
    """

    title: str
    x_axis: str
    y_axis: str
    curves: Sequence[Curve]

    @property
    def reach(self) -> list[float]:
        """Ends of the vertical axis: room for all means, not for the ends of the widest intervals."""
        means = [y for curve in self.curves for y in curve.y]
        room = 0.25 * (max(means) - min(means)) + 0.05
        return [min(0.0, *means) - room / 2, max(means) + room]

    def plotly(self) -> dict[str, Any]:
        """The chart for the page."""
        ticks = sorted({x for curve in self.curves for x in curve.x})
        axis = {"type": "log", "tickvals": ticks, "ticktext": [f"{x:g}" for x in ticks]}
        layout = _layout(self.title, self.x_axis, self.y_axis)
        layout["xaxis"] |= axis
        layout["yaxis"] |= {"range": self.reach}
        return {
            "data": [self._trace(number, curve) for number, curve in enumerate(self.curves)],
            "layout": {**layout, **_size(300), "hovermode": "x unified"},
        }

    def _trace(self, number: int, curve: Curve) -> dict[str, Any]:
        style = number % len(COLOURS)
        colour = COLOURS[style]
        return {
            "type": "scatter",
            "mode": "lines+markers",
            "name": curve.name,
            "x": list(curve.x),
            "y": list(curve.y),
            "error_y": {
                "type": "data",
                "symmetric": False,
                "array": [_reach(y, high) for y, high in zip(curve.y, curve.high, strict=True)],
                "arrayminus": [_reach(low, y) for low, y in zip(curve.low, curve.y, strict=True)],
                "color": colour,
                "thickness": 1,
                "width": 3,
            },
            "line": {"color": colour, "dash": DASHES[style], "width": 2},
            "marker": {"symbol": SYMBOLS[style], "size": 8},
            "hovertemplate": "%{y:.3f}",
        }


@dataclass(frozen=True)
class Points:
    """RNAs as points that say their name.

    Attributes:
        title: of the chart.
        x_axis: what lies along x.
        y_axis: what lies along y.
        x: ``(n,)``.
        y: ``(n,)``.
        gene: ``(n,)`` symbol or id.
        transcript: ``(n,)`` id.
    """

    title: str
    x_axis: str
    y_axis: str
    x: Sequence[float]
    y: Sequence[float]
    gene: Sequence[str]
    transcript: Sequence[str]

    def plotly(self) -> dict[str, Any]:
        """The chart for the page, with the line of equality."""
        reach = [min(*self.x, *self.y), max(*self.x, *self.y)]
        dots = {
            "type": "scattergl",
            "mode": "markers",
            "x": [round(x, 3) for x in self.x],
            "y": [round(y, 3) for y in self.y],
            "text": list(self.gene),
            "customdata": list(self.transcript),
            "marker": {"color": BLUE, "size": 4, "opacity": 0.35},
            "hovertemplate": "<b>%{text}</b> %{customdata}<br>measured %{x}, predicted %{y}<extra></extra>",
        }
        line = {"type": "line", "x0": reach[0], "y0": reach[0], "x1": reach[1], "y1": reach[1]}
        line |= {"line": {"color": INK, "width": 1, "dash": "dot"}}
        layout = _layout(self.title, self.x_axis, self.y_axis)
        shown = {**_size(330), "shapes": [line], "showlegend": False}
        return {"data": [dots], "layout": {**layout, **shown}}


def _reach(low: float | None, high: float | None) -> float:
    return 0.0 if low is None or high is None else max(0.0, high - low)


def _vertical(x: float) -> dict[str, Any]:
    line = {"color": INK, "width": 1, "dash": "dot"}
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": x,
        "x1": x,
        "y0": 0,
        "y1": 1,
        "line": line,
    }


TOP, BOTTOM, AXIS = 40, 86, 50
"""px above the plot, below it for axis and legend, and for the axis alone."""


def _size(room: int) -> dict[str, Any]:
    """Height of a chart whose plot is so many px high, and the legend's place below its axis."""
    place = {"orientation": "h", "y": -AXIS / room, "yanchor": "top", "x": 0}
    return {"height": room + TOP + BOTTOM, "legend": place}


def _layout(title: str, x_axis: str, y_axis: str) -> dict[str, Any]:
    return {
        "title": {
            "text": title,
            "font": {"size": 14},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "pad": {"l": 8},
        },
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": INK},
        "margin": {"l": 60, "r": 16, "t": TOP, "b": BOTTOM},
        "xaxis": {"title": {"text": x_axis}, "zeroline": False, "gridcolor": "#e5e5e5"},
        "yaxis": {"title": {"text": y_axis}, "zeroline": False, "gridcolor": "#e5e5e5"},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "showlegend": True,
    }
