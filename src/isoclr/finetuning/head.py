"""The new layers behind an encoder: two random ones, and a last one that begins at zero."""

import torch
from torch import Tensor, nn


class Head(nn.Module):
    """``BN → (Linear → BN → ReLU → dropout) twice → Linear``.

    As in the paper's appendix A.5 the last layer begins at zero, so that training begins with the mean of the labels
    and the first steps cannot spoil what pre-training has learnt. Ours: the widths, and the norm in front, which brings
    the encoder's features to one scale.

    Args:
        dim: number of features.
        tasks: number of labels.
        hidden: width of the two layers.
        dropout: probability, in training only.
    """

    def __init__(self, dim: int, tasks: int, *, hidden: int, dropout: float) -> None:
        super().__init__()
        self.scale = nn.BatchNorm1d(dim, affine=False)
        self.hidden = nn.ModuleList([nn.Linear(dim, hidden), nn.Linear(hidden, hidden)])
        self.norms = nn.ModuleList([nn.BatchNorm1d(hidden), nn.BatchNorm1d(hidden)])
        self.last = nn.Linear(hidden, tasks)
        self.dropout = nn.Dropout(dropout)
        for linear in (*self.hidden, self.last):
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
        nn.init.zeros_(self.last.weight)

    def penalised(self) -> list[nn.Parameter]:
        """The weights that an L2 term falls on: the three layers'."""
        return [linear.weight for linear in (*self.hidden, self.last)]

    def forward(self, features: Tensor) -> Tensor:
        """``(n, dim)`` → ``(n, tasks)`` in standard deviations from the mean of the training labels."""
        x = self.scale(features)
        for linear, norm in zip(self.hidden, self.norms, strict=True):
            x = self.dropout(torch.relu(norm(linear(x))))
        predicted: Tensor = self.last(x)
        return predicted


class SalukiHead(nn.Linear):
    """Saluki's last layer: one output a task, random at first, as in its paper."""

    def __init__(self, dim: int, tasks: int) -> None:
        super().__init__(dim, tasks)
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        nn.init.zeros_(self.bias)

    def penalised(self) -> list[nn.Parameter]:
        """Its paper lets no L2 term fall on this layer."""
        return []
