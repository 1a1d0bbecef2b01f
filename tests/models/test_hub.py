"""``user/name@revision``, and what is no such thing."""

import errno
import json
import shutil
import warnings
from collections.abc import Callable
from logging import CRITICAL
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import HfApi, constants, try_to_load_from_cache
from huggingface_hub.utils import logging
from huggingface_hub.utils.tqdm import are_progress_bars_disabled

import isoclr
from isoclr.errors import InputError
from isoclr.models.hub import Address, card, connect, conversation, is_repo, parse


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


@pytest.mark.parametrize(("tracks", "names"), [(4, "sequence"), (6, "codon starts and exon ends")])
def test_a_card_says_what_the_weights_tell(tmp_path: Path, tracks: int, names: str) -> None:
    encoder = isoclr.create("isoclr-s", tracks=tracks, seed=0)
    text = card(tmp_path, encoder, repo="lab/mice", sha256="0123abc")
    assert "# mice\n" in text
    assert f"| tracks | {tracks} (" in text
    assert names in text
    assert f"| parameters | {encoder.num_parameters:,} |" in text
    assert f"| embedding | {encoder.dim} values |" in text
    assert "`0123abc`" in text
    assert 'isoclr.load("lab/mice", revision="COMMIT")' in text
    assert "has not said what it was trained on" in text


def test_a_card_that_was_written_is_kept(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Ours\n")
    encoder = isoclr.create("isoclr-s", seed=0)
    assert card(tmp_path, encoder, repo="lab/mice", sha256="0") == "# Ours\n"


def test_a_card_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "README.md").mkdir()
    with pytest.raises(InputError, match=r"README\.md: not a text in UTF-8"):
        card(tmp_path, isoclr.create("isoclr-s", seed=0), repo="lab/mice", sha256="0")


Files = dict[str, bytes]
RNA = ["ACGUACGUAAGG" * 9]


def sha(files: Files) -> str:
    return str(json.loads(files["config.json"])["sha256"])


