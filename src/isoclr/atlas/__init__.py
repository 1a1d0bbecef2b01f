"""The atlas: a page of many RNAs, and the encoder with heads in the browser."""
