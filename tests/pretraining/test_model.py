from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.errors import InputError
from isoclr.models.encoder import create
from isoclr.models.packing import PackingConfig
from isoclr.pretraining.augmentations import Augmentation, DeviceCorpus
from isoclr.pretraining.auxiliary import SIZE
from isoclr.pretraining.config import PretrainConfig
from isoclr.pretraining.data import Batch, PairSampler, PretrainDataset, ViewBuilder
from isoclr.pretraining.losses import auxiliary_loss, decoupled_contrastive_loss
from isoclr.pretraining.model import ContrastiveModel, WeightAverage, load_init
from isoclr.training.device import MemoryPlan
from isoclr.training.distributed import Distributed
from isoclr.training.run import DivergedError

pytestmark = pytest.mark.usefixtures("narrow")
CONFIG = PretrainConfig(batch_size=6, temperature=0.2, precision="float32")
PACKING = PackingConfig(gap=128, chunk_nt=4096)
SCALE = torch.zeros(SIZE), torch.linspace(0.5, 2.0, SIZE), torch.ones(SIZE)
KEEP = MemoryPlan(packing=PACKING, activation_checkpointing=False, compile=False)
RECOMPUTE = MemoryPlan(packing=PACKING, activation_checkpointing=True, compile=False)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def corpus(small_corpus: Path) -> Corpus:
    return open_corpus(small_corpus)


def batch(corpus: Corpus, step: int = 0, *, with_features: bool = False) -> Batch:
    pairs = PairSampler(*corpus.members, batch_size=6, seed=0).batch(0, step)
    augmentation = Augmentation(mask=0.15, max_shift=3)
    maker = ViewBuilder(
        DeviceCorpus(corpus), augmentation, PACKING, seed=0, world=Distributed(), with_features=with_features
    )
    return maker.batch(pairs, 0, step)


def learner(corpus: Corpus, **options: Any) -> ContrastiveModel:
    weights = np.linspace(0.5, 1.5, corpus.num_gene_sets, dtype=np.float32)
    config = PretrainConfig(**{**CONFIG.flat(), **options})
    return ContrastiveModel(config, Distributed(), weights, features=SCALE if config.aux_weight else None)


def projections(made: ContrastiveModel, views: Batch) -> tuple[torch.Tensor, ...]:
    """Of the first and of the second views of the pairs, in the pairs' order."""
    with torch.no_grad():
        own = made.projector(made.network(views.chunks))
    z = torch.empty_like(own)
    z[views.positions[0]] = own
    return z.chunk(2)


def test_loss_of_a_step(corpus: Corpus) -> None:
    made = learner(corpus, dropout=0.0)
    views = batch(corpus)
    made.modules.train()
    z1, z2 = projections(made, views)
    weights = torch.linspace(0.5, 1.5, corpus.num_gene_sets)[views.gene_sets]
    expected = decoupled_contrastive_loss(z1, z2, weights, temperature=0.2)
    found = learner(corpus, dropout=0.0).step(views, 0, 0.001).result().loss
    assert found == pytest.approx(float(expected), rel=1e-5)


def test_gradient_clipping(corpus: Corpus) -> None:
    made = learner(corpus, max_grad_norm=0.01)
    result = made.step(batch(corpus), 0, 0.001).result()
    clipped = torch.stack([p.grad.norm() for p in made.parameters if p.grad is not None]).norm()
    assert result.gradient_norm > 1
    assert float(clipped) == pytest.approx(0.01, rel=1e-3)


def test_learning_rate(corpus: Corpus) -> None:
    made = learner(corpus)
    before = [p.detach().clone() for p in made.parameters]
    made.step(batch(corpus), 0, 1e-4)
    furthest = max(float((p.detach() - q).abs().max()) for p, q in zip(made.parameters, before, strict=True))
    assert furthest == pytest.approx(1e-4, rel=0.02)  # Adam's first step has the learning rate's size


def test_restored_model_is_bit_exact(corpus: Corpus) -> None:
    never_stopped = learner(corpus)
    never_stopped.step(batch(corpus, 0), 0, 0.001)
    saved = {name: tensor.clone() for name, tensor in never_stopped.tensors().items()}
    torch.manual_seed(99)  # the state of torch's generator must not matter
    resumed = learner(corpus)
    resumed.restore(saved, Path("checkpoint"))
    for step in (1, 2):
        results = [m.step(batch(corpus, step), step, 0.001).result() for m in (never_stopped, resumed)]
        assert results[0] == results[1]
    expected = never_stopped.tensors()
    for name, tensor in resumed.tensors().items():
        assert torch.equal(tensor, expected[name]), name


