"""A published model's files: in a folder of the user's, or from the hub, one revision of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from isoclr.baselines.language_models.catalogue import Entry
from isoclr.baselines.language_models.settings import CONFIG
from isoclr.baselines.language_models.tensors import SHARD, refuse_pickle
from isoclr.console import say
from isoclr.errors import InputError
from isoclr.models.hub.address import Address, checked_revision

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
    from isoclr.models.hub import fetching
    from isoclr.models.hub.talking import connect, conversation

    with conversation(address, "the hub"):
        api = connect(endpoint)
    with conversation(address, api.endpoint):
        cached = fetching.cached(address, needed)
        if cached and _has_weights(cached) and (address.is_pinned or fetching.offline()):
            return cached
        names = _to_fetch(address, fetching.listing(api, address), needed)
        say(f"{address}: fetching {', '.join(names)}")
        commit = address.revision
        for name in names:
            file = fetching.download(api, address, name, commit)
            commit = file.parent.name  # a branch may move between two downloads
    if not address.is_pinned:
        say(f"{address} is commit {commit}; only a commit names the same weights for ever")
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
