"""From a directory to the hub: config, weights and card, in one commit."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from isoclr.console import say
from isoclr.errors import InputError
from isoclr.models import weights
from isoclr.models.encoder import Encoder
from isoclr.models.hub.address import Address, check_repo, checked_revision, is_commit
from isoclr.models.hub.card import CARD, card
from isoclr.models.hub.talking import TIMEOUT, connect, conversation
from isoclr.models.weights import CONFIG, WEIGHTS

if TYPE_CHECKING:
    from huggingface_hub import HfApi

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
        say(f"{subject}: {warning}")
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
    network, settings = weights.read(directory)
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
