"""The loss against an independent float64 NumPy reference, values and gradients."""

import numpy as np
import pytest
import torch

from isoclr.pretraining.losses import DCLLoss, auxiliary_loss, count_weights, decoupled_contrastive_loss

MEAN = torch.tensor([1.0, -2.0, 5.0])
SCALE = torch.tensor([0.5, 4.0, 0.0])
WEIGHTS = torch.tensor([1.0, 3.0, 9.0])
FEATURES = torch.tensor([[1.5, 2.0, 5.0], [0.0, -2.0, 5.0]])
TARGETS = torch.tensor([[1.0, 1.0, 0.0], [-2.0, 0.0, 0.0]])


def test_perfect_auxiliary_prediction() -> None:
    predicted = TARGETS + torch.tensor([0.0, 0.0, 7.0])
    errors = auxiliary_loss(predicted, FEATURES, MEAN, SCALE, WEIGHTS)
    assert errors.shape == (2, 1)
    assert errors.abs().max() == 0


def test_auxiliary_loss() -> None:
    predicted = TARGETS + torch.tensor([[2.0, 0.0, 0.0], [1.0, -3.0, 0.0]])
    errors = auxiliary_loss(predicted, FEATURES, MEAN, SCALE, WEIGHTS)
    assert errors[:, 0].tolist() == pytest.approx([4 / 4, (1 + 3 * 9) / 4])


def test_constant_auxiliary_prediction() -> None:
    rng = np.random.default_rng(0)
    features = torch.from_numpy(rng.normal(3, 2, (4000, 5)))
    mean, scale = features.mean(0), features.std(0, correction=0)
    errors = auxiliary_loss(torch.zeros(4000, 5).double(), features, mean, scale, torch.ones(5))
    assert float(errors.mean()) == pytest.approx(1, abs=0.01)


def test_auxiliary_targets_are_clipped() -> None:
    features = torch.tensor([[1.0 + 0.5 * 400, -2.0, 5.0], [1.0 - 0.5 * 400, -2.0, 5.0]])
    predicted = torch.tensor([[4.0, 0.0, 0.0], [-4.0, 0.0, 0.0]])
    assert auxiliary_loss(predicted, features, MEAN, SCALE, WEIGHTS).abs().max() == 0


def test_auxiliary_gradient() -> None:
    predicted = torch.zeros(2, 3, requires_grad=True)
    auxiliary_loss(predicted, FEATURES, MEAN, SCALE, WEIGHTS).sum().backward()  # type: ignore[no-untyped-call]
    assert predicted.grad is not None
    torch.testing.assert_close(predicted.grad, -TARGETS * torch.tensor([0.5, 1.5, 0.0]))


def reference(z1: np.ndarray, z2: np.ndarray, w: np.ndarray, tau: float) -> float:
    """The equation of the docstring, loop by loop."""
    z1 = z1 / np.linalg.norm(z1, axis=1, keepdims=True)
    z2 = z2 / np.linalg.norm(z2, axis=1, keepdims=True)
    n = len(z1)
    total = 0.0
    for a, b in ((z1, z2), (z2, z1)):
        for i in range(n):
            term = -w[i] * (a[i] @ b[i]) / tau
            for other in (a, b):
                total_exp = sum(np.exp(a[i] @ other[j] / tau) for j in range(n) if j != i)
                if n > 1:
                    term += np.log(total_exp)
            total += term / n
    return total / 2


def numeric_gradient(z1: np.ndarray, z2: np.ndarray, w: np.ndarray, tau: float) -> np.ndarray:
    gradient = np.zeros_like(z1)
    for index in np.ndindex(*z1.shape):
        step = np.zeros_like(z1)
        step[index] = 1e-6
        gradient[index] = (reference(z1 + step, z2, w, tau) - reference(z1 - step, z2, w, tau)) / 2e-6
    return gradient


@pytest.mark.parametrize(("n", "tau"), [(1, 0.1), (2, 0.1), (7, 0.1), (7, 0.5)])
def test_values_and_gradients_agree_with_the_reference(n: int, tau: float) -> None:
    rng = np.random.default_rng(n)
    z1, z2 = rng.normal(size=(2, n, 5))
    w = rng.uniform(0.3, 3, n)
    t1 = torch.tensor(z1, dtype=torch.float32, requires_grad=True)
    t2 = torch.tensor(z2, dtype=torch.float32, requires_grad=True)
    loss = decoupled_contrastive_loss(t1, t2, torch.tensor(w), tau)
    torch.autograd.backward(loss)
    assert float(loss.detach()) == pytest.approx(reference(z1, z2, w, tau), rel=1e-5, abs=1e-5)
    assert t1.grad is not None
    assert t2.grad is not None
    np.testing.assert_allclose(t1.grad, numeric_gradient(z1, z2, w, tau), atol=2e-4)
    np.testing.assert_allclose(t2.grad, numeric_gradient(z2, z1, w, tau), atol=2e-4)


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("kind", ["identical", "zero", "huge", "bf16"])
def test_degenerate_views_have_finite_loss_and_gradient(n: int, kind: str) -> None:
    z = torch.randn(n, 8, generator=torch.Generator().manual_seed(0))
    z = {"identical": z[:1].expand(n, 8), "zero": z * 0, "huge": z * 1e15, "bf16": z.bfloat16()}[kind]
    z = z.clone().requires_grad_()
    loss = decoupled_contrastive_loss(z, z, torch.ones(n), 0.1)
    torch.autograd.backward(loss)
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert z.grad is not None
    assert torch.isfinite(z.grad).all()


def test_module_is_the_function() -> None:
    z1, z2 = torch.randn(2, 6, 4)
    w = torch.rand(6)
    assert torch.equal(DCLLoss(0.5)(z1, z2, w), decoupled_contrastive_loss(z1, z2, w, 0.5))
    assert torch.equal(DCLLoss()(z1, z2), decoupled_contrastive_loss(z1, z2))


def test_the_loss_is_float32_under_autocast() -> None:
    z1, z2 = torch.randn(2, 16, 32)
    plain = decoupled_contrastive_loss(z1, z2)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(decoupled_contrastive_loss(z1, z2), plain)


def test_weights_follow_the_published_values() -> None:
    """Published at c = 0.4 and R = 0.802: w(1) = .420, w(2) = 1.092, w(4) = 1.847, w(10) = 2.920, w(50) = 4.888."""
    counts = np.array([1, 2, 4, 10, 50])
    expected = np.array([0.420, 1.092, 1.847, 2.920, 4.888])
    weights = count_weights(counts)
    np.testing.assert_allclose(weights / weights[0], expected / expected[0], rtol=3e-3)
    assert weights.mean() == pytest.approx(1.0)


def test_weights_touch_the_positive_term_only() -> None:
    z1, z2 = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(1))
    cosine = torch.nn.functional.cosine_similarity(z1, z2)
    w = torch.rand(6)
    difference = decoupled_contrastive_loss(z1, z2, w) - decoupled_contrastive_loss(z1, z2, w + 1)
    torch.testing.assert_close(difference, cosine.mean() / 0.1)
