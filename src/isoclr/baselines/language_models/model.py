"""Language models of other groups: network, tokenizer and pooling of each family, and how to embed RNAs with them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from isoclr._config import read_json
from isoclr.baselines.language_models.catalog import CONFIG, Entry, FamilyName, find_entry
from isoclr.baselines.language_models.hyenadna import Filter, HyenaConfig, HyenaDNA
from isoclr.baselines.language_models.tokenizers import (
    SpecialTokens,
    Tokenizer,
    Window,
    base_tokens,
    byte_pairs,
    cut_windows,
    kmer_length,
    make_batches,
    overlapping_kmers,
    pad_batch,
    read_vocabulary,
    separate_kmers,
    token_ids,
)
from isoclr.baselines.language_models.transformers import (
    BertConfig,
    EsmConfig,
    MosaicBert,
    RnaFM,
    RnaFmConfig,
    dnabert,
    nucleotide_transformer,
)
from isoclr.baselines.language_models.weights import (
    combined_sha256,
    find_folder,
    read_shards,
    rename_tensors,
    set_weights,
)
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes
from isoclr.models.encoder import Precision, SkipInit
from isoclr.models.packing import Rows

Pooling = Literal["mean", "mean+max+last"]
VOCABULARY, PIECES = "vocab.txt", "tokenizer.json"
TOKENS = {"cpu": 8_192, "cuda": 65_536}  # Tokens per batch, padding included, by the kind of device


@dataclass(frozen=True)
class Family:
    """One architecture, and how to read its files."""

    config: type
    """Dataclass that ``config.json`` is read into; its ``window`` is the number of tokens read at once."""
    network: Callable[[Any], nn.Module]
    """Builds the body from a config; its ``forward(tokens, real)`` gives the last hidden states."""
    tokenizer: Callable[[Path], Tokenizer]  # Builds the tokenizer from the model's folder
    tokenizer_file: str  # File that the tokenizer needs; "" for none
    names: tuple[tuple[str, str], ...]
    """Regular expressions and replacements from published tensor names to those of the network."""
    unused: tuple[str, ...]  # Regular expressions of tensors that the body does not need
    pooling: Pooling = "mean"  # How the hidden states of a window become a vector


def _hyenadna_tokenizer(_: Path) -> Tokenizer:
    """The alphabet of HyenaDNA is fixed in its code: seven special tokens, then A, C, G, T, N.

    The separator that ends a sequence in training is left out: the last state is that of the last base.
    """
    return Tokenizer(SpecialTokens((), (), pad=4), 12, base_tokens((7, 8, 9, 10, 11)))


def _rna_fm_tokenizer(directory: Path) -> Tokenizer:
    path = directory / VOCABULARY
    ids = read_vocabulary(path)
    pad, first, last = token_ids(path, ids, "<pad>", "<cls>", "<eos>")
    return Tokenizer(SpecialTokens((first,), (last,), pad), len(ids), base_tokens(token_ids(path, ids, *"ACGUN")))


def _dnabert_tokenizer(directory: Path) -> Tokenizer:
    path = directory / VOCABULARY
    ids = read_vocabulary(path)
    pad, unknown, first, last = token_ids(path, ids, "[PAD]", "[UNK]", "[CLS]", "[SEP]")
    kmers = overlapping_kmers(ids, kmer_length(path, ids), unknown)
    return Tokenizer(SpecialTokens((first,), (last,), pad), len(ids), kmers)


def _nucleotide_transformer_tokenizer(directory: Path) -> Tokenizer:
    path = directory / VOCABULARY
    ids = read_vocabulary(path)
    pad, first, *_ = token_ids(path, ids, "<pad>", "<cls>", *"ACGTN")
    # <eos> and <bos> may stand at the end of the file without a row in the table of embeddings
    rows = 1 + max(token for word, token in ids.items() if word not in ("<eos>", "<bos>"))
    return Tokenizer(SpecialTokens((first,), (), pad), rows, separate_kmers(ids, kmer_length(path, ids)))


FAMILIES: dict[FamilyName, Family] = {
    "dnabert": Family(
        config=BertConfig,
        network=dnabert,
        tokenizer=_dnabert_tokenizer,
        tokenizer_file=VOCABULARY,
        names=((r"^(bert\.)?", "body."), (r"\.gamma$", ".weight"), (r"\.beta$", ".bias")),
        unused=(r"body\.cls\.", r"body\.pooler\.", r"body\.embeddings\.position_ids$"),
    ),
    "dnabert-2": Family(
        config=BertConfig,
        network=MosaicBert,
        tokenizer=lambda directory: byte_pairs(directory / PIECES),
        tokenizer_file=PIECES,
        names=((r"^bert\.", ""),),
        unused=(r"cls\.", r"pooler\."),
    ),
    "nucleotide-transformer": Family(
        config=EsmConfig,
        network=nucleotide_transformer,
        tokenizer=_nucleotide_transformer_tokenizer,
        tokenizer_file=VOCABULARY,
        names=((r"^(esm\.)?", "body."),),
        unused=(r"body\.lm_head\.", r"body\.(.*\.)?contact_head\.", r"body\..*position_ids$"),
    ),
    "hyenadna": Family(
        config=HyenaConfig,
        network=HyenaDNA,
        tokenizer=_hyenadna_tokenizer,
        tokenizer_file="",
        # all layers of a filter share one set of frequencies; files keep one, two or all of its names
        names=((r"^(hyena\.)?(backbone\.)?", ""), (r"implicit_filter\.\d+\.freq$", "implicit_filter.1.freq")),
        unused=(r"lm_head\.",),
        pooling="mean+max+last",
    ),
    "rna-fm": Family(
        config=RnaFmConfig,
        network=RnaFM,
        tokenizer=_rna_fm_tokenizer,
        tokenizer_file=VOCABULARY,
        names=((r"^(rnafm|model)\.", ""), (r"^encoder\.layer_norm\.", "encoder.emb_layer_norm_after.")),
        unused=(r"pooler\.", r"lm_head\.", r"ss_head\.", r"contact_head\.", r"pretrain\."),
    ),
}


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A language model as an :class:`isoclr.baselines.features.Embedder`.

    It reads nucleotides only: codon starts and exon ends are ignored. An RNA longer than its window is cut into
    windows, and the vectors of these are averaged, weighted by tokens. Special tokens and padding never count, and an
    embedding does not depend on the other RNAs of its batch.
    """

    entry: Entry
    network: nn.Module  # Its body in evaluation mode; network(tokens, real) are the last hidden states
    _tokenizer: Tokenizer
    window: int  # Tokens read at once, special tokens included
    pooling: Pooling
    sha256: str
    tracks: ClassVar = 4

    @property
    def name(self) -> str:
        """What ``--model`` calls it."""
        return self.entry.name

    @property
    def dim(self) -> int:
        """Size of an embedding."""
        return _word_embeddings(self.network).embedding_dim * len(self.pooling.split("+"))

    def embed(self, rnas: Sequence[Codes], progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """``(n, dim)``; see :meth:`embed_codes`."""
        return self.embed_codes(rnas, progress=progress)

    @torch.inference_mode()
    def embed_codes(
        self,
        codes: Sequence[Codes],
        *,
        chunk_nt: int | None = None,
        progress: Callable[[int], None] | None = None,
        choose: Callable[[Sequence[Rows]], Sequence[int]] | None = None,
    ) -> NDArray[np.float32]:
        """Embed RNAs given as byte codes, in their order, ``(n, dim)`` float32.

        Args:
            chunk_nt: Nucleotides computed at a time (one window may have more); by default what suits the device.
            choose: Gets the numbers of the RNAs, each alone, and returns which to compute; rows of the others hold
                anything. By default all are computed.
        """
        chosen = range(len(codes)) if choose is None else choose([np.array([i]) for i in range(len(codes))])
        windows = [window for i in chosen for window in self._windows(i, codes[i])]
        sums = np.zeros((len(codes), self.dim), np.float64)
        weights = np.zeros(len(codes))
        device = _word_embeddings(self.network).weight.device
        max_tokens = TOKENS.get(device.type, TOKENS["cuda"])
        if chunk_nt is not None:
            max_tokens = max(1, int(chunk_nt / self.entry.nt_per_token))
        for batch in make_batches(windows, self._tokenizer.special.count, max_tokens):
            rows = [window.rna for window in batch]
            counts = np.array([len(window.tokens) for window in batch])
            np.add.at(sums, rows, self._embed_windows(batch, device) * counts[:, None])
            np.add.at(weights, rows, counts)
            if progress is not None:
                progress(sum(window.nt for window in batch))
        return np.asarray(sums / np.maximum(weights, 1)[:, None], np.float32)

    def _windows(self, i: int, rna: Codes) -> list[Window]:
        if len(rna) == 0:
            raise InputError(f"sequence {i + 1} is empty, expected bases")
        size = self.window - self._tokenizer.special.count
        return cut_windows(i, self._tokenizer.tokens(rna), len(rna), size)

    def _embed_windows(self, batch: Sequence[Window], device: torch.device) -> NDArray[np.float64]:
        """One vector per window ``(b, dim)``."""
        arrays = pad_batch(batch, self._tokenizer.special)
        tokens, real, own = (torch.from_numpy(array).to(device) for array in arrays)
        states = self.network(tokens, real).float()
        return pool(states, own, self.pooling).cpu().numpy().astype(np.float64)


def pool(states: Tensor, own: Tensor, pooling: Pooling) -> Tensor:
    """Hidden states of windows → one vector each.

    Args:
        own: Which tokens are the RNA's own ``(b, l)``: at least one per row, all contiguous.
        pooling: ``mean``; or mean, maximum and the last token's state, concatenated.

    Returns:
        ``(b, d)`` or ``(b, 3 d)``.
    """
    inside = own[:, :, None]
    mean = (states * inside).sum(1) / inside.sum(1)
    if pooling == "mean":
        return mean
    maximum = states.masked_fill(~inside, float("-inf")).amax(1)
    position = torch.arange(states.shape[1], device=states.device)
    end = (position * own).amax(1)
    last = states[torch.arange(len(states), device=states.device), end]
    return torch.cat([mean, maximum, last], dim=1)


def open_language_model(
    name: str,
    *,
    revision: str | None = None,
    directory: Path | str | None = None,
    precision: Precision = "float32",
    device: torch.device | str = "cpu",
) -> LanguageModel:
    """A model of the catalog with its published weights.

    Args:
        directory: Folder with its config, tokenizer and safetensors, used instead of the hub.
    """
    entry = find_entry(name)
    family = FAMILIES[entry.family]
    folder, paths = find_folder(
        entry, family.tokenizer_file, revision=revision, directory=Path(directory) if directory is not None else None
    )
    config: Any = read_json(folder / CONFIG, family.config, what="a model's config")
    with SkipInit():
        network = family.network(config)
    tensors = rename_tensors(paths[0], read_shards(paths), family.names, family.unused)
    set_weights(paths[0], network, tensors)
    tokenizer = family.tokenizer(folder)
    _check_sizes(folder, network, tokenizer, config.window)
    if precision == "bf16":
        _to_bf16(network)
    return LanguageModel(
        entry,
        network.to(device).eval().requires_grad_(False),
        tokenizer,
        window=config.window,
        pooling=family.pooling,
        sha256=combined_sha256(paths),
    )


def _check_sizes(folder: Path, network: nn.Module, tokenizer: Tokenizer, window: int) -> None:
    """Refuse a tokenizer, config and network that do not belong together."""
    rows = _word_embeddings(network).num_embeddings
    if tokenizer.vocabulary > rows:
        raise InputError(f"{folder}: the tokenizer has {tokenizer.vocabulary:,} tokens, the network {rows:,}")
    if window <= tokenizer.special.count:
        raise InputError(f"{folder / CONFIG}: a window of {window} tokens has no room for an RNA")


def _word_embeddings(network: nn.Module) -> nn.Embedding:
    """The table of a network's tokens."""
    for name, module in network.named_modules():
        if name.endswith("word_embeddings") and isinstance(module, nn.Embedding):
            return module
    raise AssertionError("every network here has word_embeddings")


def _to_bf16(module: nn.Module) -> None:
    """Weights in bfloat16, except filters, which are computed from positions."""
    if isinstance(module, Filter):
        return
    for parameter in module.parameters(recurse=False):
        parameter.data = parameter.data.bfloat16()
    for child in module.children():
        _to_bf16(child)
