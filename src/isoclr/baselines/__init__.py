"""What an embedding is compared with: simple features of the same RNAs, and an untrained encoder."""

from isoclr.baselines.features import SequenceFeatures
from isoclr.baselines.kmers import KmersAndCodons
from isoclr.baselines.lengths import Length
from isoclr.baselines.protocol import Embedder
from isoclr.baselines.random_init import RandomInit

__all__ = ["Embedder", "KmersAndCodons", "Length", "RandomInit", "SequenceFeatures"]
