"""Models on the Hugging Face hub: download a revision, push a trained model. Safetensors only, never a pickle."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from logging import CRITICAL
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from isoclr._console import info, show
from isoclr._version import __version__
from isoclr.errors import InputError
from isoclr.models.encoder import CONFIG, WEIGHTS, Encoder, read_config, read_model
from isoclr.models.model_card import model_card, read_results

if TYPE_CHECKING:
    from huggingface_hub import HfApi

CARD = "README.md"
TIMEOUT = 10.0  # Seconds that the first request waits for an answer
MAX_TEXT_BYTES = 1 << 20  # Larger files that are not weights are not downloaded
NEEDS_REVISION = "a model of the hub needs a revision (commit, tag or branch), as in {}@main"

_REPO = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
_REVISION = re.compile(r"\w[\w./-]*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_ETAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PICKLE = re.compile(r".*\.(bin|pt|pth|ckpt|pkl|pickle)")


@dataclass(frozen=True)
class Address:
    """One revision of one model of the hub."""

    repo: str  # ``user/name``
    revision: str  # A commit (40 hex digits), a tag or a branch

    def __post_init__(self) -> None:
        if not is_repo(self.repo):
            raise InputError(f"{self.repo!r} is not a model of the hub, expected user/name")
        # the revision becomes part of a path in the cache
        if not _REVISION.fullmatch(self.revision) or ".." in self.revision:
            raise InputError(f"{self.repo}: {self.revision!r} is not a revision, expected a commit, tag or branch")

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision}"

    @property
    def is_commit(self) -> bool:
        """Whether the revision always names the same files; a tag or a branch can move."""
        return _COMMIT.fullmatch(self.revision) is not None

    @classmethod
    def parse(cls, model: str, revision: str | None = None) -> Address:
        """The address of ``user/name@revision``, or of ``user/name`` and a revision.

        >>> str(Address.parse("user/name", "v1"))
        'user/name@v1'
        """
        repo, at, suffix = model.partition("@")
        if at and revision is not None:
            raise InputError(f"{model}: has a revision already, and revision={revision!r} is another")
        if not at and revision is None:
            raise InputError(f"{repo}: {NEEDS_REVISION.format(repo)}")
        return cls(repo, suffix if revision is None else revision)


def is_repo(text: str) -> bool:
    """Whether a text has the form of a model of the hub: ``user/name``."""
    return _REPO.fullmatch(text) is not None


def connect(endpoint: str | None = None, *, token: str | None = None) -> HfApi:
    """A client of the hub; sends nothing yet.

    Args:
        endpoint: Address of the server; by default ``HF_ENDPOINT``, or the public hub.
        token: Access token; by default ``HF_TOKEN`` or a saved login, which is sent to the default endpoint only.
    """
    from huggingface_hub import HfApi, constants, get_token

    default = constants.ENDPOINT.rstrip("/")
    server = default if endpoint is None else endpoint.rstrip("/")
    is_encrypted = _check_endpoint(server)
    client_token = token if token is not None or server == default else False
    implicit = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    if not is_encrypted and (token or (client_token is None and implicit)):
        raise InputError(
            f"endpoint {server}: the token would be sent without encryption; expected https://, or no HF_TOKEN"
        )
    return HfApi(endpoint=server, token=client_token, library_name="isoclr", library_version=__version__)


def _check_endpoint(endpoint: str) -> bool:
    """Whether no third party can read what is sent there: https, or this machine."""
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
        is_address = parts.scheme in ("http", "https") and bool(host) and parts.port != 0
    except ValueError:
        is_address = False
    if "@" in endpoint.partition("://")[2].partition("/")[0]:
        raise InputError("endpoint: has a user or password before its host; expected https://host")
    if not is_address:
        raise InputError(f"endpoint {endpoint!r}: expected an address such as https://host")
    try:
        is_local = ip_address(host).is_loopback
    except ValueError:
        is_local = host == "localhost"
    return parts.scheme == "https" or is_local


@contextmanager
def hub_errors(subject: object, endpoint: str) -> Iterator[None]:
    """Turn errors of the hub's client into one line about ``subject``; no logging, no progress bars."""
    from huggingface_hub.utils import logging
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    verbosity, had_bars = logging.get_verbosity(), not are_progress_bars_disabled()
    logging.set_verbosity(CRITICAL)
    if had_bars:
        disable_progress_bars()
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno and not isinstance(error, ConnectionError):
            raise  # of the disk
        raise InputError(f"{subject}: {_explain(error, endpoint)}") from error
    finally:
        logging.set_verbosity(verbosity)
        if had_bars:
            enable_progress_bars()