def test_validation_changes_nothing(corpus: Corpus) -> None:
    made = learner(corpus)
    made.step(batch(corpus), 0, 0.001)
    before = {name: tensor.clone() for name, tensor in made.tensors().items()}
    first, second = made.validate(batch(corpus)), made.validate(batch(corpus))
    assert first == second
    assert all(torch.equal(tensor, before[name]) for name, tensor in made.tensors().items())


def test_dropout_depends_on_the_step(corpus: Corpus) -> None:
    made, views = learner(corpus, dropout=0.3), batch(corpus)
    losses = [made.step(views, number, 0.0).result().loss for number in (0, 1, 0)]
    assert losses[0] == losses[2] != losses[1]


def test_bf16_stays_close_to_float32(corpus: Corpus) -> None:
    losses = [
        learner(corpus, dropout=0.0, precision=precision).step(batch(corpus), 0, 0.001).result().loss
        for precision in ("float32", "bf16")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.1)
    assert losses[0] != losses[1]


def test_activation_checkpointing(corpus: Corpus) -> None:
    gradients = []
    for plan in (RECOMPUTE, KEEP):
        made = learner(corpus)
        made.apply(plan)
        assert made.network.recompute == plan.activation_checkpointing
        made.step(batch(corpus), 0, 0.001)
        gradients.append([p.grad for p in made.parameters])
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_compile(corpus: Corpus) -> None:
    made = learner(corpus)
    assert not made.network.compiled
    made.apply(MemoryPlan(packing=PACKING, activation_checkpointing=False, compile=True))
    assert made.network.compiled


def test_start(corpus: Corpus) -> None:
    first, fresh = learner(corpus), learner(corpus)
    first.step(batch(corpus), 0, 0.01)
    weights = np.ones(corpus.num_gene_sets, np.float32)
    made = ContrastiveModel(CONFIG, Distributed(), weights, start=first.encoder)
    for name, tensor in made.network.state_dict().items():
        assert torch.equal(tensor, first.network.state_dict()[name]), name
    for name, tensor in made.projector.state_dict().items():
        assert torch.equal(tensor, fresh.projector.state_dict()[name]), name
    made.step(batch(corpus), 0, 0.01)
    assert not torch.equal(made.network.stem.weight, first.network.stem.weight)


def test_divergence_keeps_weights_and_optimizer(corpus: Corpus) -> None:
    made = learner(corpus)
    made.step(batch(corpus), 0, 0.001)
    with torch.no_grad():
        made.projector.last.weight[0, 0] = torch.inf
    before = {name: t.clone() for name, t in made.tensors().items() if "running" not in name}
    with pytest.raises(DivergedError, match=r"step 2: loss (inf|nan).*lower --learning-rate"):
        made.step(batch(corpus), 1, 0.001).result()
    after = made.tensors()
    for name, tensor in before.items():
        assert torch.equal(tensor, after[name]), name


@pytest.mark.parametrize("contrast", [1.0, 0.5, 0.0])
def test_loss_is_the_weighted_sum(corpus: Corpus, contrast: float) -> None:
    options = {"dropout": 0.0, "pooling": "all", "contrast_weight": contrast, "aux_weight": 3.0}
    made, views = learner(corpus, **options), batch(corpus, with_features=True)
    made.modules.train()
    assert made.auxiliary is not None
    torch.nn.init.normal_(made.auxiliary.linear.weight, std=0.1)
    state = {name: tensor.clone() for name, tensor in made.modules.state_dict().items()}
    with torch.no_grad():
        embeddings = made.network(views.chunks)
        assert views.features is not None
        errors = auxiliary_loss(made.auxiliary(embeddings), views.features, *SCALE)
    z1, z2 = projections(made, views)
    weights = made.weights[views.gene_sets]
    expected = contrast * decoupled_contrastive_loss(z1, z2, weights, temperature=0.2) + 3 * errors.mean()
    again = learner(corpus, **options)
    again.modules.load_state_dict(state)
    found = again.step(views, 0, 0.001).result().loss
    assert found == pytest.approx(float(expected), rel=1e-4)


