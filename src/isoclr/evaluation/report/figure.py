"""A figure on the page: charts side by side, a caption, and its numbers for those who cannot see it."""

from collections.abc import Sequence
from typing import Any, Protocol

from isoclr.evaluation.report.html import Html, data, element


class Chart(Protocol):
    """Anything that plotly can draw."""

    @property
    def title(self) -> str:
        """What it shows."""
        ...

    def plotly(self) -> dict[str, Any]:
        """Its data and layout."""
        ...


def figure(
    name: str, charts: Sequence[Chart], caption: str | Html, *, numbers: Html | None = None
) -> Html:
    """Charts with a caption.

    Args:
        name: the figure's id on the page.
        charts: drawn side by side where there is room.
        caption: what they show.
        numbers: the table of the same numbers, folded away below.
    """
    drawn = [_chart(chart) for chart in charts]
    more = None
    if numbers is not None:
        more = element("details", element("summary", "The numbers of this figure"), numbers)
    return element(
        "figure",
        element("div", drawn, class_="charts"),
        element("figcaption", caption),
        more,
        id=name,
    )


def _chart(chart: Chart) -> Html:
    spec = chart.plotly()
    height = spec["layout"].get("height", 420)
    return element(
        "div",
        element("div", class_="canvas", style=f"min-height:{height}px"),
        data(spec, class_="spec"),
        class_="chart",
        role="img",
        aria_label=chart.title,
    )
