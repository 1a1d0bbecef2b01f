"""What an embedding space looks like: neighbours, geometry, what is written in it, and a map of it."""

from isoclr.latent.kinship import Relatives, relatives
from isoclr.latent.map_files import map_rnas
from isoclr.latent.mapping import Map, tsne
from isoclr.latent.neighbour_files import Neighbours, neighbours
from isoclr.latent.properties import Encoded, encoded
from isoclr.latent.retrieving import Retrieval, retrieval
from isoclr.latent.spread import Geometry, geometry

__all__ = [
    "Encoded",
    "Geometry",
    "Map",
    "Neighbours",
    "Relatives",
    "Retrieval",
    "encoded",
    "geometry",
    "map_rnas",
    "neighbours",
    "relatives",
    "retrieval",
    "tsne",
]
