"""The atlas: a folder with a page of many RNAs, without a server, and the encoder with heads in the browser."""
