"""Variants: from a VCF to every transcript it touches, to the consequence and the predicted effect."""
