"""Linear probes on frozen embeddings, and heads that predict with calibrated intervals."""
