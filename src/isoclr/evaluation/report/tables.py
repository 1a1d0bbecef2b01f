"""Tables with captions and row heads, and numbers as a paper prints them."""

from collections.abc import Sequence

from isoclr.evaluation.report.html import Html, download, element


def table(
    caption: str | Html,
    heads: Sequence[str | Html],
    rows: Sequence[Sequence[str | Html]],
    *,
    groups: Sequence[tuple[str, Sequence[Sequence[str | Html]]]] = (),
    csv: tuple[str, str] | None = None,
) -> Html:
    """A table whose first column names the rows.

    Args:
        caption: what it shows.
        heads: of the columns.
        rows: the cells.
        groups: more rows, each group under a head of its own, such as published numbers.
        csv: name and text of the file that holds its numbers.
    """
    words = [not _is_number(cell) for cell in rows[0]] if rows else []
    bodies = [element("tbody", [_row(row) for row in rows])] if rows else []
    for name, more in groups:
        head = element("tr", element("th", name, colspan=len(heads), scope="rowgroup"))
        bodies.append(element("tbody", head, [_row(row) for row in more], class_="group"))
    columns = [
        element("th", head, scope="col", class_="words" if word else None)
        for head, word in zip(heads, words or [False] * len(heads), strict=True)
    ]
    top = element("thead", element("tr", columns))
    grid = element("table", element("caption", caption), top, bodies)
    link = element("p", download(csv[1], csv[0], f"Download {csv[0]}")) if csv else None
    return element(
        "div", grid, link, class_="table", tabindex="0", role="region", aria_label="table"
    )


def _row(cells: Sequence[str | Html]) -> Html:
    first, *others = cells
    return element("tr", element("th", first, scope="row"), [_cell(cell) for cell in others])


def _cell(cell: str | Html) -> Html:
    """Numbers are set right, one below the other; words left."""
    return element("td", cell, class_=None if _is_number(cell) else "words")


def _is_number(cell: str) -> bool:
    return cell[:1] in tuple("0123456789−–+")


def with_interval(value: float | None, low: float | None, high: float | None) -> str:
    """A mean and its 95 % interval.

    >>> with_interval(0.5, 0.44, 0.561), with_interval(0.5, None, None)
    ('0.500 [0.440, 0.561]', '0.500')
    """
    if value is None:
        return "–"
    if low is None or high is None:
        return number(value)
    return f"{number(value)} [{number(low)}, {number(high)}]"


def number(value: float | None, digits: int = 3) -> str:
    """A number with a real minus sign; a dash for none."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")
