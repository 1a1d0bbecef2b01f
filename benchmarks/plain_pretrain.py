"""A plain pre-training loop: eager, float32, every view padded to 12,288 nt.

``python -m benchmarks.plain_pretrain CORPUS --checkpoint FILE`` trains the plain encoder and projection head from the
weights of a checkpoint, on the pairs that ``isoclr pretrain`` draws, with the same loss and optimizer.
:mod:`benchmarks.pretrain_step` starts it in a fresh process. Loss, seconds and nucleotides of every step are printed as
JSON.

``--exact`` keeps padding out of convolutions and batch statistics, as the package does, so that losses can be compared
number by number. Without it, padding passes through everything as in the original procedure, which is faster.
"""

import json
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from benchmarks.harness import options_of
from benchmarks.plain import PlainEncoder, PlainProjector, load_weights
from benchmarks.plain_embed import WIDTH, make_batch
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.pretraining.data import PairSampler
from isoclr.pretraining.losses import count_weights, decoupled_contrastive_loss


class PlainTrainer:
    """Encoder, projection head and AdamW.

    Args:
        checkpoint: Checkpoint of ``isoclr pretrain`` with the initial weights.
        learning_rate: AdamW learning rate.
        dropout: Dropout probability inside the encoder's blocks.
        exact: Keep padding out of convolutions and batch statistics.
    """

    def __init__(self, checkpoint: Path, *, learning_rate: float, dropout: float, exact: bool) -> None:
        tensors = load_file(checkpoint)
        self.network = PlainEncoder(dropout=dropout)
        load_weights(self.network, tensors, "network.")
        self.projector = PlainProjector(256)
        load_weights(self.projector, tensors, "projector.")
        self.exact = exact
        modules = nn.ModuleList([self.network, self.projector])
        self.parameters = list(modules.parameters())
        self.optimizer = torch.optim.AdamW(self.parameters, learning_rate, weight_decay=1e-6)

    def step(self, tracks: Tensor, lengths: Tensor, weights: Tensor) -> float:
        """One step on the views ``(2N, 6, l)``, first views first; returns the loss."""
        z1, z2 = self.projector(self.network(tracks, lengths, masked=self.exact)).chunk(2)
        loss = decoupled_contrastive_loss(z1, z2, weights)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        return float(loss.detach())


def make_views(
    corpus: Corpus, transcripts: NDArray[np.int64], mask: float, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Tracks of transcripts at full width; at masked positions all tracks are 0.25."""
    tracks, lengths = make_batch([corpus.codes_of(int(row)) for row in transcripts], WIDTH)
    if mask:
        for row, length in zip(tracks, lengths.tolist(), strict=True):
            row[:, torch.from_numpy(np.flatnonzero(rng.random(length) < mask))] = 0.25
    return tracks, lengths


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--learning-rates", type=float, nargs="+", required=True, help="one per step")
    parser.add_argument("--mask", type=float, default=0.15)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--exact", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    corpus = open_corpus(options.corpus)
    order, starts = corpus.members
    weights = torch.from_numpy(count_weights(np.diff(starts)))
    sampler = PairSampler(order, starts, batch_size=options.batch_size, seed=options.seed)
    rng = np.random.default_rng(options.seed)
    trainer = PlainTrainer(
        options.checkpoint, learning_rate=options.learning_rates[0], dropout=options.dropout, exact=options.exact
    )
    steps = []
    for number, rate in enumerate(options.learning_rates):
        start = time.perf_counter()
        pairs = sampler.batch(*divmod(number, sampler.steps_per_epoch))
        transcripts = np.concatenate([pairs.first, pairs.second])
        tracks, lengths = make_views(corpus, transcripts, options.mask, rng)
        trainer.optimizer.param_groups[0]["lr"] = rate
        loss = trainer.step(tracks, lengths, weights[torch.from_numpy(pairs.gene_sets)])
        seconds = time.perf_counter() - start
        steps.append({"loss": loss, "seconds": seconds, "nt": int(lengths.sum())})
    print(json.dumps(steps))


if __name__ == "__main__":
    main()
