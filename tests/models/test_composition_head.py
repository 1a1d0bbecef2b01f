import torch

from isoclr.models.composition_head import CompositionHead


def made(dim: int = 3, features: int = 5) -> CompositionHead:
    torch.manual_seed(0)
    return CompositionHead(
        dim, torch.arange(features).float(), torch.ones(features), torch.ones(features)
    )


def test_at_the_start_it_says_the_mean() -> None:
    assert made()(torch.randn(4, 3)).abs().max() == 0


def test_it_reads_linearly_what_varies_little() -> None:
    """A mean over a long RNA varies by a thousandth; its norm must not drown it."""
    head = made()
    torch.nn.init.eye_(head.linear.weight)
    x = 2 + 0.001 * torch.randn(500, 3, dtype=torch.float64).float()
    assert head(x)[:, :3].std(0).min() > 0.2


def test_no_rows_are_no_rows() -> None:
    assert made()(torch.zeros(0, 3)).shape == (0, 5)


def test_the_scale_travels_with_the_state() -> None:
    head = made()
    assert {"mean", "scale", "weights"} <= head.state_dict().keys()
    assert head.state_dict()["mean"].tolist() == [0, 1, 2, 3, 4]
