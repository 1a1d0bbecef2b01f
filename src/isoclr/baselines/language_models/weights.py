"""A published model's files: in a folder of the user's, or from the hub, one revision of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from isoclr._console import info
from isoclr._io import sha256
from isoclr.baselines.language_models.catalog import CONFIG, Entry
from isoclr.errors import InputError
from isoclr.models.hub import Address, checked_revision

SHARD = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors")
PICKLE = re.compile(r".*\.(bin|pt|pth|ckpt|pkl|pickle)")
CONVERSION = (
    "import glob, torch; from safetensors.torch import save_file; "
    "[save_file({k: v.clone() for k, v in torch.load(f, weights_only=True).items()}, "
    "f.replace('pytorch_', '').replace('.bin', '.safetensors')) for f in glob.glob('pytorch_model*.bin')]"
)
"""Python that a user can run in a folder with ``pytorch_model*.bin`` to have them as safetensors."""


def refuse_pickle(subject: object, names: Iterable[str]) -> None:
    """Refuse weights that only exist as a pickle, and say how their owner can convert them.

    Raises:
        InputError: there is a pickle and no safetensors.
    """
    names = sorted(names)
    pickles = [name for name in names if PICKLE.fullmatch(name)]
    if pickles and not any(map(SHARD.fullmatch, names)):
        raise InputError(
            f"{subject}: has its weights as a pickle ({pickles[0]}), which can run any code when it is opened and is "
            "never read; if you trust it, fetch the files yourself, run in their folder: "
            f'python -c "{CONVERSION}" and give the folder as --model-dir'
        )


def weight_files(directory: Path) -> list[Path]:
    """The safetensors of a model: one file, or its shards.

    Raises:
        InputError: there are none.
    """
    names = [path.name for path in directory.iterdir()] if directory.is_dir() else []
    found = sorted(name for name in names if SHARD.fullmatch(name))
    refuse_pickle(directory, names)
    if not found:
        raise InputError(f"{directory}: has no model.safetensors; expected a model's folder")
    return [directory / name for name in found]


def digest(paths: Sequence[Path]) -> str:
    """SHA-256 of a model's weights: of the file, or of the list of its shards' sums."""
    sums = [sha256(path) for path in paths]
    if len(sums) == 1:
        return sums[0]
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()


def read_tensors(paths: Sequence[Path]) -> dict[str, Tensor]:
    """The tensors of all shards.

    Raises:
        InputError: not safetensors, or one name in two files.
    """
    tensors: dict[str, Tensor] = {}
    for path in paths:
        try:
            shard = load_file(path)
        except (OSError, SafetensorError) as error:
            raise InputError(f"{path}: not a safetensors file ({error})") from None
        twice = tensors.keys() & shard.keys()
        if twice:
            raise InputError(f"{path}: tensor {min(twice)} is in another file too")
        tensors |= shard
    return tensors


def renamed(
    path: Path,
    tensors: dict[str, Tensor],
    rules: Sequence[tuple[str, str]],
    unused: Sequence[str],
) -> dict[str, Tensor]:
    """The body's tensors under the names of the network.

    Args:
        path: for errors.
        tensors: as published.
        rules: regular expression and replacement, each applied once to every name, in order.
        unused: regular expressions of what the body does not need, such as heads; matched from the new name's start.

    Raises:
        InputError: two different tensors get one name.
    """
    body: dict[str, Tensor] = {}
    for old, tensor in tensors.items():
        name = old
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name, count=1)
        if any(re.match(pattern, name) for pattern in unused):
            continue
        if name in body and not torch.equal(body[name], tensor):
            raise InputError(f"{path}: tensor {old} differs from another of the same place")
        body[name] = tensor
    return body


def fill(path: Path, network: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Give a network its weights, in float32.

    Raises:
        InputError: a tensor is missing, left over, of another shape, or not of numbers.
    """
    wanted = network.state_dict()
    for kind, names in (
        ("is missing", wanted.keys() - tensors.keys()),
        ("has no place in the network", tensors.keys() - wanted.keys()),
    ):
        if names:
            more = f" (and {len(names) - 1:,} more)" if len(names) > 1 else ""
            raise InputError(
                f"{path}: tensor {min(names)} {kind}{more}; not the weights of this model"
            )
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            found, expected = (tuple(t.shape) for t in (tensor, wanted[name]))
            raise InputError(f"{path}: tensor {name} is {found}, its config says {expected}")
        if not tensor.is_floating_point():
            raise InputError(f"{path}: tensor {name} is {tensor.dtype}, expected floating point")
    network.load_state_dict({k: v.float() for k, v in tensors.items()}, assign=True)


