"""From the hub to a directory: one revision's config and weights, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from isoclr.console import say
from isoclr.errors import InputError
from isoclr.models import weights
from isoclr.models.hub.address import Address, is_commit
from isoclr.models.hub.talking import TIMEOUT, connect, conversation
from isoclr.models.weights import CONFIG, WEIGHTS

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_CONTENT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""The ETag of a file in git, or of a large one: SHA-1 or SHA-256."""


def fetch(address: Address, *, endpoint: str | None = None) -> Path:
    """The directory of one revision of a model, in the hub's cache on this machine.

    A commit that was fetched before is opened without asking anybody. A tag or a branch can move, so the hub is asked
    where it is; only with ``HF_HUB_OFFLINE`` set, where it was last seen is good enough.

    Args:
        address: the model and its revision.
        endpoint: address of the server; by default ``HF_ENDPOINT``, or the public hub, which alone get a token.

    Raises:
        InputError: no such model, revision or file; a pickle instead of safetensors; no access; no connection.
    """
    with conversation(address, "the hub"):
        api = connect(endpoint)
    with conversation(address, api.endpoint):
        there = cached(address, (CONFIG, WEIGHTS))
        if there is not None and (address.is_pinned or offline()):
            return there
        _check_files(address, listing(api, address))
        directory = _download(api, address)
    if not address.is_pinned:
        say(f"{address} is commit {directory.name}; only a commit names the same weights for ever")
    return directory


def offline() -> bool:
    """Whether the user forbids to ask the hub."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def cached(address: Address, names: Iterable[str]) -> Path | None:
    """The directory where these files of a revision lie, when all were fetched before."""
    from huggingface_hub import try_to_load_from_cache

    found = [
        try_to_load_from_cache(address.repo, name, revision=address.revision) for name in names
    ]
    paths = [Path(file) for file in found if isinstance(file, str)]
    return paths[0].parent if len(paths) == len(found) else None


def listing(api: HfApi, address: Address) -> set[str]:
    """Names of the files of a revision.

    Raises:
        InputError: no such revision.
    """
    from huggingface_hub.errors import RevisionNotFoundError

    try:
        info = api.model_info(address.repo, revision=address.revision, timeout=TIMEOUT)
    except RevisionNotFoundError:
        raise InputError(f"{address}: no such revision; {_revisions(api, address.repo)}") from None
    return {file.rfilename for file in info.siblings or ()}


def _revisions(api: HfApi, repo: str) -> str:
    """What could have been asked for."""
    refs = api.list_repo_refs(repo)
    names = [ref.name for ref in (*refs.branches, *refs.tags)]
    shown = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
    return f"there are {shown}, and commits by their 40 digits"


def _check_files(address: Address, names: Iterable[str]) -> None:
    """Refuse a repository that has no model of ours before anything is downloaded."""
    here = [name for name in sorted(names) if "/" not in name]
    if CONFIG in here and WEIGHTS in here:
        return
    pickles = [name for name in here if name.endswith(_PICKLES)]
    if WEIGHTS not in here and pickles:
        raise InputError(
            f"{address}: has its weights as a pickle ({pickles[0]}), which can run any code when it is opened "
            f"and is never read; expected {WEIGHTS}"
        )
    missing = WEIGHTS if CONFIG in here else CONFIG
    raise InputError(f"{address}: has no {missing}; a model is {CONFIG} and {WEIGHTS}")


def _download(api: HfApi, address: Address) -> Path:
    """Config first: a repository that is not ours is left before its weights, of any size, are fetched."""
    config = download(api, address, CONFIG, address.revision)
    try:
        weights.read_config(config)
    except InputError as error:
        raise InputError(f"{address}: {error}") from None
    # By its commit, not its tag: a branch may move between two downloads.
    file = download(api, address, WEIGHTS, config.parent.name)
    if file.parent != config.parent:
        raise InputError(f"{address}: {CONFIG} and {WEIGHTS} came from different commits")
    return config.parent


def download(api: HfApi, address: Address, name: str, revision: str) -> Path:
    """Fetch one file of a model into the cache; the directory it lies in is named by its commit.

    Args:
        api: the hub's client.
        address: the model, and the revision that was asked for.
        name: the file.
        revision: where to take it from; once the commit is known, that.

    Raises:
        InputError: the hub gave another commit than the pinned one, or names that are no hashes.
    """
    _check_names(api, address, name, revision)
    file = Path(api.hf_hub_download(address.repo, name, revision=revision))
    if is_commit(revision) and file.parent.name != revision:
        raise InputError(f"{address}: the hub gave commit {file.parent.name} instead")
    return file


def _check_names(api: HfApi, address: Address, name: str, revision: str) -> None:
    """Refuse a server whose names could lead out of the cache: the client makes paths of a commit and an ETag."""
    from huggingface_hub import hf_hub_url

    url = hf_hub_url(address.repo, name, revision=revision, endpoint=api.endpoint)
    told = api.get_hf_file_metadata(url=url, timeout=TIMEOUT)
    if not is_commit(told.commit_hash or ""):
        raise InputError(f"{address}: {api.endpoint} names no commit of {name} (40 hex digits)")
    if not _CONTENT.fullmatch(told.etag or ""):
        raise InputError(
            f"{address}: {api.endpoint} names {name} by an ETag that is no hash of its content (40 or 64 hex digits)"
        )
