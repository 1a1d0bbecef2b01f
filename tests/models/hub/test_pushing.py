"""Models to a hub: what arrives is what was verified, and nothing else."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import isoclr
from isoclr.errors import InputError

Files = dict[str, bytes]
TOKEN = "hf_secret_of_the_tests"


@pytest.fixture
def folder(tmp_path: Path, models: list[Files]) -> Path:
    """A directory of a training run: a model, and what else lies there."""
    for name, content in models[0].items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"optimiser")
    (tmp_path / "log.jsonl").write_text("{}\n")
    return tmp_path


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return TOKEN


def refused(expected: str, *words: Any, **options: Any) -> str:
    with pytest.raises(InputError, match=expected) as error:
        isoclr.push(*words, **options)
    text = str(error.value)
    assert "\n" not in text
    assert TOKEN not in text
    return text


def test_what_is_pushed_is_what_is_loaded(
    hub: Any, folder: Path, models: list[Files], token: str
) -> None:
    pushed = isoclr.push(folder, "lab/new")
    assert pushed.address.repo == "lab/new"
    assert pushed.url == f"{hub.url}/lab/new/commit/{pushed.address.revision}"
    files = hub.repos["lab/new"].head
    assert {name: files[name] for name in models[0]} == models[0]
    loaded = isoclr.load("lab/new", revision=pushed.address.revision)
    assert loaded.sha256 == isoclr.load(folder).sha256
    assert eval(pushed.load_line, {"isoclr": isoclr}).sha256 == loaded.sha256


def test_nothing_else_of_the_directory_is_sent(hub: Any, folder: Path, token: str) -> None:
    isoclr.push(folder, "lab/new")
    names = set(hub.repos["lab/new"].head) - {".gitattributes"}
    assert names == {"config.json", "model.safetensors", "README.md"}


def test_the_card_beside_the_weights_is_taken(hub: Any, folder: Path, token: str) -> None:
    (folder / "README.md").write_text("# Mäuse\n")
    isoclr.push(folder, "lab/new")
    assert hub.repos["lab/new"].head["README.md"].decode() == "# Mäuse\n"


def test_a_card_is_made_from_the_model_where_there_is_none(
    hub: Any, folder: Path, token: str
) -> None:
    isoclr.push(folder, "lab/new")
    card = hub.repos["lab/new"].head["README.md"].decode()
    assert card.startswith("---\nlibrary_name: isoclr\n")
    assert json.loads((folder / "config.json").read_text())["sha256"] in card
    assert not (folder / "README.md").exists()


def test_a_second_push_is_a_commit_of_its_own_and_an_unchanged_one_is_none(
    hub: Any, folder: Path, models: list[Files], token: str
) -> None:
    first = isoclr.push(folder, "lab/new").address.revision
    assert isoclr.push(folder, "lab/new").address.revision == first
    for name, content in models[1].items():
        (folder / name).write_bytes(content)
    second = isoclr.push(folder, "lab/new", message="longer trained").address.revision
    assert second != first
    assert isoclr.load(f"lab/new@{first}").sha256 != isoclr.load(f"lab/new@{second}").sha256


def test_a_branch_is_made_from_main_and_main_stays(hub: Any, folder: Path, token: str) -> None:
    hub.add("lab/new").commit({"NOTES.md": b"mine"})
    main = hub.repos["lab/new"].branches["main"]
    for _ in range(2):  # made, then found
        pushed = isoclr.push(folder, "lab/new", revision="trial/one")
    assert hub.repos["lab/new"].branches == {
        "main": main,
        "trial/one": pushed.address.revision,
    }
    assert isoclr.load("lab/new@trial/one").sha256 == isoclr.load(folder).sha256


def test_a_new_repository_is_private_when_asked(hub: Any, folder: Path, token: str) -> None:
    isoclr.push(folder, "lab/new", private=True)
    isoclr.push(folder, "lab/open")
    assert (hub.repos["lab/new"].private, hub.repos["lab/open"].private) == (True, False)
    isoclr.push(folder, "lab/new", private=True)


def test_what_should_be_private_is_not_sent_to_a_public_repository(
    hub: Any, folder: Path, token: str
) -> None:
    hub.add("lab/open").commit({"NOTES.md": b"mine"})
    refused("lab/open: exists and is public", folder, "lab/open", private=True)
    assert set(hub.repos["lab/open"].head) == {"NOTES.md"}


def test_a_model_that_is_not_whole_is_not_sent(
    hub: Any, folder: Path, models: list[Files], token: str
) -> None:
    (folder / "model.safetensors").write_bytes(models[1]["model.safetensors"])
    refused("SHA-256 differs", folder, "lab/new")
    (folder / "model.safetensors").unlink()
    refused("model.safetensors: not found", folder, "lab/new")
    shutil.rmtree(folder)
    refused("config.json: not found", folder, "lab/new")
    assert hub.asked == []


def test_a_card_that_is_no_text_is_told(hub: Any, folder: Path, token: str) -> None:
    (folder / "README.md").write_bytes(b"\xff\xfe\x00")
    refused("README.md: not a text in UTF-8", folder, "lab/new")
    assert hub.asked == []


def test_without_a_token_nothing_is_asked(hub: Any, folder: Path) -> None:
    refused("no token for the hub: set HF_TOKEN", folder, "lab/new")
    assert hub.asked == []


def test_a_token_that_is_refused(hub: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert "hf_wrong" not in refused("does not accept the token", folder, "lab/new")


@pytest.mark.parametrize(
    ("route", "status", "message"),
    [
        ("POST /api/repos/create", 403, r"does not allow this .*as the test wants it"),
        ("POST /api/models/lab/new/preupload", 403, "does not allow this"),
        ("POST /api/models/lab/new/commit", 412, "answered 412"),
        ("PUT /large", 400, "answered 400"),
        ("POST /api/validate-yaml", 400, "Invalid metadata in README"),
        ("GET /api/models/lab/new", 500, "answered 500"),
    ],
)
def test_a_hub_that_refuses_is_one_line_and_has_no_new_commit(
    hub: Any, folder: Path, token: str, route: str, status: int, message: str
) -> None:
    hub.answers[route] = status
    refused(rf"lab/new@main: .*{message}", folder, "lab/new")
    repo = hub.repos.get("lab/new")
    assert repo is None or set(repo.head) == {".gitattributes"}


def test_what_the_hub_remarks_on_the_card_is_passed_on(
    hub: Any, folder: Path, token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.warnings = ["no license"]
    isoclr.push(folder, "lab/new")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("lab/new@main: ")
    assert "no license" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("repo", "options", "message"),
    [
        ("model", {}, "'model' is not a model of the hub, expected user/name"),
        ("lab/new@main", {}, "is not a model of the hub"),
        ("lab/new", {"revision": "a" * 40}, "is a commit, expected the branch"),
        ("lab/new", {"revision": "../x"}, "is not a revision"),
        ("lab/new", {"message": " "}, "message is empty"),
        ("lab/new", {"endpoint": "hub.org"}, "endpoint 'hub.org': expected an address"),
        ("lab/a--b", {}, r"lab/a--b@main: Cannot have -- or \.\. in repo_id"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_sent(
    hub: Any, folder: Path, token: str, repo: str, options: dict[str, str], message: str
) -> None:
    refused(message, folder, repo, **options)
    assert hub.asked == []


def test_a_dead_host_is_one_line(hub: Any, folder: Path, token: str) -> None:
    refused("127.0.0.1:9 cannot be reached", folder, "lab/new", endpoint="http://127.0.0.1:9")
