"""``user/name@revision``, and what is no such thing."""

import pytest

from isoclr.errors import InputError
from isoclr.models.hub.address import Address, is_repo, parse


@pytest.mark.parametrize(
    ("model", "revision", "expected"),
    [
        ("lab/model", "v1", Address("lab/model", "v1")),
        ("lab/model@v1", None, Address("lab/model", "v1")),
        ("a.b/c-d_e", "feature/x.y", Address("a.b/c-d_e", "feature/x.y")),
        ("lab/model@refs/pr/4", None, Address("lab/model", "refs/pr/4")),
    ],
)
def test_a_model_and_its_revision(model: str, revision: str | None, expected: Address) -> None:
    assert parse(model, revision) == expected


@pytest.mark.parametrize(
    ("model", "revision", "message"),
    [
        ("lab/model", None, "needs a revision .* as in lab/model@main"),
        ("lab/model@", None, "'' is not a revision"),
        ("lab/model", "", "'' is not a revision"),
        ("lab/model@v1", "v2", "has a revision already"),
        ("lab/model@v1@v2", None, "'v1@v2' is not a revision"),
        ("lab/model", "../../etc", "is not a revision"),
        ("lab/model", "a/../b", "is not a revision"),
        ("lab/model", "/main", "is not a revision"),
        ("lab/model", "v 1", "is not a revision"),
        ("model", "v1", "'model' is not a model of the hub, expected user/name"),
        ("./model", "v1", "is not a model of the hub"),
        ("a/b/c", "v1", "is not a model of the hub"),
    ],
)
def test_what_is_refused(model: str, revision: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        parse(model, revision)
    assert "\n" not in str(error.value)


def test_only_a_whole_commit_is_pinned() -> None:
    assert parse("lab/model", "0f" * 20).is_pinned
    for revision in ("0f" * 19, "0F" * 20, "main", "v1"):
        assert not parse("lab/model", revision).is_pinned


def test_a_path_is_not_a_repository() -> None:
    assert is_repo("lab/model")
    assert not any(map(is_repo, ("model", "/lab/model", "../model", "a/b/c", "lab/", "lab/m@x")))
