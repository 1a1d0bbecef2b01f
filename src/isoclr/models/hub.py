"""Talking to the hub: its client made quiet, and whatever goes wrong said in one line."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from json import JSONDecodeError
from logging import CRITICAL
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from isoclr._console import info
from isoclr._version import __version__
from isoclr.errors import InputError
from isoclr.models.encoder import CONFIG, WEIGHTS, Encoder, read, read_config

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError


TIMEOUT = 10.0
"""s; the first question to a hub waits no longer."""


def connect(endpoint: str | None = None, *, token: str | None = None) -> HfApi:
    """The hub's client; nothing is sent yet.

    Args:
        endpoint: address of the server; by default ``HF_ENDPOINT``, or the public hub.
        token: by default the one of the hub's environment (``HF_TOKEN``, or a saved login), if any. That one belongs to
            the hub's own address, and is not sent to an endpoint that was named here instead.

    Raises:
        InputError: no such address, or a token would be sent where others can read it.
    """
    from huggingface_hub import HfApi, constants

    own = constants.ENDPOINT.rstrip("/")
    server = own if endpoint is None else endpoint.rstrip("/")
    _check_endpoint(server)
    sent = False if token is None and server != own else token
    _check_secrecy(server, sent)
    return HfApi(endpoint=server, token=sent, library_name="isoclr", library_version=__version__)


def _check_secrecy(endpoint: str, token: str | bool | None) -> None:
    """Refuse to send a token over a network without encryption."""
    from huggingface_hub import constants, get_token

    parts = urlsplit(endpoint)
    if parts.scheme == "https" or _is_loopback(parts.hostname or ""):
        return
    if token is None and not constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        token = get_token()
    if token:
        raise InputError(
            f"endpoint {endpoint}: the token would be sent without encryption; expected https://, or no HF_TOKEN"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_endpoint(endpoint: str) -> None:
    if "@" in endpoint.partition("://")[2].partition("/")[0]:
        raise InputError("endpoint: has a user or password before its host; expected https://host")
    try:
        parts = urlsplit(endpoint)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise InputError(f"endpoint {endpoint!r}: expected an address such as https://host")


@contextmanager
def conversation(subject: object, endpoint: str) -> Iterator[list[str]]:
    """What the client does inside prints nothing, and its errors become one line about ``subject``.

    Yields:
        What the hub remarked, filled when the block ends.

    Raises:
        InputError: the hub cannot be reached, refuses, or answers what its client does not understand.
    """
    said: list[str] = []
    try:
        with _quiet(), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield said
    except Exception as error:
        if not _is_about_the_hub(error):
            raise
        raise InputError(f"{subject}: {_reason(error, endpoint)}") from error
    # Deprecations are the client's own affair.
    said += [_one_line(str(w.message)) for w in caught if issubclass(w.category, UserWarning)]


@contextmanager
def _quiet() -> Iterator[None]:
    """No retries told one by one and no bars: an error is one line, and models are small."""
    from huggingface_hub.utils import logging
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    verbosity, had_bars = logging.get_verbosity(), not are_progress_bars_disabled()
    logging.set_verbosity(CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the environment may have settled about bars
        disable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if had_bars:
            enable_progress_bars()


def _is_about_the_hub(error: Exception) -> bool:
    """Whether the hub's client raised it or let it through; an error with a number is one of the disk."""
    if isinstance(error, OSError) and error.errno is not None:
        return isinstance(error, ConnectionError | TimeoutError)
    modules = (frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__))
    return any(name.partition(".")[0] == "huggingface_hub" for name in modules)


def _reason(error: BaseException, endpoint: str) -> str:
    """Why it did not work, and what the user can do."""
    from huggingface_hub import errors

    # The client tells that a file could not be found or sent, and keeps why as the cause.
    if isinstance(error, errors.LocalEntryNotFoundError | RuntimeError) and error.__cause__:
        return _reason(error.__cause__, endpoint)
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "not in the cache, and HF_HUB_OFFLINE forbids to ask the hub"
    if isinstance(error, errors.GatedRepoError):
        return "access is gated; ask for it on the model's page and set HF_TOKEN"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"no such model at {endpoint}, or a private one that needs a valid HF_TOKEN"
    if isinstance(error, errors.HfHubHTTPError):
        return _refusal(error, endpoint)
    told = _one_line(str(error)) or type(error).__name__
    if isinstance(error, JSONDecodeError | LookupError | TypeError | AttributeError):
        return f"{endpoint} did not answer as the hub does ({told})"
    return told if isinstance(error, ValueError) else f"{endpoint} cannot be reached ({told})"


