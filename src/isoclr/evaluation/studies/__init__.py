"""The studies of an evaluation: each lists its results, which are computed if they are missing."""
