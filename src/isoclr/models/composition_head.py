"""The composition head: reads what an RNA is made of off its embedding (pre-training only)."""

from jaxtyping import Float
from torch import Tensor, nn

from isoclr.models.chunk import Extent
from isoclr.models.norm import BatchNorm


class CompositionHead(nn.Module):
    """``BN → Linear``: what it reads, a linear probe can read too.

    Args:
        dim: size of an embedding.
        mean: ``(f,)`` mean of every feature.
        scale: ``(f,)`` its standard deviation, 0 where it does not vary.
        weights: ``(f,)`` how much it counts.
    """

    mean: Tensor
    scale: Tensor
    weights: Tensor

    def __init__(
        self,
        dim: int,
        mean: Float[Tensor, " f"],
        scale: Float[Tensor, " f"],
        weights: Float[Tensor, " f"],
    ) -> None:
        super().__init__()
        self.norm = BatchNorm(dim, eps=1e-5)  # the mean over a long RNA hardly varies
        self.linear = nn.Linear(dim, len(mean))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.register_buffer("weights", weights)

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """Standardised features; a rank that has no rows still joins the statistics."""
        (rows,) = self.norm([x.unsqueeze(0)], [Extent.whole(len(x), x.device)], relu=False)
        read: Tensor = self.linear(rows[0])
        return read