def _explain(error: BaseException, endpoint: str) -> str:
    """Why a request failed, and what to do."""
    from huggingface_hub import errors

    if isinstance(error, errors.LocalEntryNotFoundError | RuntimeError) and error.__cause__:
        return _explain(error.__cause__, endpoint)
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "not in the cache, and HF_HUB_OFFLINE forbids to ask the hub"
    if isinstance(error, errors.GatedRepoError):
        return "access is gated; ask for it on the model's page and set HF_TOKEN"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"no such model at {endpoint}, or a private one that needs a valid HF_TOKEN"
    if isinstance(error, errors.RevisionNotFoundError):
        return "no such revision; expected a commit (40 hex digits), tag or branch"
    message = " ".join(str(error).split())[:200] or type(error).__name__
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        if status == 401:
            return f"{endpoint} does not accept the token; set HF_TOKEN to a valid one"
        reason = " ".join((error.server_message or "no reason given").split())[:200]
        action = "does not allow this with the token of HF_TOKEN" if status == 403 else "answered"
        return f"{endpoint} {action} {status} ({reason})"
    if isinstance(error, errors.HFValidationError):
        return message
    if isinstance(error, ValueError | LookupError | TypeError | AttributeError):
        return f"{endpoint} did not answer as the hub does ({message})"
    return f"{endpoint} cannot be reached ({message})"


Select = Callable[[set[str]], list[str]]
"""Names of a repository's files → those to download; raises InputError if one is missing."""


def fetch(
    address: Address,
    select: Select,
    *,
    endpoint: str | None = None,
    check_config: Callable[[Path], object] | None = None,
) -> Path:
    """The directory of one revision of a model in the hub's cache on this machine.

    A commit that was downloaded before is opened without a request. A tag or a branch can move, so the hub is asked for
    its commit, unless ``HF_HUB_OFFLINE`` is set.

    Args:
        select: Chooses the files, config first.
        check_config: Called with the path of ``config.json`` before anything larger is downloaded.
    """
    from huggingface_hub import constants

    api = connect(endpoint)
    with hub_errors(address, api.endpoint):
        cached = _cached(address, select)
        if cached is not None and (address.is_commit or constants.HF_HUB_OFFLINE):
            return cached
        model = api.model_info(address.repo, revision=address.revision, timeout=TIMEOUT)
        commit = str(model.sha)
        if not _COMMIT.fullmatch(commit) or (address.is_commit and commit != address.revision):
            raise InputError(f"{address}: {api.endpoint} gave commit {commit!r} instead")
        names = {file.rfilename for file in model.siblings or () if "/" not in file.rfilename}
        try:
            for name in select(names):
                path = _download(api, address.repo, commit, name)
                if name == CONFIG and check_config is not None:
                    check_config(path)
        except InputError as error:
            raise InputError(f"{address}: {error}") from None
    if not address.is_commit:
        info(f"{address} is commit {commit}; only a commit always names the same weights")
    return path.parent


def fetch_model(address: Address, *, endpoint: str | None = None) -> Path:
    """The directory of an IsoCLR model of the hub; see :func:`fetch`."""
    return fetch(address, _select_model, endpoint=endpoint, check_config=read_config)


def _select_model(names: set[str]) -> list[str]:
    refuse_pickle(names, f"expected {WEIGHTS}")
    for name in (CONFIG, WEIGHTS):
        if name not in names:
            raise InputError(f"has no {name}; a model is {CONFIG} and {WEIGHTS}")
    return [CONFIG, WEIGHTS]


def refuse_pickle(names: set[str], advice: str) -> None:
    """Refuse weights that exist only as a pickle."""
    pickles = sorted(name for name in names if _PICKLE.fullmatch(name))
    if pickles and not any(name.endswith(".safetensors") for name in names):
        raise InputError(
            f"has its weights as a pickle ({pickles[0]}), which can run any code when it is opened and is never read; "
            f"{advice}"
        )


