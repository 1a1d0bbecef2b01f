"""The page of an evaluation: tables, figures, and an interactive map, in one HTML file."""
