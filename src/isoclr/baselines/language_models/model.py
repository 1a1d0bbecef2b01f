"""What each family of models is: its network, its tokens, its window, and how its hidden states become one vector."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from isoclr.baselines.language_models.catalog import (
    CONFIG,
    Entry,
    FamilyName,
    Settings,
    find_entry,
    read_settings,
)
from isoclr.baselines.language_models.hyenadna import Filter, HyenaDNA
from isoclr.baselines.language_models.tokenizers import (
    Bases,
    BytePairs,
    Frame,
    OverlappingKmers,
    SeparateKmers,
    Tokenizer,
    Window,
    batches,
    cut,
    kmer_length,
    padded,
    read_vocabulary,
    special,
)
from isoclr.baselines.language_models.transformers import (
    FIRST_POSITION,
    MosaicBert,
    RnaFM,
    dnabert,
    nucleotide_transformer,
)
from isoclr.baselines.language_models.weights import (
    digest,
    fill,
    find,
    read_tensors,
    renamed,
    weight_files,
)
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes
from isoclr.models.encoder import Unfilled

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

Precision = Literal["float32", "bf16"]
TOKENS = {"cpu": 8_192, "cuda": 65_536}
"""Tokens of a batch, padding included, by the kind of device."""


class LanguageModel:
    """Somebody else's model as an :class:`isoclr.baselines.features.Embedder`.

    It reads nucleotides only: codon starts and exon ends are not seen. An RNA longer than its window is cut into
    windows, each is embedded, and their vectors are averaged, weighted by tokens. Special tokens and padding never
    count, and an embedding does not depend on what is in its batch.

    Args:
        entry: what it is.
        network: its body in evaluation mode; ``network(tokens, real)`` are the last hidden states.
        tokenizer: makes its tokens.
        window: tokens that it reads at once, special ones included.
        pooling: how a window's states become a vector.
        sha256: of its weights.
    """

    tracks = 4

    def __init__(
        self,
        entry: Entry,
        network: nn.Module,
        tokenizer: Tokenizer,
        *,
        window: int,
        pooling: Pooling,
        sha256: str,
    ) -> None:
        self.entry = entry
        self.name = entry.name
        self.network = network
        self.window = window
        self.pooling = pooling
        self.sha256 = sha256
        self._tokenizer = tokenizer

    @property
    def dim(self) -> int:
        """Size of an embedding."""
        return _words(self.network).embedding_dim * len(self.pooling.split("+"))

    def embed(
        self, rnas: Sequence[Codes], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """One row an RNA, ``(n, dim)``; see :meth:`embed_codes`."""
        return self.embed_codes(rnas, progress=progress)

    @torch.inference_mode()
    def embed_codes(
        self,
        codes: Sequence[Codes],
        *,
        chunk_nt: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> NDArray[np.float32]:
        """Embed RNAs given as byte codes, in their order, ``(n, dim)`` float32.

        Args:
            codes: one array ``(length,)`` an RNA.
            chunk_nt: nucleotides computed at a time; a window alone may have more. None: what suits the device.
            progress: called with the number of nucleotides done since the last call.

        Raises:
            InputError: an RNA without a single base.
        """
        windows = [window for i, rna in enumerate(codes) for window in self._windows(i, rna)]
        sums = np.zeros((len(codes), self.dim), np.float64)
        weights = np.zeros(len(codes))
        for batch in batches(windows, self._tokenizer.frame.size, self._most(chunk_nt)):
            rows = [window.rna for window in batch]
            counts = np.array([len(window.tokens) for window in batch])
            np.add.at(sums, rows, self._vectors(batch) * counts[:, None])
            np.add.at(weights, rows, counts)
            if progress is not None:
                progress(sum(window.nt for window in batch))
        return np.asarray(sums / weights[:, None], np.float32)

    def _windows(self, i: int, rna: Codes) -> list[Window]:
        if len(rna) == 0:
            raise InputError(f"sequence {i + 1} is empty, expected bases")
        size = self.window - self._tokenizer.frame.size
        return cut(i, self._tokenizer.tokens(rna), len(rna), size)

    def _most(self, chunk_nt: int | None) -> int:
        if chunk_nt is None:
            return TOKENS.get(self._device.type, TOKENS["cuda"])
        return max(1, int(chunk_nt / self.entry.nt_per_token))

    @property
    def _device(self) -> torch.device:
        return _words(self.network).weight.device

    def _vectors(self, batch: Sequence[Window]) -> NDArray[np.float64]:
        """``(b, dim)``: one vector a window."""
        arrays = padded(batch, self._tokenizer.frame)
        tokens, real, own = (torch.from_numpy(array).to(self._device) for array in arrays)
        states = self.network(tokens, real).float()
        return pool(states, own, self.pooling).cpu().numpy().astype(np.float64)


def pool(states: Tensor, own: Tensor, pooling: Pooling) -> Tensor:
    """Hidden states of windows → one vector each.

    Args:
        states: ``(b, l, d)``.
        own: ``(b, l)`` true for the RNA's own tokens, at least one a row and all next to each other.
        pooling: ``mean``; or mean, maximum and the last token's state, one after the other.

    Returns:
        ``(b, d)`` or ``(b, 3 d)``.
    """
    inside = own[:, :, None]
    mean = (states * inside).sum(1) / inside.sum(1)
    if pooling == "mean":
        return mean
    highest = states.masked_fill(~inside, float("-inf")).amax(1)
    position = torch.arange(states.shape[1], device=states.device)
    end = (position * own).amax(1)
    last = states[torch.arange(len(states), device=states.device), end]
    return torch.cat([mean, highest, last], dim=1)


def open_language_model(
    name: str,
    *,
    revision: str | None = None,
    directory: Path | str | None = None,
    endpoint: str | None = None,
    precision: Precision = "float32",
    device: torch.device | str = "cpu",
) -> LanguageModel:
    """A model of the catalogue with its published weights.

    Args:
        name: in :data:`CATALOGUE`, such as ``hyenadna-tiny-1k``.
        revision: commit, tag or branch of its repository on the hub; by default the commit that the catalogue pins.
        directory: a folder with its config, tokenizer and safetensors, instead of the hub.
        endpoint: address of the hub; by default ``HF_ENDPOINT``, or the public one.
        precision: of the computation; bf16 halves memory, too.
        device: where to compute.

    Raises:
        InputError: no such model, or files that cannot be used.
        MissingExtraError: an optional package is not installed.
    """
    entry = find_entry(name)
    family = FAMILIES[entry.family]
    folder = find(
        entry,
        family.tokenizer_file,
        revision=revision,
        directory=Path(directory) if directory is not None else None,
        endpoint=endpoint,
    )
    settings = read_settings(folder / CONFIG)
    paths = weight_files(folder)
    network = _network(family, settings, paths)
    tokenizer = family.tokenizer(folder)
    window = family.window(settings)
    _check(folder, network, tokenizer, window)
    if precision == "bf16":
        _narrow(network)
    return LanguageModel(
        entry,
        network.to(device).eval().requires_grad_(False),
        tokenizer,
        window=window,
        pooling=family.pooling,
        sha256=digest(paths),
    )


def _network(family: Family, settings: Settings, paths: Sequence[Path]) -> nn.Module:
    with Unfilled():
        network = family.network(settings)
    found = renamed(paths[0], read_tensors(paths), family.names, family.unused)
    fill(paths[0], network, found)
    return network


def _check(folder: Path, network: nn.Module, tokenizer: Tokenizer, window: int) -> None:
    """Whether tokenizer, config and network belong together."""
    rows = _words(network).num_embeddings
    if tokenizer.vocabulary > rows:
        raise InputError(
            f"{folder}: the tokenizer has {tokenizer.vocabulary:,} tokens, the network {rows:,}"
        )
    if window <= tokenizer.frame.size:
        raise InputError(f"{folder / CONFIG}: a window of {window} tokens has no room for an RNA")


def _words(network: nn.Module) -> nn.Embedding:
    """The table of a network's tokens."""
    for name, module in network.named_modules():
        if name.endswith("word_embeddings") and isinstance(module, nn.Embedding):
            return module
    raise AssertionError("every network here has word_embeddings")


def _narrow(module: nn.Module) -> None:
    """Weights in bfloat16, but for filters, which are computed from positions."""
    if isinstance(module, Filter):
        return
    for parameter in module.parameters(recurse=False):
        parameter.data = parameter.data.bfloat16()
    for child in module.children():
        _narrow(child)
