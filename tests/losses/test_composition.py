import numpy as np
import pytest
import torch

from isoclr.losses import composition_errors

MEAN = torch.tensor([1.0, -2.0, 5.0])
SCALE = torch.tensor([0.5, 4.0, 0.0])
WEIGHTS = torch.tensor([1.0, 3.0, 9.0])
COMPOSITION = torch.tensor([[1.5, 2.0, 5.0], [0.0, -2.0, 5.0]])
WANTED = torch.tensor([[1.0, 1.0, 0.0], [-2.0, 0.0, 0.0]])


def test_what_is_read_right_has_no_error_whatever_is_said_of_what_never_varies() -> None:
    predicted = WANTED + torch.tensor([0.0, 0.0, 7.0])
    errors = composition_errors(predicted, COMPOSITION, MEAN, SCALE, WEIGHTS)
    assert errors.shape == (2, 1)
    assert errors.abs().max() == 0


def test_the_error_is_the_weighted_mean_square_over_the_features_that_vary() -> None:
    predicted = WANTED + torch.tensor([[2.0, 0.0, 0.0], [1.0, -3.0, 0.0]])
    errors = composition_errors(predicted, COMPOSITION, MEAN, SCALE, WEIGHTS)
    assert errors[:, 0].tolist() == pytest.approx([4 / 4, (1 + 3 * 9) / 4])


def test_knowing_nothing_costs_the_variance() -> None:
    rng = np.random.default_rng(0)
    composition = torch.from_numpy(rng.normal(3, 2, (4000, 5)))
    mean, scale = composition.mean(0), composition.std(0, correction=0)
    errors = composition_errors(
        torch.zeros(4000, 5).double(), composition, mean, scale, torch.ones(5)
    )
    assert float(errors.mean()) == pytest.approx(1, abs=0.01)


def test_extreme_targets_are_cut_off() -> None:
    composition = torch.tensor([[1.0 + 0.5 * 400, -2.0, 5.0], [1.0 - 0.5 * 400, -2.0, 5.0]])
    predicted = torch.tensor([[4.0, 0.0, 0.0], [-4.0, 0.0, 0.0]])
    assert composition_errors(predicted, composition, MEAN, SCALE, WEIGHTS).abs().max() == 0


def test_the_gradient_goes_to_the_prediction() -> None:
    predicted = torch.zeros(2, 3, requires_grad=True)
    composition_errors(predicted, COMPOSITION, MEAN, SCALE, WEIGHTS).sum().backward()  # type: ignore[no-untyped-call]
    assert predicted.grad is not None
    torch.testing.assert_close(predicted.grad, -WANTED * torch.tensor([0.5, 1.5, 0.0]))
