"""Random numbers depend on seed, purpose and key alone."""

import torch

from isoclr.finetuning.randomness import Purpose, drawn, seeded, torch_seed


def test_numbers_depend_on_the_key_and_on_nothing_drawn_before() -> None:
    one = drawn(1, Purpose.ORDER, 2, 3).integers(1 << 60)
    drawn(1, Purpose.ORDER, 2, 3).integers(1 << 60, size=9)
    assert drawn(1, Purpose.ORDER, 2, 3).integers(1 << 60) == one
    others = [
        drawn(0, Purpose.ORDER, 2, 3),
        drawn(1, Purpose.SHARE, 2, 3),
        drawn(1, Purpose.ORDER, 2, 4),
    ]
    assert one not in [rng.integers(1 << 60) for rng in others]
    assert torch_seed(1, Purpose.DROPOUT, 0) != torch_seed(1, Purpose.DROPOUT, 1)


def test_torchs_own_generator_is_left_alone() -> None:
    torch.manual_seed(7)
    want = torch.rand(3)
    torch.manual_seed(7)
    with seeded(0, Purpose.WEIGHTS):
        first = torch.rand(3)
    with seeded(0, Purpose.WEIGHTS):
        assert torch.equal(torch.rand(3), first)
    assert torch.equal(torch.rand(3), want)
