"""Colours, symbols and dashes that the colour-blind and a grey printer tell apart (Okabe and Ito's palette)."""

BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY, PURPLE, INK, GREY = "#56B4E9", "#CC79A7", "#222222", "#8C8C8C"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, INK, GREY)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross", "star", "hexagon")
MARKERS = ("o", "s", "D", "^", "X", "P", "*", "h")
"""matplotlib's for ``SYMBOLS``."""
LINES = ("-", "--", ":", "-.", (0, (8, 3)), (0, (8, 3, 2, 3)), "-", "--")
"""matplotlib's for ``DASHES``."""
