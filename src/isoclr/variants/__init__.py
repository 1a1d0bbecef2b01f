"""Variants: from a VCF to every transcript it touches, to the consequence and the predicted effect."""

import sys

from isoclr._package import CallablePackage

sys.modules[__name__].__class__ = CallablePackage