def one_line(error: pytest.ExceptionInfo[InputError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def cached(kind: str) -> list[str]:
    """Names below the cache's ``blobs`` or ``snapshots``."""
    folder = Path(constants.HF_HUB_CACHE)
    return sorted(path.name for path in folder.rglob(f"{kind}/**/*") if not path.is_dir())


def test_a_commit_gives_its_weights_even_when_main_has_moved_on(
    hub: Any, models: list[Files]
) -> None:
    repo = hub.add()
    first = repo.commit(models[0], tag="v1")
    repo.commit(models[1])
    pinned = isoclr.load("lab/model", revision=first)
    assert pinned.sha256 == sha(models[0])
    expected = isoclr.create("isoclr-s", seed=0).embed(RNA)
    np.testing.assert_array_equal(pinned.embed(RNA), expected)
    assert isoclr.load("lab/model", revision="v1").sha256 == sha(models[0])
    assert isoclr.load("lab/model@main").sha256 == sha(models[1])


def test_a_commit_is_fetched_once_and_then_nobody_is_asked(hub: Any, models: list[Files]) -> None:
    commit = hub.add().commit(models[0])
    isoclr.load(f"lab/model@{commit}")
    hub.asked.clear()
    assert isoclr.load(f"lab/model@{commit}").sha256 == sha(models[0])
    assert hub.asked == []


def test_a_tag_that_moved_is_followed_and_its_commit_is_told(
    hub: Any, models: list[Files], capsys: pytest.CaptureFixture[str]
) -> None:
    repo = hub.add()
    repo.commit(models[0], tag="v1")
    isoclr.load("lab/model@v1")
    second = repo.commit(models[1], tag="v1")
    capsys.readouterr()
    assert isoclr.load("lab/model@v1").sha256 == sha(models[1])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"lab/model@v1 is commit {second}; ")
    assert err.count("\n") == 1


def test_only_the_two_files_of_a_model_are_downloaded(hub: Any, models: list[Files]) -> None:
    extra = {"pytorch_model.bin": b"\x80\x02", "run/checkpoint.pt": b"\x80", "README.md": b"hi"}
    commit = hub.add().commit(models[0] | extra)
    isoclr.load(f"lab/model@{commit}")
    assert cached("snapshots") == ["config.json", "model.safetensors"]
    assert not [line for line in hub.asked if "pytorch" in line or "checkpoint" in line]


def test_a_private_model_is_opened_with_the_token_and_the_token_stays_with_the_hub(
    hub: Any, models: list[Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = hub.add(private=True).commit(models[0])
    monkeypatch.setenv("HF_TOKEN", "hf_secret_of_the_tests")
    assert isoclr.load(f"lab/model@{commit}").sha256 == sha(models[0])
    for line, token in zip(hub.asked, hub.tokens, strict=True):
        assert (token is None) == ("/large/" in line), line


def test_an_endpoint_may_be_named(
    hub: Any, models: list[Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = hub.add().commit(models[0])
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    template = "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    model = isoclr.load("lab/model", revision=commit, endpoint=hub.url + "/")
    assert model.sha256 == sha(models[0])


def _pickle_only(files: Files) -> Files:
    return {"config.json": files["config.json"], "pytorch_model.bin": b"\x80\x02"}


def _pickle_alone(files: Files) -> Files:
    return {"model.ckpt": b"\x80\x02"}


def _no_weights(files: Files) -> Files:
    return {"config.json": files["config.json"], "sub/model.safetensors": b""}


def _no_config(files: Files) -> Files:
    return {"model.safetensors": files["model.safetensors"]}


def _cut_weights(files: Files) -> Files:
    return files | {"model.safetensors": files["model.safetensors"][:-9]}


def _disguised_pickle(files: Files) -> Files:
    return files | {"model.safetensors": b"\x80\x02}q\x00." * 40}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_pickle_only, r"as a pickle \(pytorch_model.bin\).* never read; expected model\.safet"),
        (_pickle_alone, r"as a pickle \(model.ckpt\)"),
        (_no_weights, "has no model.safetensors; a model is config.json and"),
        (_no_config, "has no config.json; a model is config.json and"),
        (lambda files: files | {"config.json": b"{"}, "config.json: not a model's config"),
        (lambda files: files | {"config.json": b'{"model_type": "bert"}'}, "no format: isoclr-mod"),
        (_cut_weights, "model.safetensors: not a safetensors file"),
        (_disguised_pickle, "model.safetensors: not a safetensors file"),
    ],
)
def test_what_is_not_a_model_is_refused(
    hub: Any, models: list[Files], damage: Callable[[Files], Files], message: str
) -> None:
    commit = hub.add().commit(damage(models[0]))
    with pytest.raises(InputError, match=message) as error:
        isoclr.load(f"lab/model@{commit}")
    assert one_line(error).startswith(f"lab/model@{commit}: ")
    assert not [name for name in cached("blobs") if "incomplete" in name]


def test_weights_that_are_not_those_the_config_names_are_refused(
    hub: Any, models: list[Files]
) -> None:
    mixed = models[0] | {"model.safetensors": models[1]["model.safetensors"]}
    commit = hub.add().commit(mixed)
    for _ in range(2):  # from the hub, then from the cache
        with pytest.raises(InputError, match="SHA-256 differs") as error:
            isoclr.load(f"lab/model@{commit}")
        one_line(error)


@pytest.mark.parametrize(
    "damage",
    [_pickle_only, lambda files: files | {"config.json": b'{"model_type": "llama"}'}],
    ids=["pickle", "foreign"],
)
def test_the_weights_of_a_repository_that_is_not_ours_are_not_downloaded(
    hub: Any, models: list[Files], damage: Callable[[Files], Files]
) -> None:
    commit = hub.add().commit(damage(models[0]))
    with pytest.raises(InputError):
        isoclr.load(f"lab/model@{commit}")
    assert not [line for line in hub.asked if "/large/" in line or ".bin" in line]


def test_an_unknown_revision_is_told_with_those_that_exist(hub: Any, models: list[Files]) -> None:
    hub.add().commit(models[0], tag="v1")
    for revision in ("v2", "f" * 40):
        with pytest.raises(InputError, match="no such revision; there are main, v1, and") as error:
            isoclr.load("lab/model", revision=revision)
        assert one_line(error).startswith(f"lab/model@{revision}: ")
    assert cached("blobs") == []


def test_an_unknown_model_and_a_private_one_look_the_same(hub: Any, models: list[Files]) -> None:
    hub.add("lab/secret", private=True).commit(models[0])
    for name in ("lab/nothing", "lab/secret"):
        with pytest.raises(InputError, match=r"no such model at http://.*, or a private one") as no:
            isoclr.load(f"{name}@main")
        one_line(no)


def test_a_gated_model_says_so(hub: Any, models: list[Files]) -> None:
    hub.add(gated=True).commit(models[0])
    with pytest.raises(InputError, match="lab/model@main: access is gated") as error:
        isoclr.load("lab/model@main")
    one_line(error)


def test_a_token_that_is_refused_is_not_shown(
    hub: Any, models: list[Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add().commit(models[0])
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(InputError, match="does not accept the token") as error:
        isoclr.load("lab/model@main")
    assert "hf_wrong" not in one_line(error)


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_hub_that_cannot_serve_is_told_with_its_status(
    hub: Any, models: list[Files], status: int
) -> None:
    hub.add().commit(models[0])
    hub.answers["GET /api/models/"] = status
    with pytest.raises(InputError, match=r"allow this|answered 50") as error:
        isoclr.load("lab/model@main")
    assert "as the test wants it" in one_line(error)


@pytest.mark.parametrize("body", [b"<html>Welcome to the hotel</html>", b"[]", b"{}"])
def test_a_server_that_is_no_hub_is_told(hub: Any, body: bytes) -> None:
    hub.answers["GET /api/models/"] = body
    with pytest.raises(InputError, match="did not answer as the hub does") as error:
        isoclr.load("lab/model@main")
    one_line(error)


def test_a_dead_host_is_one_line(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=r"http://127\.0\.0\.1:9 cannot be reached") as error:
        isoclr.load("lab/model@main", endpoint="http://127.0.0.1:9")
    one_line(error)
    assert capsys.readouterr() == ("", "")


def test_a_silent_host_is_not_waited_for(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isoclr.models.hub.TIMEOUT", 0.2)
    hub.silent = True
    with pytest.raises(InputError, match=r"cannot be reached \(.*timed out") as error:
        isoclr.load("lab/model@main")
    one_line(error)


def test_offline_what_was_fetched_opens_and_nothing_is_asked(
    hub: Any, models: list[Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = hub.add().commit(models[0], tag="v1")
    isoclr.load("lab/model@v1")
    hub.asked.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for revision in ("v1", commit):
        assert isoclr.load("lab/model", revision=revision).sha256 == sha(models[0])
    for revision in ("main", "e" * 40):
        with pytest.raises(InputError, match="not in the cache, and HF_HUB_OFFLINE") as error:
            isoclr.load("lab/model", revision=revision)
        one_line(error)
    assert hub.asked == []


def test_a_half_fetched_model_is_completed(hub: Any, models: list[Files]) -> None:
    commit = hub.add().commit(models[0])
    hub.answers["HEAD /lab/model/resolve/" + commit + "/model"] = 404
    with pytest.raises(InputError):
        isoclr.load(f"lab/model@{commit}")
    assert cached("snapshots") == ["config.json"]
    hub.answers.clear()
    assert isoclr.load(f"lab/model@{commit}").sha256 == sha(models[0])


def test_a_damaged_cache_is_found_out(hub: Any, models: list[Files]) -> None:
    commit = hub.add().commit(models[0])
    isoclr.load(f"lab/model@{commit}")
    (blob,) = Path(constants.HF_HUB_CACHE).rglob(f"blobs/{sha(models[0])}")
    blob.write_bytes(models[1]["model.safetensors"])
    with pytest.raises(InputError, match=r"snapshots/.*/model\.safetensors: not the weights"):
        isoclr.load(f"lab/model@{commit}")


def test_no_pickle_is_opened(
    hub: Any, models: list[Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a pickle was opened")

    monkeypatch.setattr(torch, "load", opened)
    monkeypatch.setattr("pickle.load", opened)
    monkeypatch.setattr("pickle.loads", opened)
    commit = hub.add().commit(models[0] | {"pytorch_model.bin": b"\x80\x02"})
    isoclr.load(f"lab/model@{commit}")


@pytest.mark.parametrize("name", ["config", "model"])
@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"ETag": '"../../../evil"'}, "by an ETag that is no hash of its content"),
        ({"X-Linked-ETag": '"/tmp/evil"'}, "by an ETag that is no hash of its content"),
        ({"ETag": '"abc"', "X-Linked-ETag": ""}, "by an ETag that is no hash of its content"),
        ({"X-Repo-Commit": "../../evil"}, "names no commit of"),
        ({"X-Repo-Commit": ""}, "names no commit of"),
    ],
)
def test_a_server_cannot_name_files_outside_the_cache(
    hub: Any, models: list[Files], name: str, headers: dict[str, str], message: str
) -> None:
    commit = hub.add().commit(models[0])
    hub.headers[f"HEAD /lab/model/resolve/{commit}/{name}"] = {"X-Linked-ETag": ""} | headers
    with pytest.raises(InputError, match=message) as error:
        isoclr.load(f"lab/model@{commit}")
    assert one_line(error).startswith(f"lab/model@{commit}: {hub.url} names ")
    home = Path(constants.HF_HUB_CACHE).parent
    assert [path for path in home.rglob("*") if "evil" in path.name] == []
    assert cached("snapshots") == ([] if name == "config" else ["config.json"])


def test_an_endpoint_that_is_not_ones_own_gets_no_token(
    hub: Any, models: list[Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = hub.add().commit(models[0])
    monkeypatch.setenv("HF_TOKEN", "hf_secret_of_the_tests")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    template = "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    loaded = isoclr.load(f"lab/model@{commit}", endpoint=hub.url)
    assert loaded.sha256 == sha(models[0])
    assert hub.tokens
    assert set(hub.tokens) == {None}


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


def test_a_dead_host_is_one_line_pushing(hub: Any, folder: Path, token: str) -> None:
    refused("127.0.0.1:9 cannot be reached", folder, "lab/new", endpoint="http://127.0.0.1:9")


@pytest.mark.parametrize(
    "endpoint",
    ["", "hub.org", "ftp://hub.org", "http://", "http://[::1", "http://a:b", "http://h:0"],
)
def test_an_endpoint_is_an_address(endpoint: str) -> None:
    with pytest.raises(InputError, match="expected an address such as https://host"):
        connect(endpoint)


def test_the_environment_names_the_endpoint_where_nobody_else_does(hub: Any) -> None:
    assert connect().endpoint == hub.url
    assert connect("https://elsewhere.org/").endpoint == "https://elsewhere.org"


def test_an_error_of_our_own_is_not_the_hubs() -> None:
    for error in (ValueError("ours"), OSError(errno.ENOSPC, "disk full"), InputError("said")):
        with pytest.raises(type(error)) as raised, conversation("lab/m", "http://hub"):
            raise error
        assert raised.value is error


def test_a_full_disk_is_not_a_lost_connection(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("huggingface_hub.hf_api.ModelInfo", full)
    repo = hub.add()
    repo.commit({"config.json": b""})
    with pytest.raises(OSError, match="No space left"), conversation("lab/model", hub.url):
        HfApi(endpoint=hub.url).model_info("lab/model")


def test_what_the_hub_remarks_is_kept_and_deprecations_are_not() -> None:
    with conversation("lab/m", "http://hub") as said:
        warnings.warn("a\n card", UserWarning, stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert said == ["a card"]


def test_a_long_error_is_cut() -> None:
    with pytest.raises(InputError) as error, conversation("lab/m", "http://hub"):
        try_to_load_from_cache("/".join("x" * 400), "config.json")
    assert len(str(error.value)) < 250
    assert "\n" not in str(error.value)


def test_the_client_is_quiet_inside_and_as_it_was_outside() -> None:
    before = logging.get_verbosity(), are_progress_bars_disabled()
    with conversation("lab/m", "http://hub"):
        assert logging.get_verbosity() == CRITICAL
        assert are_progress_bars_disabled()
    with pytest.raises(ZeroDivisionError), conversation("lab/m", "http://hub"):
        _ = 1 / 0
    assert (logging.get_verbosity(), are_progress_bars_disabled()) == before


def test_a_token_goes_only_to_the_hub_it_belongs_to(
    hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert connect().token is None  # the client takes it from the environment
    assert connect(hub.url + "/").token is None
    assert connect("https://elsewhere.org").token is False
    assert connect("https://elsewhere.org", token="hf_secret").token == "hf_secret"


def test_a_token_is_not_sent_in_clear(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connect("http://elsewhere.org").endpoint == "http://elsewhere.org"
    message = r"http://elsewhere\.org: the token would be sent without encryption"
    with pytest.raises(InputError, match=message) as error:
        connect("http://elsewhere.org", token="hf_secret")
    assert "hf_secret" not in str(error.value)
    for near in ("http://localhost:80", "http://127.0.0.2", "http://[::1]:80"):
        assert connect(near, token="hf_secret").endpoint == near
    monkeypatch.setattr(constants, "ENDPOINT", "http://elsewhere.org")
    assert connect().endpoint == "http://elsewhere.org"
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with pytest.raises(InputError, match=message):
        connect()


def test_an_endpoint_holds_no_password() -> None:
    for endpoint in ("https://me:secret@hub.org", "http://secret@hub.org:x", "https://secret@"):
        with pytest.raises(InputError, match="has a user or password before its host") as error:
            connect(endpoint)
        assert "secret" not in str(error.value)
    assert connect("https://hub.org/@lab").endpoint == "https://hub.org/@lab"