def _refusal(error: HfHubHTTPError, endpoint: str) -> str:
    status = error.response.status_code
    told = _one_line(error.server_message or "it does not say why")
    if status == 401:
        return f"{endpoint} does not accept the token; set HF_TOKEN to a valid one"
    if status == 403:
        return f"{endpoint} does not allow this with the token of HF_TOKEN ({told})"
    return f"{endpoint} answered {status} ({told})"


def _one_line(text: str) -> str:
    """The first words of a message, without line breaks."""
    words = " ".join(text.split())
    return words if len(words) <= 200 else words[:199] + "…"


_REPO = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
_REVISION = re.compile(r"\w[\w./-]*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Address:
    """One revision of one model.

    Attributes:
        repo: ``user/name``.
        revision: a commit (40 hex digits), a tag or a branch.
    """

    repo: str
    revision: str

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision}"

    @property
    def is_pinned(self) -> bool:
        """Whether this names the same weights for ever: a commit does, a tag or a branch can be moved."""
        return is_commit(self.revision)


def is_commit(revision: str) -> bool:
    """Whether a revision is a whole commit id."""
    return _COMMIT.fullmatch(revision) is not None


def is_repo(text: str) -> bool:
    """Whether this could be a model of the hub: ``user/name``."""
    return _REPO.fullmatch(text) is not None


def parse(model: str, revision: str | None = None) -> Address:
    """The address that ``user/name@revision``, or ``user/name`` and a revision, stand for.

    Raises:
        InputError: no such form, no revision, or two.

    >>> str(parse("user/name", "v1"))
    'user/name@v1'
    >>> parse("user/name@v1").revision
    'v1'
    """
    repo, at, written = model.partition("@")
    check_repo(repo)
    if at and revision is not None:
        raise InputError(f"{model}: has a revision already, and revision={revision!r} is another")
    named = written if at else revision
    if named is None:
        raise InputError(f"{repo}: {how_to_name(repo)}")
    return Address(repo, checked_revision(repo, named))


def how_to_name(repo: str) -> str:
    """What to write instead of a name without a revision."""
    return f"a model of the hub needs a revision (commit, tag or branch), as in {repo}@main"


def check_repo(repo: str) -> None:
    """Refuse what cannot be a model's name on the hub."""
    if not is_repo(repo):
        raise InputError(f"{repo!r} is not a model of the hub, expected user/name")


def checked_revision(repo: str, revision: str) -> str:
    """The revision, when it can be one; it becomes part of a path in the cache."""
    if not _REVISION.fullmatch(revision) or ".." in revision:
        raise InputError(
            f"{repo}: {revision!r} is not a revision, expected a commit, tag or branch"
        )
    return revision


CARD = "README.md"
_TRACKS = {
    4: "sequence",
    5: "sequence and codon starts",
    6: "sequence, codon starts and exon ends",
}


def card(directory: Path, encoder: Encoder, *, repo: str, sha256: str) -> str:
    """The card beside the weights, or a short one that says only what the weights themselves tell.

    Raises:
        InputError: the card is not text.
    """
    path = directory / CARD
    if not path.exists():
        return written(encoder, repo=repo, sha256=sha256)
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise InputError(f"{path}: not a text in UTF-8 ({error})") from error


def written(encoder: Encoder, *, repo: str, sha256: str) -> str:
    """A card from the model alone: its shape, its sum, how to use it; nothing about what it was not measured on."""
    return f"""---
library_name: isoclr
tags:
- rna
- biology
---

# {repo.partition("/")[2]}

An RNA encoder for `isoclr`: mature RNAs in, one vector per RNA out.

| | |
|---|---|
| architecture | {encoder.name} |
| tracks | {encoder.tracks} ({_TRACKS[encoder.tracks]}) |
| embedding | {encoder.dim} values |
| parameters | {encoder.num_parameters:,} |
| SHA-256 of `model.safetensors` | `{sha256}` |

Its author has not said what it was trained on or how well it predicts: measure it on your own labels
(`isoclr probe`) before you rely on it.

## Use

```python
import isoclr

model = isoclr.load("{repo}", revision="COMMIT")  # a commit's 40 digits, from this repository's history
vectors = model.embed(["AUGGCUUGA", "GGGACGU"])
```

or `isoclr embed my.fa --model {repo}@COMMIT -o my.parquet`. A commit names the same weights for ever; a branch can
move.
"""


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
        info(f"{address} is commit {directory.name}; only a commit names the same weights for ever")
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
        read_config(config)
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