def _cached(address: Address, select: Select) -> Path | None:
    """The directory of a revision in the cache, if it has all the files."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(address.repo, CONFIG, revision=address.revision)
    if not isinstance(config, str):
        return None
    directory = Path(config).parent
    try:
        select({path.name for path in directory.iterdir()})
    except InputError:
        return None
    return directory


def _download(api: HfApi, repo: str, commit: str, name: str) -> Path:
    """One file in the cache; the client names files there by ETag and commit, so these must be hashes."""
    from huggingface_hub import hf_hub_url

    url = hf_hub_url(repo, name, revision=commit, endpoint=api.endpoint)
    metadata = api.get_hf_file_metadata(url=url, timeout=TIMEOUT)
    if metadata.commit_hash != commit or not _ETAG.fullmatch(metadata.etag or ""):
        raise InputError(f"{api.endpoint} names {name} by no hash of this commit")
    size = metadata.size
    if size is None:
        raise InputError(f"{api.endpoint} does not say how large {name} is")
    if not name.endswith(".safetensors") and size > MAX_TEXT_BYTES:
        raise InputError(f"{name}: has {size:,} bytes, expected at most {MAX_TEXT_BYTES:,}")
    return Path(api.hf_hub_download(repo, name, revision=commit))


@dataclass(frozen=True)
class PushResult:
    """A commit on the hub."""

    address: Address  # The model and the new commit
    url: str  # The commit's page

    @property
    def load_line(self) -> str:
        """Python that loads exactly these weights anywhere."""
        return f'isoclr.load("{self.address.repo}", revision="{self.address.revision}")'

    def print(self) -> None:
        """Print the commit and the line that loads it."""
        info(self.url)
        show(f"commit {self.address.revision}")
        show(self.load_line)


def push(
    directory: Path,
    repo: str,
    *,
    revision: str = "main",
    private: bool = False,
    message: str | None = None,
    results: Path | None = None,
    license: str | None = None,
    endpoint: str | None = None,
) -> PushResult:
    """Push a trained model to the Hugging Face hub.

    The model is verified first. Its config.json, its model.safetensors and a model card become one commit; nothing else
    of the directory, such as a training run's checkpoint, is sent. The card is the README.md of the directory if there
    is one. Otherwise it is made from the config, and with --results it has tables and the hub's model-index. The token
    is taken from HF_TOKEN, or from a saved login of the hub's own client.

    Args:
        directory: Directory of the model, as isoclr pretrain wrote it.
        repo: Repository user/name on the hub; created if it does not exist.
        revision: Branch to commit to; created from main if it does not exist.
        private: Make a new repository private.
        message: Commit message.
        results: Folder that isoclr evaluate wrote for these weights, for the model card.
        license: Licence in the model card, such as apache-2.0.
        endpoint: Address of the hub; by default HF_ENDPOINT, or the public hub.

    Returns:
        The new commit, or the present one when nothing has changed.

    Raises:
        InputError: The directory holds no valid model, there is no token, or the hub refuses.
    """
    from huggingface_hub import CommitOperationAdd, get_token

    target = Address(repo, revision)
    if target.is_commit:
        raise InputError(f"{repo}: {revision} is a commit, expected the branch to add one to")
    if message is not None and not message.strip():
        raise InputError("--message is empty")
    encoder, files = _verified_files(Path(directory), repo, results, license)
    token = get_token()
    if token is None:
        raise InputError("no token for the hub: set HF_TOKEN to one that may write")
    api = connect(endpoint, token=token)
    with hub_errors(target, api.endpoint):
        api.create_repo(repo, private=private or None, exist_ok=True)
        if private and not api.model_info(repo).private:
            raise InputError(f"{repo}: exists and is public; make it private on its page first")
        if revision != "main":
            api.create_branch(repo, branch=revision, exist_ok=True)
        commit = api.create_commit(
            repo,
            [CommitOperationAdd(name, content) for name, content in files.items()],
            commit_message=message or f"{encoder.name} {encoder.sha256[:12]}",
            revision=revision,
        )
    return PushResult(Address(repo, commit.oid), commit.commit_url)


def _verified_files(
    directory: Path, repo: str, results: Path | None, license: str | None
) -> tuple[Encoder, dict[str, bytes]]:
    """The model and the content of its files; what is sent is what was verified."""
    encoder = read_model(directory)
    files = {name: (directory / name).read_bytes() for name in (CONFIG, WEIGHTS)}
    digest = hashlib.sha256(files[WEIGHTS]).hexdigest()
    if digest != read_config(directory / CONFIG).sha256:
        raise InputError(f"{directory / WEIGHTS}: has changed while it was read")
    card = directory / CARD
    if card.exists() and (results or license):
        raise InputError(f"{card}: is the model card; remove it, or leave out --results and --license")
    measured = None if results is None else read_results(Path(results), digest)
    try:
        text = (
            card.read_text("utf-8") if card.exists() else model_card(encoder, repo, digest, measured, license=license)
        )
    except (UnicodeDecodeError, OSError) as error:
        raise InputError(f"{card}: not a text in UTF-8 ({error})") from None
    return encoder, files | {CARD: text.encode()}
