"""A stretch of activations for each of many mutants of one RNA, amid the activations of the unchanged RNA."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor


@dataclass(frozen=True)
class Rows:
    """Activations of the unchanged RNA at one place of the network.

    Attributes:
        values: ``(n + 1, c)``: one row a position, and a row of zeros that stands for all positions outside the RNA.
    """

    values: Float[Tensor, "n_and_1 c"]

    @classmethod
    def of(cls, x: Float[Tensor, "n c"]) -> "Rows":
        """Add the row of zeros."""
        return cls(torch.cat([x, x.new_zeros(1, x.shape[1])]))

    def __len__(self) -> int:
        return len(self.values) - 1

    def at(self, positions: Int64[Tensor, "m w"]) -> Float[Tensor, "m w c"]:
        """The activations at positions, zero where they lie outside the RNA."""
        n = len(self)
        inside = (positions >= 0) & (positions < n)
        return torch.nn.functional.embedding(torch.where(inside, positions, n), self.values)


@dataclass(frozen=True)
class Windows:
    """The activations that differ from the unchanged RNA's: a stretch for every mutant, all of the same width.

    Attributes:
        values: ``(m, w, c)``; zero outside the RNA.
        starts: ``(m,)`` position of the first of them; those of all mutants are odd, or all are even, as far as the
            network goes on pooling.
    """

    values: Float[Tensor, "m w c"]
    starts: Int64[Tensor, " m"]

    @property
    def width(self) -> int:
        """Positions in a stretch."""
        return int(self.values.shape[1])

    def positions(self, before: int = 0, after: int = 0) -> Int64[Tensor, "m w"]:
        """Positions of the stretch and of so many before and after it."""
        steps = torch.arange(-before, self.width + after, device=self.starts.device)
        return self.starts[:, None] + steps

    def amid(self, rows: Rows, before: int, after: int) -> Float[Tensor, "m wider c"]:
        """The stretch with its unchanged neighbours."""
        if before == after == 0:
            return self.values
        wider = rows.at(self.positions(before, after))
        wider[:, before : before + self.width] = self.values
        return wider

    def within(self, n: int) -> "Windows":
        """Zero, in place, what lies outside an RNA of ``n`` positions."""
        positions = self.positions()
        outside = (positions < 0) | (positions >= n)
        if bool(outside.any()):  # only near the RNA's ends
            self.values.masked_fill_(outside[..., None], 0)
        return self

    def difference(self, rows: Rows) -> Float[Tensor, "m c"]:
        """Sum over positions of what the mutation has changed."""
        return (self.values - rows.at(self.positions())).sum(1)
