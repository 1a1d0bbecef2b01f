"""Public annotations, genomes, homology and labels from their publishers, verified by checksum."""
