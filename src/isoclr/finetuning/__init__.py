"""Training an encoder, or Saluki, on labels."""
