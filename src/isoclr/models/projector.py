"""The projection head: from embeddings to the space the contrastive loss lives in (pre-training only)."""

from jaxtyping import Float
from torch import Tensor, nn

from isoclr.models.chunk import Extent
from isoclr.models.norm import BatchNorm


class Projector(nn.Module):
    """``Linear → BN → ReLU`` twice, then ``Linear`` without bias.

    Both views of a batch are projected in one call, so batch statistics are over both views of all ranks.

    Args:
        dim: size of an embedding.
        hidden: width of the two hidden layers.
        out: size of a projection.
    """

    def __init__(self, dim: int, hidden: int = 2048, out: int = 512) -> None:
        super().__init__()
        self.hidden = nn.ModuleList([nn.Linear(dim, hidden), nn.Linear(hidden, hidden)])
        self.norms = nn.ModuleList([BatchNorm(hidden), BatchNorm(hidden)])
        self.last = nn.Linear(hidden, out, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                nn.init.kaiming_normal_(parameter, nonlinearity="relu")
            elif name.startswith("hidden"):
                nn.init.zeros_(parameter)

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
        """Project embeddings; a rank that has none still joins the statistics."""
        for linear, norm in zip(self.hidden, self.norms, strict=True):
            rows = linear(x).unsqueeze(
                0
            )  # (1, n, hidden): the rows of a batch as positions of one RNA
            (rows,) = norm([rows], [Extent.whole(len(x), rows.device)])
            x = rows[0]
        projected: Tensor = self.last(x)
        return projected
