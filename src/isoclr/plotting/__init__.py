"""All figures, drawn with matplotlib."""
