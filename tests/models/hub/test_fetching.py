"""Models from a hub: pinned ones, moved ones, and everything that can be wrong with them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import constants

import isoclr
from isoclr.errors import InputError
from isoclr.models.hub import talking

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
    monkeypatch.setattr("isoclr.models.hub.fetching.TIMEOUT", 0.2)
    assert talking.TIMEOUT == 10
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