MAIN = "main"


@dataclass(frozen=True)
class Pushed:
    """What is on the hub now.

    Attributes:
        address: the model, its revision the new commit.
        url: the commit's page.
    """

    address: Address
    url: str

    @property
    def load_line(self) -> str:
        """The line that loads exactly these weights, anywhere."""
        return f'isoclr.load("{self.address.repo}", revision="{self.address.revision}")'

    def print(self) -> None:
        """Print the commit and the line that loads it."""
        info(self.url)
        print(f"commit {self.address.revision}")
        print(self.load_line)


def push(
    directory: Path,
    repo: str,
    *,
    revision: str | None = None,
    private: bool = False,
    message: str | None = None,
    endpoint: str | None = None,
) -> Pushed:
    """A trained model → the Hugging Face hub.

    The model is verified first. Its config.json, its model.safetensors and a model card (README.md of the directory,
    or a short one made from the config) become one commit; nothing else of the directory, such as a training run's
    checkpoint, is sent. The token is taken from HF_TOKEN, or from a saved login of the hub's own client.

    Args:
        directory: of the model, as isoclr pretrain wrote it.
        repo: user/name on the hub; made when it does not exist.
        revision: the branch to commit to, made from main when it does not exist; by default main.
        private: make a new repository private.
        message: of the commit.
        endpoint: address of the server; by default HF_ENDPOINT, or the public hub.

    Returns:
        The new commit, or the present one when nothing has changed.

    Raises:
        InputError: the directory holds no valid model, there is no token, or the hub refuses.
    """
    directory = Path(directory)
    check_repo(repo)
    branch = _branch(repo, revision)
    if message is not None and not message.strip():
        raise InputError("--message is empty, expected what the commit is about")
    files, name = _verified(directory, repo)
    subject = f"{repo}@{branch}"
    with conversation(subject, "the hub"):
        token = _token()
    api = connect(endpoint, token=token)
    with conversation(subject, api.endpoint) as said:
        _make_ready(api, repo, branch, private=private)
        pushed = _commit(api, repo, branch, files, message or name)
    for warning in said:
        info(f"{subject}: {warning}")
    return pushed


def _branch(repo: str, revision: str | None) -> str:
    if revision is None:
        return MAIN
    if is_commit(revision):
        raise InputError(f"{repo}: {revision} is a commit, expected the branch to add one to")
    return checked_revision(repo, revision)


def _token() -> str:
    """The token itself goes to the hub and nowhere else."""
    from huggingface_hub import get_token

    token = get_token()
    if token is None:
        raise InputError("no token for the hub: set HF_TOKEN to one that may write")
    return token


def _verified(directory: Path, repo: str) -> tuple[dict[str, bytes], str]:
    """The files to send, and the name of the model in them; what was verified is what is sent."""
    network, settings = read(directory)
    sha256 = settings["sha256"]
    data = (directory / WEIGHTS).read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise InputError(f"{directory / WEIGHTS}: has changed while it was read")
    encoder = Encoder(network, name=settings["name"], tracks=settings["tracks"])
    text = card(directory, encoder, repo=repo, sha256=sha256)
    config = json.dumps(settings, indent=2) + "\n"
    files = {CONFIG: config.encode(), WEIGHTS: data, CARD: text.encode()}
    return files, f"{encoder.name} {sha256[:12]}"


def _make_ready(api: HfApi, repo: str, branch: str, *, private: bool) -> None:
    """See that the repository and the branch exist, and that what should be private is."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        info = api.model_info(repo, timeout=TIMEOUT)
    except GatedRepoError:
        raise
    except RepositoryNotFoundError:
        api.create_repo(repo, private=private or None)
    else:
        if private and not info.private:
            raise InputError(f"{repo}: exists and is public; make it private on its page first")
    if branch != MAIN:
        api.create_branch(repo, branch=branch, exist_ok=True)


def _commit(api: HfApi, repo: str, branch: str, files: dict[str, bytes], message: str) -> Pushed:
    from huggingface_hub import CommitOperationAdd

    adds = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=files[name]) for name in files]
    made = api.create_commit(repo, adds, commit_message=message, revision=branch)
    return Pushed(Address(repo, made.oid), made.commit_url)
