"""The atlas: a folder with a page of many RNAs, without a server, and the encoder with heads in the browser."""

import sys

from isoclr._packages import CommandPackage

sys.modules[__name__].__class__ = CommandPackage