def test_auxiliary_loss_is_learned(corpus: Corpus) -> None:
    config = PretrainConfig(**{**CONFIG.flat(), "pooling": "all", "aux_weight": 100.0})
    data, views = PretrainDataset(corpus, config), batch(corpus, with_features=True)
    scale = data.feature_statistics(DeviceCorpus(corpus))
    made = ContrastiveModel(config, Distributed(), data.weights, features=scale)
    losses = [made.step(views, number, 0.01).result().loss for number in range(8)]
    assert losses[-1] < losses[0] / 2
    assert "auxiliary_r2" in made.validate(views)


def test_contrast_on_the_last_block(corpus: Corpus) -> None:
    views = batch(corpus)
    last = learner(corpus, pooling="all", contrast_on="last", dropout=0.0)
    same = learner(corpus, pooling="last", dropout=0.0)
    assert last.encoder.dim > same.encoder.dim
    results = [made.step(views, 0, 0.001).result() for made in (last, same)]
    assert results[0] == results[1]


def saved(folder: Path, name: str = "isoclr-s", tracks: int = 6, **options: str) -> str:
    made = create(name, tracks=tracks, seed=1, **options)  # type: ignore[arg-type]
    return str(made.save(folder / "model"))


def test_random_initial_weights(corpus: Corpus) -> None:
    first, second, other = (learner(corpus, seed=seed).encoder.sha256 for seed in (1, 1, 2))
    assert first == second != other
    made = learner(corpus, model="isoclr-m", tracks=5, pooling="all").encoder
    assert (made.name, made.tracks) == ("isoclr-m", 5)
    assert made.network.architecture.pooling == "all"
    assert load_init(PretrainConfig()) is None


def test_init(tmp_path: Path) -> None:
    start = load_init(PretrainConfig(init=saved(tmp_path)))
    assert start is not None
    assert start.sha256 == create("isoclr-s", seed=1).sha256
    assert torch.is_grad_enabled()
    assert all(parameter.requires_grad for parameter in start.network.parameters())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": "isoclr-m"}, "its model is isoclr-s, that of the run is isoclr-m"),
        ({"tracks": 4}, "its number of tracks is 6, that of the run is 4"),
    ],
)
def test_init_of_another_kind(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    init = saved(tmp_path)
    with pytest.raises(InputError, match=message) as error:
        load_init(PretrainConfig(init=init, **changed))
    assert str(error.value).startswith(f"--init {init}: ")
    assert "\n" not in str(error.value)


def test_init_with_other_pooling(tmp_path: Path) -> None:
    start = load_init(PretrainConfig(init=saved(tmp_path, pooling="all")))
    assert start is not None
    assert start.network.state_dict().keys() == create("isoclr-s").network.state_dict().keys()


def test_missing_init() -> None:
    with pytest.raises(InputError, match="nowhere"):
        load_init(PretrainConfig(init="nowhere"))


def test_weight_average() -> None:
    network = create("isoclr-s", seed=0).network
    average = WeightAverage(network, 0.3)
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.add_(1.0)
    for step, decay in enumerate([1 / 10, 2 / 11, 3 / 12, 0.3, 0.3]):
        average.update(network, step)
        for name, tensor in average.network.state_dict().items():
            start[name] = decay * start[name] + (1 - decay) * network.state_dict()[name]
            torch.testing.assert_close(tensor, start[name])


def test_average_does_not_change_training(corpus: Corpus) -> None:
    plain, averaged = learner(corpus), learner(corpus, ema=0.9)
    assert plain.average is None
    assert averaged.average is not None
    for step in range(2):
        results = [m.step(batch(corpus, step), step, 0.001).result() for m in (plain, averaged)]
        assert results[0] == results[1]
    trained = plain.network.state_dict()
    assert all(torch.equal(t, trained[n]) for n, t in averaged.network.state_dict().items())
    assert averaged.validate(batch(corpus)) != plain.validate(batch(corpus))
    tensors = averaged.tensors()
    del tensors["ema.stem.weight"]
    with pytest.raises(InputError, match=r"ema\.stem\.weight' is missing"):
        learner(corpus, ema=0.9).restore(tensors, Path("checkpoint"))
