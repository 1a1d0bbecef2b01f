"""Doctests of docstrings as code blocks in the reference: mkdocstrings takes those outside a section for Markdown."""

import re
from typing import Any

import griffe

DOCTEST = re.compile(r"^>>> .*(?:\n(?!\s*$).*)*(?:\n\n>>> .*(?:\n(?!\s*$).*)*)*", re.MULTILINE)


class Doctests(griffe.Extension):
    """Puts a fence around every doctest."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for every class and function that was read."""
        _fence(obj)

    def on_module(self, *, mod: griffe.Module, **_: Any) -> None:
        """Called for every module that was read."""
        _fence(mod)


def _fence(obj: griffe.Object) -> None:
    if obj.docstring is not None and "```pycon" not in obj.docstring.value:
        text = obj.docstring.value
        obj.docstring.value = DOCTEST.sub(lambda found: f"```pycon\n{found[0]}\n```", text)
