"""RNA and DNA language models of other groups, run without any code from their repositories."""
