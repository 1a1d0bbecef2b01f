"""Encoders: layers, packing of ragged batches, the dilated ResNet, inference, weights, the Hugging Face Hub."""
