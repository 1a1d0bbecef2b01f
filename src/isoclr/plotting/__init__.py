"""All figures, drawn with matplotlib."""

from isoclr.plotting.maps import Panel, map_figure
from isoclr.plotting.methods import (
    Bar,
    Curve,
    CurvePanel,
    Dot,
    DotPanel,
    ScatterPanel,
    curves_figure,
    dots_figure,
    neighbours_figure,
    ontology_figure,
    predictions_figure,
    probe_figure,
)
from isoclr.plotting.mutations import Effect, most_important, motif_figure, mutation_figure
from isoclr.plotting.style import FIGURE_FORMATS, NO_VALUE, PALETTE, check_format

__all__ = [
    "FIGURE_FORMATS",
    "NO_VALUE",
    "PALETTE",
    "Bar",
    "Curve",
    "CurvePanel",
    "Dot",
    "DotPanel",
    "Effect",
    "Panel",
    "ScatterPanel",
    "check_format",
    "curves_figure",
    "dots_figure",
    "map_figure",
    "most_important",
    "motif_figure",
    "mutation_figure",
    "neighbours_figure",
    "ontology_figure",
    "predictions_figure",
    "probe_figure",
]
