"""Analysis of embeddings and predictions: neighbours, geometry, t-SNE maps, in-silico mutagenesis, motifs."""
