"""Figures for people."""

from isoclr.reports.figures import Bar, check_format, probe_figure

__all__ = ["Bar", "check_format", "probe_figure"]
