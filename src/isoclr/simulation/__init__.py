"""Synthetic multi-species data with known ground truth."""
