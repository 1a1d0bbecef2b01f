"""Views: which two transcripts of a gene set are pulled together, and what of them the encoder gets to see.

A contrastive batch is a random draw of gene sets. From each come two transcripts, the *views*: isoforms of one
gene, or transcripts of homologous genes. Each view loses its own random share of positions (the mask) and, on
request, its exon ends or both annotation tracks; all views of a batch start 0–3 nt late (the shift), so that the
encoder cannot count on a reading frame.

The corpus lies as bytes on the device that trains. A step's pairs and their layout are a few thousand small
integers, which the host draws; everything that is done to a nucleotide is done by tensor operations where it lies.

Every random draw is keyed by what it is for – the run's seed, a :class:`Stream`, the epoch, the step, the view, the
position – and by nothing else. The same batch therefore has the same views on a CPU or a GPU, on one process or on
many, today or after a resume, and the whole state of the sampler is the pair (epoch, step).
"""

from isoclr.views.augmenting import Augmentation, Draws
from isoclr.views.composition import composition
from isoclr.views.dealing import deal
from isoclr.views.pairs import Pairs, PairSampler
from isoclr.views.rendering import Placing, render
from isoclr.views.resident import Isoforms, Resident
from isoclr.views.streams import Stream, generator

__all__ = [
    "Augmentation",
    "Draws",
    "Isoforms",
    "PairSampler",
    "Pairs",
    "Placing",
    "Resident",
    "Stream",
    "composition",
    "deal",
    "generator",
    "render",
]
