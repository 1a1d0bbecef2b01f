"""One rank of a gradient comparison, started by test_distributed.py.

Everything is computed in float64. In float32 other chunks on one process already change the gradient by 1e-5, and by
1e-3 where a ReLU's input is close to zero; in float64 a difference is an error, not rounding.

Usage: gradient_worker.py CORPUS OUT VARIANTS PAIRS…     (both comma-separated)
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from isoclr.corpus.corpus import open_corpus
from isoclr.models.packing import PackingConfig
from isoclr.pretraining.augmentations import Augmentation, DeviceCorpus
from isoclr.pretraining.auxiliary import SIZE
from isoclr.pretraining.config import PretrainConfig
from isoclr.pretraining.data import PairSampler, ViewBuilder
from isoclr.pretraining.losses import count_weights
from isoclr.pretraining.model import ContrastiveModel
from isoclr.training.distributed import Distributed, init_distributed

CONFIG = PretrainConfig(
    seed=3, max_grad_norm=1e9, dropout=0.2, precision="float32", pooling="all", contrast_on="last", aux_weight=2.0
)
SCALE = torch.zeros(SIZE), torch.linspace(0.5, 2.0, SIZE), torch.ones(SIZE)
AUGMENTATION = Augmentation(mask=0.15, max_shift=3, drop_splice=0.2, drop_tracks=0.2)


class DetachingWorld(Distributed):
    """Wrong: the gathered rows carry no gradient."""

    def gather(self, own: Tensor, positions: Sequence[Tensor]) -> Tensor:
        return super().gather(own.detach(), positions) + 0 * own.sum()


class AveragingWorld(Distributed):
    """Wrong: gradients are averaged over ranks, as DistributedDataParallel does."""

    def sum_gradients(self, parameters: Sequence[Tensor]) -> None:
        super().sum_gradients(parameters)
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad /= self.size


VARIANTS = {"right": Distributed, "detaching": DetachingWorld, "averaging": AveragingWorld}


def gradients(world: Distributed, corpus_path: Path, pairs: int) -> dict[str, Tensor]:
    corpus = open_corpus(corpus_path)
    order, starts = corpus.members
    sampler = PairSampler(order, starts, batch_size=pairs, seed=CONFIG.seed)
    model = ContrastiveModel(CONFIG, world, count_weights(starts[1:] - starts[:-1]), features=SCALE)
    model.modules.double()
    model.dtype = torch.float64
    packing = PackingConfig(gap=model.network.architecture.gap, chunk_nt=1024)
    builder = ViewBuilder(
        DeviceCorpus(corpus), AUGMENTATION, packing, seed=CONFIG.seed, world=world, with_features=True
    )
    result = model.step(builder.batch(sampler.batch(0, 0), 0, 0), 0, 0.01).result()
    found = {
        name: parameter.grad.clone()
        for name, parameter in model.modules.named_parameters()
        if parameter.grad is not None
    }
    buffers = {f"after.{name}": tensor for name, tensor in model.modules.state_dict().items()}
    return {**found, **buffers, "loss": torch.tensor(result.loss)}


def main(corpus: str, out: str, variants: str, pairs: str) -> None:
    """Save every variant's gradients on this rank, and on rank 0 those of one process."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    numbers = [int(number) for number in pairs.split(",")]
    if os.environ["RANK"] == "0":
        for number in numbers:
            save_file(gradients(Distributed(), Path(corpus), number), f"{out}/alone.{number}.0")
    with init_distributed("cpu", timeout_minutes=5) as joined:
        for variant in variants.split(","):
            world = VARIANTS[variant](joined.rank, joined.size, joined.device)
            for number in numbers if variant == "right" else numbers[-1:]:
                found = gradients(world, Path(corpus), number)
                save_file(found, f"{out}/{variant}.{number}.{world.rank}")


if __name__ == "__main__":
    main(*sys.argv[1:])
