"""From RNAs to embeddings, and reading and writing embeddings."""
