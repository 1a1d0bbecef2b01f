"""Baselines to compare embeddings with: simple sequence features, untrained encoders, language models."""