_WHOLE = "model.safetensors"


def find(
    entry: Entry,
    tokenizer_file: str,
    *,
    revision: str | None = None,
    directory: Path | None = None,
    endpoint: str | None = None,
) -> Path:
    """The folder with a model's config, tokenizer and weights.

    Args:
        entry: which model.
        tokenizer_file: the file its tokenizer is made of; "" for none.
        revision: commit, tag or branch of its repository; by default the catalogue's.
        directory: a folder of the user's instead; nothing is fetched.
        endpoint: address of the hub.

    Raises:
        InputError: a file is missing, the weights are a pickle, no revision is known, or the hub does not answer.
    """
    needed = [CONFIG, *([tokenizer_file] if tokenizer_file else [])]
    if directory is not None:
        if revision is not None:
            raise InputError(f"{directory}: is on this machine and has no revision {revision!r}")
        return _local(directory, needed)
    chosen = revision or entry.revision
    if chosen is None:
        raise InputError(
            f"{entry.name}: no commit of {entry.repo} is known to this version; name one with --revision (40 hex "
            "digits, or a tag or branch such as main), or give a folder with its files as --model-dir"
        )
    address = Address(entry.repo, checked_revision(entry.repo, chosen))
    return _fetched(address, needed, endpoint)


def _local(directory: Path, needed: Sequence[str]) -> Path:
    if not directory.is_dir():
        raise InputError(f"{directory}: no such folder; expected a model's files")
    for name in needed:
        if not (directory / name).is_file():
            raise InputError(f"{directory}: has no {name}")
    return directory


def _fetched(address: Address, needed: Sequence[str], endpoint: str | None) -> Path:
    """From the hub's cache when all is there and cannot have changed, else from the hub."""
    from isoclr.models.hub import cached as fetching_cached
    from isoclr.models.hub import connect, conversation, download, listing, offline

    with conversation(address, "the hub"):
        api = connect(endpoint)
    with conversation(address, api.endpoint):
        cached = fetching_cached(address, needed)
        if cached and _has_weights(cached) and (address.is_pinned or offline()):
            return cached
        names = _to_fetch(address, listing(api, address), needed)
        info(f"{address}: fetching {', '.join(names)}")
        commit = address.revision
        for name in names:
            file = download(api, address, name, commit)
            commit = file.parent.name  # a branch may move between two downloads
    if not address.is_pinned:
        info(f"{address} is commit {commit}; only a commit names the same weights for ever")
    return file.parent


def _has_weights(directory: Path) -> bool:
    """Whether a folder of the cache has the weights, all shards of them."""
    names = [path.name for path in directory.iterdir() if SHARD.fullmatch(path.name)]
    return _WHOLE in names or (bool(names) and int(names[0][-17:-12]) == len(names))


def _to_fetch(address: Address, listed: Iterable[str], needed: Sequence[str]) -> list[str]:
    """Small files first; refuses what could not be used before anything is fetched."""
    here = {name for name in listed if "/" not in name}
    refuse_pickle(address, here)
    weights = sorted(name for name in here if SHARD.fullmatch(name))
    if _WHOLE in weights:
        weights = [_WHOLE]
    for name in needed:
        if name not in here:
            raise InputError(f"{address}: has no {name}")
    if not weights:
        raise InputError(f"{address}: has no {_WHOLE}")
    return [*needed, *weights]
