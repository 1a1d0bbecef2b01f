import math

import torch

from isoclr.baselines.language_models.attention import SelfAttention, attend, hide


def test_attention_by_hand() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 5, 6).unbind()
    bias = torch.randn(2, 3, 5, 5)
    found = attend(q, k, v, heads=3, bias=bias)
    for b in range(2):
        for head in range(3):
            part = slice(2 * head, 2 * head + 2)
            scores = q[b, :, part] @ k[b, :, part].T / math.sqrt(2) + bias[b, head]
            expected = torch.softmax(scores, dim=-1) @ v[b, :, part]
            assert torch.allclose(found[b, :, part], expected, atol=1e-5)


def test_what_is_hidden_has_no_weight() -> None:
    torch.manual_seed(0)
    layer, x = SelfAttention(8, 2), torch.randn(1, 4, 8)
    real = torch.tensor([[True, True, True, False]])
    changed = x.clone()
    changed[0, 3] = 1e3
    assert torch.equal(layer(x, hide(real))[:, :3], layer(changed, hide(real))[:, :3])
    alone = layer(x[:, :3], hide(real[:, :3]))
    assert torch.allclose(alone, layer(x, hide(real))[:, :3], atol=1e-6)
