"""Variants: from a VCF to every transcript it touches, to the consequence and the predicted effect."""

import sys

from isoclr._packages import CommandPackage

sys.modules[__name__].__class__ = CommandPackage
