"""The corpus: isoforms of many species as six tracks, one byte a nucleotide, grouped into gene sets.

Reading one needs numpy only; building, merging and inspecting need polars, so their names are imported when
first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from isoclr.corpus.reader import Corpus, open_corpus

if TYPE_CHECKING:
    from isoclr.corpus.building import build
    from isoclr.corpus.inspection import Inspection, inspect
    from isoclr.corpus.merging import merge
    from isoclr.corpus.plotting import plot
    from isoclr.corpus.printing import describe
    from isoclr.corpus.subsetting import subset

__all__ = [
    "Corpus",
    "Inspection",
    "build",
    "describe",
    "inspect",
    "merge",
    "open_corpus",
    "plot",
    "subset",
]

_HOME = {
    "build": "building",
    "describe": "printing",
    "inspect": "inspection",
    "Inspection": "inspection",
    "merge": "merging",
    "plot": "plotting",
    "subset": "subsetting",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"isoclr.corpus.{_HOME[name]}"), name)
    raise AttributeError(f"module 'isoclr.corpus' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
