"""Simulated worlds: species with genomes, annotations, gene families and half-lives whose truth is known."""

from isoclr.simulation.sizes import SizeName
from isoclr.simulation.world import World, simulate

__all__ = ["SizeName", "World", "simulate"]
