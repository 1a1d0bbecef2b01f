"""One file a part of the report; each gives markup, or nothing when its study was not run."""
