"""One file a study: which results it needs, and how each is had."""
