"""What each family of models is: its network, its tokens, its window, and how its hidden states become one vector."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import nn

from isoclr.baselines.language_models.catalogue import FamilyName
from isoclr.baselines.language_models.hyena import HyenaDNA
from isoclr.baselines.language_models.mosaic_bert import MosaicBert
from isoclr.baselines.language_models.rna_fm import FIRST_POSITION, RnaFM
from isoclr.baselines.language_models.settings import Settings
from isoclr.baselines.language_models.tokens import (
    Bases,
    BytePairs,
    Frame,
    OverlappingKmers,
    SeparateKmers,
    Tokenizer,
    kmer_length,
    read_vocabulary,
    special,
)
from isoclr.baselines.language_models.transformers_models import dnabert, nucleotide_transformer

Pooling = Literal["mean", "mean+max+last"]
VOCABULARY, PIECES = "vocab.txt", "tokenizer.json"


@dataclass(frozen=True)
class Family:
    """One architecture.

    Attributes:
        network: makes the body from a config; its ``forward(tokens, real)`` gives the last hidden states.
        tokenizer: made from the model's folder.
        tokenizer_file: what of the folder it needs; "" for nothing.
        window: the tokens that a network of this config reads at once, special ones included.
        pooling: how the states of a window become a vector.
        names: regular expressions and replacements from published tensor names to the network's.
        unused: tensors that the body does not need.
    """

    network: Callable[[Settings], nn.Module]
    tokenizer: Callable[[Path], Tokenizer]
    tokenizer_file: Literal["", "vocab.txt", "tokenizer.json"]
    window: Callable[[Settings], int]
    pooling: Pooling
    names: tuple[tuple[str, str], ...]
    unused: tuple[str, ...]


def _hyena_bases(_: Path) -> Tokenizer:
    """The alphabet of HyenaDNA stands in its code, not in a file: seven special tokens, then A, C, G, T, N.

    The separator that ends a sequence in training is left out: the last state is that of the last base.
    """
    return Bases((7, 8, 9, 10, 11), Frame((), (), pad=4), vocabulary=12)


def _rna_bases(directory: Path) -> Tokenizer:
    path = directory / VOCABULARY
    ids = read_vocabulary(path)
    pad, first, last = special(path, ids, "<pad>", "<cls>", "<eos>")
    return Bases(special(path, ids, *"ACGUN"), Frame((first,), (last,), pad), len(ids))


def _overlapping(directory: Path) -> Tokenizer:
    path = directory / VOCABULARY
    ids = read_vocabulary(path)
    pad, unknown, first, last = special(path, ids, "[PAD]", "[UNK]", "[CLS]", "[SEP]")
    k = kmer_length(path, ids)
    return OverlappingKmers(ids, k, unknown, Frame((first,), (last,), pad), len(ids))


def _separate(directory: Path) -> Tokenizer:
    path = directory / VOCABULARY
    ids = read_vocabulary(path)
    pad, first, *_ = special(path, ids, "<pad>", "<cls>", *"ACGTN")
    # <eos> and <bos> may stand at the end of the file without a row in the table of embeddings.
    rows = 1 + max(token for word, token in ids.items() if word not in ("<eos>", "<bos>"))
    return SeparateKmers(ids, kmer_length(path, ids), Frame((first,), (), pad), rows)


FAMILIES: dict[FamilyName, Family] = {
    "dnabert": Family(
        network=dnabert,
        tokenizer=_overlapping,
        tokenizer_file="vocab.txt",
        window=lambda settings: settings.size("max_position_embeddings"),
        pooling="mean",
        names=((r"^(bert\.)?", "body."), (r"\.gamma$", ".weight"), (r"\.beta$", ".bias")),
        unused=(r"body\.cls\.", r"body\.pooler\.", r"body\.embeddings\.position_ids$"),
    ),
    "dnabert-2": Family(
        network=MosaicBert,
        tokenizer=lambda directory: BytePairs(directory / PIECES),
        tokenizer_file="tokenizer.json",
        window=lambda settings: settings.size("max_position_embeddings", 512),
        pooling="mean",
        names=((r"^bert\.", ""),),
        unused=(r"cls\.", r"pooler\."),
    ),
    "nucleotide-transformer": Family(
        network=nucleotide_transformer,
        tokenizer=_separate,
        tokenizer_file="vocab.txt",
        window=lambda settings: (
            settings.size("max_position_embeddings") - settings.size("pad_token_id") - 1
        ),
        pooling="mean",
        names=((r"^(esm\.)?", "body."),),
        unused=(r"body\.lm_head\.", r"body\.(.*\.)?contact_head\.", r"body\..*position_ids$"),
    ),
    "hyenadna": Family(
        network=HyenaDNA,
        tokenizer=_hyena_bases,
        tokenizer_file="",
        # Two places more than the bases that it was trained on, for special tokens.
        window=lambda settings: settings.size("max_seq_len", 1024) - 2,
        pooling="mean+max+last",
        # One set of frequencies serves all layers of a filter; files keep one, two or all of its names.
        names=(
            (r"^(hyena\.)?(backbone\.)?", ""),
            (r"implicit_filter\.\d+\.freq$", "implicit_filter.1.freq"),
        ),
        unused=(r"lm_head\.",),
    ),
    "rna-fm": Family(
        network=RnaFM,
        tokenizer=_rna_bases,
        tokenizer_file="vocab.txt",
        window=lambda settings: settings.size("max_position_embeddings") - FIRST_POSITION,
        pooling="mean",
        names=(
            (r"^(rnafm|model)\.", ""),
            (r"^encoder\.layer_norm\.", "encoder.emb_layer_norm_after."),
        ),
        unused=(r"pooler\.", r"lm_head\.", r"ss_head\.", r"contact_head\.", r"pretrain\."),
    ),
}
