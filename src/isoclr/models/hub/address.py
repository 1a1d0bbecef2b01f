"""Naming a model of the hub: whose it is, its name, and which of its revisions."""

import re
from dataclasses import dataclass

from isoclr.errors import InputError

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
