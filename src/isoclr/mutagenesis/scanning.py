"""In-silico mutagenesis: how a prediction changes when one base of an mRNA is another."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from isoclr.baselines.regions import coding_region
from isoclr.corpus.codes import EXON_END, NUCLEOTIDE_BITS, Codes, N
from isoclr.errors import InputError
from isoclr.models.encoder import Encoder
from isoclr.models.packing import STRIDE
from isoclr.models.parallel import each
from isoclr.mutagenesis.consequences import CONSEQUENCES, consequences
from isoclr.mutagenesis.local import LocalNetwork, Mutants
from isoclr.predicting.linear import Line

Row = dict[str, str | int | float | None]
BATCH = 192
"""Mutants computed at a time: few enough for the processor's caches, enough to hide Python's share."""
REGIONS = ("5' UTR", "CDS", "3' UTR", "RNA")
"""Of an mRNA, and the whole of an RNA without a coding sequence."""


@dataclass(frozen=True)
class MutationScan:
    """Every point mutation of one RNA and what it does to a prediction.

    Attributes:
        transcript_id: the RNA.
        target: what is predicted.
        codes: the RNA as it is ``(L,)``.
        value: its prediction.
        effects: ``(L, 4)`` float32: prediction of the mutant with A, C, G or U minus ``value``; 0 for the base that is
            there already.
    """

    transcript_id: str
    target: str
    codes: Codes
    value: float
    effects: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        return f"MutationScan({self.transcript_id!r}: {self.target} {self.value:.3g}, {len(self):,} nt)"

    @property
    def bases(self) -> NDArray[np.uint8]:
        """``(L,)`` nucleotide codes, 4 for an unknown base."""
        return self.codes & np.uint8(NUCLEOTIDE_BITS)

    @property
    def importance(self) -> NDArray[np.float32]:
        """``(L,)`` what each base adds to the prediction: minus the mean effect of its mutations."""
        others = np.where(self.bases == N, 4, 3)
        return np.asarray(-self.effects.sum(1) / others, np.float32)

    @property
    def coding(self) -> tuple[int, int]:
        """First base and end of the coding sequence (0-based, half-open, stop codon included); (0, 0): none."""
        return coding_region(self.codes)

    @property
    def exon_ends(self) -> NDArray[np.int64]:
        """0-based positions of the last bases of the exons; empty when they are unknown."""
        return np.flatnonzero(self.codes & EXON_END)

    @cached_property
    def regions(self) -> NDArray[np.str_]:
        """``(L,)`` the region of each base, one of :data:`REGIONS`."""
        start, end = self.coding
        if end == 0:
            return np.full(len(self), "RNA")
        parts = [start, end - start, len(self) - end]
        return np.repeat(np.array(REGIONS[:3]), parts)

    @cached_property
    def consequences(self) -> NDArray[np.int8]:
        """``(L, 4)`` what each mutation does to the known signals: a number of :data:`CONSEQUENCES`, −1 for none."""
        return consequences(self.codes)

    def table(self) -> pl.DataFrame:
        """One row a base: transcript_id, position (1-based), base, region, importance, and the effect of A, C, G, U."""
        columns = {
            "transcript_id": pl.Series([self.transcript_id], dtype=pl.String).new_from_index(
                0, len(self)
            ),
            "position": np.arange(1, len(self) + 1),
            "base": np.array(list("ACGUN"))[self.bases],
            "region": self.regions,
            "importance": self.importance,
        }
        columns |= {base: self.effects[:, i] for i, base in enumerate("ACGU")}
        return pl.DataFrame(columns)

    def rows(self) -> list[Row]:
        """Mean and mean absolute effect of the mutations of every kind and region."""
        found: list[Row] = []
        common: Row = {
            "study": "mutagenesis",
            "task": self.target,
            "transcript": self.transcript_id,
        }
        for number, name in enumerate(CONSEQUENCES):
            effects = self.effects[self.consequences == number]
            if len(effects):
                told: Row = {"consequence": name, "n": len(effects)}
                means = {"mean effect": effects.mean(), "mean absolute effect": abs(effects).mean()}
                found += [
                    common | told | {"metric": m, "value": float(v)} for m, v in means.items()
                ]
        return found


def scan(
    encoder: Encoder,
    codes: Codes,
    line: Line,
    *,
    transcript_id: str = "",
    target: str = "prediction",
    progress: Callable[[int], None] = lambda _: None,
) -> MutationScan:
    """Mutate every base of an RNA to the three others.

    A mutation changes the base and nothing else: codons and exons stay where they are annotated, so a lost start codon
    or a new stop codon is seen as sequence, not as another coding sequence.

    Args:
        encoder: makes embeddings.
        codes: the RNA ``(L,)``.
        line: the prediction from an embedding.
        transcript_id: its name.
        target: what ``line`` predicts.
        progress: called with the number of mutants done since the last call.

    Raises:
        InputError: an RNA without a base, or a line for embeddings of another size.
    """
    check(encoder, line)
    if not len(codes):
        raise InputError(f"{transcript_id or 'RNA'}: is empty, expected bases to mutate")
    positions, bases = point_mutations(codes)
    if encoder.network.architecture.gap is None:
        value, changes = _whole(encoder, codes, line, positions, bases, progress)
    else:
        value, changes = _local(encoder, codes, line, positions, bases, progress)
    effects = np.zeros((len(codes), 4), np.float32)
    effects[positions, bases] = changes
    return MutationScan(transcript_id, target, np.asarray(codes), value, effects)


def check(encoder: Encoder, line: Line) -> None:
    """Refuse a line for embeddings of another size.

    Raises:
        InputError: it is.
    """
    if line.coefficients.shape != (encoder.dim,):
        raise InputError(
            f"a prediction from {len(line.coefficients)} values cannot be read off embeddings of {encoder!r}; "
            f"expected {encoder.dim}"
        )


def point_mutations(codes: Codes) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Position and new base of every point mutation, ``(m,)`` each; m = 3 L when all bases are known."""
    positions, bases = np.nonzero(np.arange(4) != (codes & NUCLEOTIDE_BITS)[:, None])
    return positions, bases.astype(np.uint8)


