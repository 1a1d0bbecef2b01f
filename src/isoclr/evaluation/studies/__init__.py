"""One module per study of the evaluation."""
