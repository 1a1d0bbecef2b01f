"""Escaped HTML: what a notebook shows of an object, and pages from templates."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from isoclr.errors import printable

ROWS = 20  # Most rows of a table that are shown


def card(title: str, facts: Mapping[str, object]) -> str:
    """A title, and one line for each fact.

    >>> card("Corpus", {"species": "<human>"})
    '<table><caption>Corpus</caption><tr><th>species</th><td>&lt;human&gt;</td></tr></table>'
    """
    rows = "".join(f"<tr><th>{_cell(k)}</th><td>{_cell(v)}</td></tr>" for k, v in facts.items())
    return f"<table><caption>{_cell(title)}</caption>{rows}</table>"


def grid(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with its title; of many rows the first :data:`ROWS`, and how many there are."""
    rows = list(rows)
    head = "".join(f"<th>{_cell(name)}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>" for row in rows[:ROWS])
    more = f"<p>{len(rows):,} rows</p>" if len(rows) > ROWS else ""
    caption = f"<caption>{_cell(title)}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return escape(printable(text))


def render_page(
    package: str,
    template: str,
    values: Mapping[str, Any],
    *,
    filters: Mapping[str, Callable[..., Any]],
    tests: Mapping[str, Callable[..., bool]] | None = None,
) -> str:
    """Fill in a Jinja template; values are escaped.

    Args:
        values: What it shows, by name. A name that is missing is an error.
    """
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(filters)
    environment.tests.update(tests or {})
    text = files(package).joinpath(template).read_text(encoding="utf-8")
    return environment.from_string(text).render(values)
