"""Public data from its official addresses: resumed, verified, never fetched twice."""

from isoclr.downloading.catalog import CATALOG, Entry
from isoclr.downloading.downloads import Fetched, download

__all__ = ["CATALOG", "Entry", "Fetched", "download"]
