"""Encoders: the network, its registry, its files."""

from isoclr.models.encoder import Encoder
from isoclr.models.loading import load
from isoclr.models.registry import MODELS, create

__all__ = ["MODELS", "Encoder", "create", "load"]
