"""Elements of a page: what is not markup already is escaped."""

import base64
import html
import json
from collections.abc import Iterable
from typing import Any


class Html(str):
    """Markup, to be written as it is."""

    __slots__ = ()


def element(tag: str, /, *content: str | Iterable[str | None] | None, **attributes: object) -> Html:
    """One element with its content.

    Args:
        tag: name of the element.
        content: texts, which are escaped, markup, lists of these, or None for nothing.
        attributes: ``class_`` is ``class``, ``for_`` is ``for``, ``aria_label`` is ``aria-label``; True is an
            attribute without a value, None and False are none.

    >>> element("p", "a < b", class_="note")
    '<p class="note">a &lt; b</p>'
    """
    words = "".join(_attribute(key, value) for key, value in attributes.items())
    return Html(f"<{tag}{words}>{joined(*content)}</{tag}>")


def void(tag: str, /, **attributes: object) -> Html:
    """An element that has no content, such as ``img``."""
    return Html(f"<{tag}{''.join(_attribute(k, v) for k, v in attributes.items())}>")


def joined(*content: str | Iterable[str | None] | None) -> Html:
    """Content one after the other."""
    parts = []
    for one in content:
        if one is None:
            continue
        if isinstance(one, Html):
            parts.append(str(one))
        elif isinstance(one, str):
            parts.append(html.escape(one, quote=False))
        else:
            parts.append(str(joined(*one)))
    return Html("".join(parts))


def data(value: Any, **attributes: object) -> Html:
    """JSON inside the page, which no script element can end and no parser mistakes for markup."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    words = "".join(_attribute(k, v) for k, v in attributes.items())
    return Html(
        f'<script type="application/json"{words}>{text.replace("<", chr(92) + "u003c")}</script>'
    )


def download(text: str, name: str, label: str) -> Html:
    """A link that saves a text that the page itself holds."""
    packed = base64.b64encode(text.encode()).decode()
    return element(
        "a", label, class_="download", download=name, href=f"data:text/csv;base64,{packed}"
    )


def _attribute(key: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'