def mutated(codes: Codes, position: int, base: int) -> Codes:
    """A copy of an RNA with another base; codon and exon marks stay."""
    mutant = np.array(codes)
    mutant[position] = (mutant[position] & ~np.uint8(NUCLEOTIDE_BITS)) | np.uint8(base)
    return mutant


def _local(
    encoder: Encoder,
    codes: Codes,
    line: Line,
    positions: NDArray[np.int64],
    bases: NDArray[np.uint8],
    progress: Callable[[int], None],
) -> tuple[float, NDArray[np.float64]]:
    """Prediction, and the changes of it, from the activations that mutations reach."""
    network = LocalNetwork(encoder.network)
    rna = Mutants(network, codes)
    changes = np.empty(len(positions))

    def compute(rows: NDArray[np.int64]) -> None:
        moved = rna.changes(
            torch.from_numpy(positions[rows]).to(network.device),
            torch.from_numpy(bases[rows]).to(network.device),
        )
        changes[rows] = moved.double().cpu().numpy() @ line.coefficients
        progress(len(rows))

    each(compute, [*_batches(positions)], network.device.type)
    value = line(rna.embedding.cpu().numpy()[None])[0]
    return float(value), changes


def _batches(positions: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Mutations that the network treats alike, at most :data:`BATCH` at a time."""
    phases = positions % STRIDE
    for phase in range(STRIDE):
        rows = np.flatnonzero(phases == phase)
        yield from (rows[i : i + BATCH] for i in range(0, len(rows), BATCH))


def _whole(
    encoder: Encoder,
    codes: Codes,
    line: Line,
    positions: NDArray[np.int64],
    bases: NDArray[np.uint8],
    progress: Callable[[int], None],
) -> tuple[float, NDArray[np.float64]]:
    """The same for an encoder that sees as far as an mRNA is long: every mutant is embedded from end to end."""
    value = line(encoder.embed_codes([codes]))[0]
    changes = np.empty(len(positions))
    for start in range(0, len(positions), BATCH):
        some = slice(start, start + BATCH)
        pairs = zip(positions[some].tolist(), bases[some].tolist(), strict=True)
        mutants: Sequence[Codes] = [mutated(codes, position, base) for position, base in pairs]
        changes[some] = line(encoder.embed_codes(mutants)) - value
        progress(len(mutants))
    return float(value), changes
