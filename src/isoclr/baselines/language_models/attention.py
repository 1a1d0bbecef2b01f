"""Multi-head attention over padded batches, shared by the transformers that are implemented here."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def attend(queries: Tensor, keys: Tensor, values: Tensor, *, heads: int, bias: Tensor) -> Tensor:
    """Scaled dot-product attention.

    Args:
        queries: ``(b, l, d)``.
        keys: ``(b, l, d)``.
        values: ``(b, l, d)``.
        heads: the d channels are so many heads, one after the other.
        bias: added to the scores, broadcast to ``(b, heads, l, l)``; −∞ where a key must not be seen.

    Returns:
        ``(b, l, d)``.
    """
    b, length, d = queries.shape

    def split(x: Tensor) -> Tensor:
        return x.view(b, length, heads, d // heads).transpose(1, 2)  # (b, heads, l, d / heads)

    mixed = F.scaled_dot_product_attention(
        split(queries), split(keys), split(values), attn_mask=bias.to(queries.dtype)
    )
    return mixed.transpose(1, 2).reshape(b, length, d)


def hide(real: Tensor) -> Tensor:
    """Bias that hides padding: ``(b, 1, 1, l)`` float32, 0 for real tokens, −∞ for the others."""
    bias = torch.zeros(real.shape, device=real.device)
    return bias.masked_fill_(~real, float("-inf"))[:, None, None, :]


class SelfAttention(nn.Module):
    """Attention with three projections, under the names of BERT."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(d, d)
        self.key = nn.Linear(d, d)
        self.value = nn.Linear(d, d)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """``(b, l, d)`` → ``(b, l, d)``."""
        return attend(self.query(x), self.key(x), self.value(x), heads=self.heads, bias=bias)
