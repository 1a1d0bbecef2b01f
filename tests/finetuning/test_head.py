"""The new layers: the last one begins at zero, and the L2 term falls on the layers alone."""

import torch

from isoclr.finetuning.head import Head, SalukiHead


def test_training_begins_with_the_mean_of_the_labels() -> None:
    head = Head(5, 2, hidden=7, dropout=0.3)
    features = torch.randn(9, 5)
    for training in (True, False):
        assert torch.equal(head.train(training)(features), torch.zeros(9, 2))


def test_the_two_penultimate_layers_are_random() -> None:
    head = Head(5, 2, hidden=7, dropout=0.0)
    first, second, _ = head.penalised()
    assert int(torch.count_nonzero(first)) == first.numel()
    assert int(torch.count_nonzero(second)) == second.numel()
    assert (first.shape, second.shape) == ((7, 5), (7, 7))


def test_features_of_any_scale_are_brought_to_one() -> None:
    torch.manual_seed(0)
    head = Head(3, 1, hidden=4, dropout=0.0).train()
    torch.nn.init.ones_(head.last.weight)
    features = torch.randn(50, 3)
    scaled = features * torch.tensor([0.1, 1.0, 1e3]) + torch.tensor([5.0, 0.0, -2.0])
    torch.testing.assert_close(head(scaled), head(features), rtol=0.01, atol=0.01)


def test_l2_falls_on_three_layers_of_ours_and_not_on_salukis_last() -> None:
    head = Head(5, 2, hidden=7, dropout=0.0)
    assert {id(weight) for weight in head.penalised()} == {
        id(linear.weight) for linear in (*head.hidden, head.last)
    }
    assert SalukiHead(5, 2).penalised() == []


def test_salukis_last_layer_begins_at_random() -> None:
    assert bool((SalukiHead(64, 1).weight != 0).all())
