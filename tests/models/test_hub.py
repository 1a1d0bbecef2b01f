"""Models of the Hugging Face hub: addresses, downloads, pushes, and what goes wrong."""

import errno
import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard, constants
from huggingface_hub.utils import logging
from huggingface_hub.utils.tqdm import are_progress_bars_disabled
from tests.forks import Forks

import isoclr
from isoclr.cli import main
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError
from isoclr.models.hub import Address, connect, hub_errors, is_repo
from isoclr.models.model_card import model_card

Files = dict[str, bytes]
RNA = ["ACGUACGUAAGG" * 9]
TOKEN = "hf_valid"


def sha(files: Files) -> str:
    return str(json.loads(files["config.json"])["sha256"])


def cached() -> list[str]:
    """Files of all models in the cache."""
    return sorted(path.name for path in Path(constants.HF_HUB_CACHE).rglob("snapshots/*/*"))


def refused(pattern: str | None, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> str:
    """The one line of the error."""
    with pytest.raises(InputError, match=pattern) as error:
        function(*arguments, **options)
    text = str(error.value)
    assert "\n" not in text
    assert not any(token in text for token in ("hf_valid", "hf_wrong", "hf_secret"))
    return text


@pytest.mark.parametrize(
    ("model", "revision", "expected"),
    [
        ("lab/model", "v1", Address("lab/model", "v1")),
        ("lab/model@v1", None, Address("lab/model", "v1")),
        ("a.b/c-d_e", "feature/x.y", Address("a.b/c-d_e", "feature/x.y")),
        ("lab/model@refs/pr/4", None, Address("lab/model", "refs/pr/4")),
    ],
)
def test_parse(model: str, revision: str | None, expected: Address) -> None:
    assert Address.parse(model, revision) == expected


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
def test_parse_refuses(model: str, revision: str | None, message: str) -> None:
    refused(message, Address.parse, model, revision)


def test_only_a_full_commit_is_a_commit() -> None:
    assert Address("lab/model", "0f" * 20).is_commit
    for revision in ("0f" * 19, "0F" * 20, "main", "v1"):
        assert not Address("lab/model", revision).is_commit


def test_is_repo() -> None:
    assert is_repo("lab/model")
    assert not any(map(is_repo, ("model", "/lab/model", "../model", "a/b/c", "lab/", "lab/m@x")))


def test_commit_is_pinned_when_main_moves(hub: Any, models: list[Files]) -> None:
    first = hub.commit(models[0], tag="v1")
    hub.commit(models[1])
    pinned = isoclr.load("lab/model", revision=first)
    assert pinned.sha256 == sha(models[0])
    expected = isoclr.create("isoclr-s", seed=0).embed(RNA)
    np.testing.assert_array_equal(pinned.embed(RNA), expected)
    assert isoclr.load("lab/model", revision="v1").sha256 == sha(models[0])
    assert isoclr.load("lab/model@main").sha256 == sha(models[1])


def test_commit_is_downloaded_once(hub: Any, models: list[Files]) -> None:
    commit = hub.commit(models[0])
    isoclr.load(f"lab/model@{commit}")
    hub.requests.clear()
    assert isoclr.load(f"lab/model@{commit}").sha256 == sha(models[0])
    assert hub.requests == []


def test_moved_tag_is_followed(hub: Any, models: list[Files], capsys: pytest.CaptureFixture[str]) -> None:
    hub.commit(models[0], tag="v1")
    isoclr.load("lab/model@v1")
    second = hub.commit(models[1], tag="v1")
    capsys.readouterr()
    assert isoclr.load("lab/model@v1").sha256 == sha(models[1])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"lab/model@v1 is commit {second}; ")
    assert err.count("\n") == 1


def test_only_two_files_are_downloaded_and_no_pickle_is_opened(
    hub: Any, models: list[Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a pickle was opened")

    for name in ("torch.load", "pickle.load", "pickle.loads"):
        monkeypatch.setattr(name, opened)
    extra = {"pytorch_model.bin": b"\x80\x02", "run/checkpoint.pt": b"\x80", "README.md": b"hi"}
    commit = hub.commit(models[0] | extra)
    isoclr.load(f"lab/model@{commit}")
    assert cached() == ["config.json", "model.safetensors"]
    assert not [line for line in hub.requests if "pytorch" in line or "checkpoint" in line]


def _pickle_only(files: Files) -> Files:
    return {"config.json": files["config.json"], "pytorch_model.bin": b"\x80\x02"}


def _no_weights(files: Files) -> Files:
    return {"config.json": files["config.json"], "sub/model.safetensors": b""}


def _no_config(files: Files) -> Files:
    return {"model.safetensors": files["model.safetensors"]}


def _foreign_config(files: Files) -> Files:
    return files | {"config.json": b'{"model_type": "bert"}'}


def _large_config(files: Files) -> Files:
    return files | {"config.json": files["config.json"] + b" " * (1 << 20)}


def _truncated_weights(files: Files) -> Files:
    return files | {"model.safetensors": files["model.safetensors"][:-9]}


def _disguised_pickle(files: Files) -> Files:
    return files | {"model.safetensors": b"\x80\x02}q\x00." * 40}


@pytest.mark.parametrize(
    ("damage", "message", "downloaded"),
    [
        (_pickle_only, r"as a pickle \(pytorch_model.bin\)", []),
        (lambda _: {"model.ckpt": b"\x80\x02"}, r"as a pickle \(model.ckpt\)", []),
        (_no_weights, "has no model.safetensors", []),
        (_no_config, "has no config.json", []),
        (_large_config, r"config\.json: has 1,\d+,\d+ bytes, expected at most", []),
        (lambda files: files | {"config.json": b"{"}, r"config\.json", ["config.json"]),
        (_foreign_config, r"config\.json", ["config.json"]),
        (_truncated_weights, "model.safetensors: not a safetensors file", None),
        (_disguised_pickle, "model.safetensors: not a safetensors file", None),
    ],
)
def test_what_is_no_model_is_refused_before_more_is_downloaded(
    hub: Any, models: list[Files], damage: Callable[[Files], Files], message: str, downloaded: list[str] | None
) -> None:
    commit = hub.commit(damage(models[0]))
    text = refused(message, isoclr.load, f"lab/model@{commit}")
    assert text.startswith(f"lab/model@{commit}: ")
    assert cached() == (["config.json", "model.safetensors"] if downloaded is None else downloaded)


def test_wrong_hash_is_refused(hub: Any, models: list[Files]) -> None:
    commit = hub.commit(models[0] | {"model.safetensors": models[1]["model.safetensors"]})
    for _ in range(2):  # from the hub, then from the cache
        refused("SHA-256 differs", isoclr.load, f"lab/model@{commit}")


def test_damaged_cache_is_refused(hub: Any, models: list[Files]) -> None:
    commit = hub.commit(models[0])
    isoclr.load(f"lab/model@{commit}")
    (blob,) = Path(constants.HF_HUB_CACHE).rglob(f"blobs/{sha(models[0])}")
    blob.write_bytes(models[1]["model.safetensors"])
    refused(r"model\.safetensors: SHA-256 differs", isoclr.load, f"lab/model@{commit}")


def test_offline_opens_the_cache(hub: Any, models: list[Files], monkeypatch: pytest.MonkeyPatch) -> None:
    commit = hub.commit(models[0], tag="v1")
    isoclr.load("lab/model@v1")
    isoclr.load(f"lab/model@{commit}")
    hub.requests.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert isoclr.load("lab/model", revision=commit).sha256 == sha(models[0])
    for revision in ("main", "e" * 40):
        refused("not in the cache, and HF_HUB_OFFLINE", isoclr.load, f"lab/model@{revision}")
    assert hub.requests == []


def test_incomplete_download_is_completed(hub: Any, models: list[Files]) -> None:
    commit = hub.commit(models[0])
    hub.answers["/resolve/" + commit + "/model"] = 404
    refused(None, isoclr.load, f"lab/model@{commit}")
    assert cached() == ["config.json"]
    hub.answers.clear()
    assert isoclr.load(f"lab/model@{commit}").sha256 == sha(models[0])


def test_unknown_revision(hub: Any, models: list[Files]) -> None:
    hub.commit(models[0])
    for revision in ("v2", "f" * 40):
        text = refused("no such revision", isoclr.load, "lab/model", revision=revision)
        assert text.startswith(f"lab/model@{revision}: ")


def test_unknown_and_private_models_look_the_same(hub: Any, models: list[Files]) -> None:
    hub.commit(models[0], "lab/secret")
    hub.private.add("lab/secret")
    for name in ("lab/nothing", "lab/secret"):
        refused(r"no such model at http://.*, or a private one", isoclr.load, f"{name}@main")


def test_private_model_opens_with_a_token(hub: Any, models: list[Files], monkeypatch: pytest.MonkeyPatch) -> None:
    commit = hub.commit(models[0])
    hub.private.add("lab/model")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert isoclr.load(f"lab/model@{commit}").sha256 == sha(models[0])
    assert hub.tokens == {TOKEN}


def test_refused_token(hub: Any, models: list[Files], monkeypatch: pytest.MonkeyPatch) -> None:
    hub.commit(models[0])
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    refused("does not accept the token", isoclr.load, "lab/model@main")


@pytest.mark.parametrize("status", [403, 500, 503])
def test_status_of_a_refusal(hub: Any, models: list[Files], status: int) -> None:
    hub.commit(models[0])
    hub.answers["GET /api/models/"] = status
    refused(rf"{status} \(refused by the test\)", isoclr.load, "lab/model@main")


@pytest.mark.parametrize("body", [b"<html>Welcome to the hotel</html>", b"[]"])
def test_server_that_is_no_hub(hub: Any, body: bytes) -> None:
    hub.answers["GET /api/models/"] = body
    refused("did not answer as the hub does", isoclr.load, "lab/model@main")


@pytest.mark.parametrize(
    "headers",
    [{"ETag": '"../../../evil"'}, {"X-Linked-ETag": '"/tmp/evil"'}, {"ETag": '"abc"'}, {"X-Repo-Commit": "../../evil"}],
)
def test_server_cannot_name_files_outside_the_cache(hub: Any, models: list[Files], headers: dict[str, str]) -> None:
    commit = hub.commit(models[0])
    hub.headers = headers
    refused("names config.json by no hash", isoclr.load, f"lab/model@{commit}")
    home = Path(constants.HF_HUB_CACHE).parent
    assert [path for path in home.rglob("*") if "evil" in path.name] == []


def test_dead_host_is_one_line(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    refused(r"http://127\.0\.0\.1:9 cannot be reached", isoclr.load, "lab/model@main", endpoint="http://127.0.0.1:9")
    assert capsys.readouterr() == ("", "")


def test_silent_host_times_out(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isoclr.models.hub.TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        refused(r"cannot be reached \(.*timed out", isoclr.load, "lab/model@main", endpoint=endpoint)


def test_other_endpoints_get_no_token(hub: Any, models: list[Files], monkeypatch: pytest.MonkeyPatch) -> None:
    commit = hub.commit(models[0])
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    template = "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    loaded = isoclr.load(f"lab/model@{commit}", endpoint=hub.url + "/")
    assert loaded.sha256 == sha(models[0])
    assert hub.tokens == {None}
    assert connect().token is None  # the client takes it from the environment
    assert connect("https://elsewhere.org").token is False
    assert connect("https://elsewhere.org", token="hf_secret").token == "hf_secret"


def test_token_is_not_sent_in_clear(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connect("http://elsewhere.org").endpoint == "http://elsewhere.org"
    message = r"http://elsewhere\.org: the token would be sent without encryption"
    refused(message, connect, "http://elsewhere.org", token="hf_secret")
    for local in ("http://localhost:80", "http://127.0.0.2", "http://[::1]:80"):
        assert connect(local, token="hf_secret").endpoint == local
    monkeypatch.setattr(constants, "ENDPOINT", "http://elsewhere.org")
    assert connect().endpoint == "http://elsewhere.org"
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    refused(message, connect)


@pytest.mark.parametrize(
    "endpoint", ["", "hub.org", "ftp://hub.org", "http://", "http://[::1", "http://a:b", "http://h:0"]
)
def test_endpoint_is_an_address(endpoint: str) -> None:
    refused("expected an address such as https://host", connect, endpoint)


def test_endpoint_holds_no_password() -> None:
    for endpoint in ("https://me:secret@hub.org", "http://secret@hub.org:x", "https://secret@"):
        assert "secret" not in refused("has a user or password", connect, endpoint)
    assert connect("https://hub.org/@lab").endpoint == "https://hub.org/@lab"


def test_disk_errors_are_not_the_hubs() -> None:
    with pytest.raises(OSError, match="No space left"), hub_errors("lab/model", "http://hub"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_client_is_quiet_inside_and_restored_outside() -> None:
    before = logging.get_verbosity(), are_progress_bars_disabled()
    with hub_errors("lab/m", "http://hub"):
        assert are_progress_bars_disabled()
    with pytest.raises(InputError), hub_errors("lab/m", "http://hub"):
        raise InputError("refused")
    assert (logging.get_verbosity(), are_progress_bars_disabled()) == before


def test_long_errors_are_cut() -> None:
    with pytest.raises(InputError) as error, hub_errors("lab/m", "http://hub"):
        raise ValueError("x\n" * 400)
    assert len(str(error.value)) < 300
    assert "\n" not in str(error.value)


@pytest.fixture
def folder(tmp_path: Path, models: list[Files]) -> Path:
    """A directory of a training run: a model and other files."""
    for name, content in models[0].items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"optimizer")
    return tmp_path


@pytest.fixture
def token(hub: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return TOKEN


@pytest.mark.usefixtures("token")
def test_push_then_load(hub: Any, folder: Path, models: list[Files]) -> None:
    pushed = isoclr.push(folder, "lab/new")
    commit = pushed.address.revision
    assert pushed.url == f"{hub.url}/lab/new/commit/{commit}"
    files = hub.files("lab/new")
    assert set(files) == {".gitattributes", "config.json", "model.safetensors", "README.md"}
    assert {name: files[name] for name in models[0]} == models[0]
    assert eval(pushed.load_line, {"isoclr": isoclr}).sha256 == sha(models[0])


@pytest.mark.usefixtures("token")
def test_push_makes_a_branch_from_main(hub: Any, folder: Path) -> None:
    main_commit = hub.commit({"NOTES.md": b"mine"}, "lab/new")
    for _ in range(2):  # created, then found
        pushed = isoclr.push(folder, "lab/new", revision="trial/one", message="longer")
    assert hub.refs["lab/new", "main"] == main_commit
    assert hub.refs["lab/new", "trial/one"] == pushed.address.revision
    assert "NOTES.md" in hub.files("lab/new", "trial/one")


@pytest.mark.usefixtures("token")
def test_push_private(hub: Any, folder: Path) -> None:
    isoclr.push(folder, "lab/new", private=True)
    isoclr.push(folder, "lab/open")
    assert hub.private == {"lab/new"}
    isoclr.push(folder, "lab/new", private=True)
    hub.commit({"NOTES.md": b"mine"}, "lab/open")
    refused("lab/open: exists and is public", isoclr.push, folder, "lab/open", private=True)
    assert set(hub.files("lab/open")) == {"NOTES.md"}


@pytest.mark.usefixtures("token")
def test_push_sends_the_card_of_the_directory(hub: Any, folder: Path) -> None:
    (folder / "README.md").write_text("# Mäuse\n")
    isoclr.push(folder, "lab/new")
    assert hub.files("lab/new")["README.md"].decode() == "# Mäuse\n"
    (folder / "README.md").write_bytes(b"\xff\xfe\x00")
    refused("README.md: not a text in UTF-8", isoclr.push, folder, "lab/new")
    (folder / "README.md").unlink()
    (folder / "README.md").mkdir()
    refused("README.md: not a text in UTF-8", isoclr.push, folder, "lab/new")


@pytest.mark.parametrize(("tracks", "names"), [(4, "sequence"), (6, "codon starts, exon ends")])
def test_model_card(tracks: int, names: str) -> None:
    encoder = isoclr.create("isoclr-s", tracks=tracks, seed=0)
    text = model_card(encoder, "lab/mice", "0123abc")
    assert text.startswith("---\nlibrary_name: isoclr\n")
    assert "# mice\n" in text
    assert f"| tracks | {tracks} (sequence" in text
    assert names in text
    assert f"| parameters | {encoder.num_parameters:,} |" in text
    assert f"| embedding | {encoder.dim} values |" in text
    assert "`0123abc`" in text
    assert 'isoclr.load("lab/mice", revision="COMMIT")' in text
    assert "has not said what it was trained on" in text


@pytest.mark.usefixtures("token")
def test_push_verifies_the_model_first(hub: Any, folder: Path, models: list[Files]) -> None:
    (folder / "model.safetensors").write_bytes(models[1]["model.safetensors"])
    refused("SHA-256 differs", isoclr.push, folder, "lab/new")
    (folder / "model.safetensors").unlink()
    refused("model.safetensors: not found", isoclr.push, folder, "lab/new")
    shutil.rmtree(folder)
    refused("config.json: not found", isoclr.push, folder, "lab/new")
    assert hub.requests == []
    assert hub.commits == {}


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize(
    ("repo", "options", "message"),
    [
        ("model", {}, "'model' is not a model of the hub, expected user/name"),
        ("lab/new@main", {}, "is not a model of the hub"),
        ("lab/new", {"revision": "a" * 40}, "is a commit, expected the branch"),
        ("lab/new", {"revision": "../x"}, "is not a revision"),
        ("lab/new", {"message": " "}, "message is empty"),
        ("lab/new", {"endpoint": "hub.org"}, "endpoint 'hub.org': expected an address"),
    ],
)
def test_push_refuses_a_wrong_request(hub: Any, folder: Path, repo: str, options: dict[str, str], message: str) -> None:
    refused(message, isoclr.push, folder, repo, **options)
    assert hub.commits == {}


def test_push_without_a_token(hub: Any, folder: Path) -> None:
    refused("no token for the hub: set HF_TOKEN", isoclr.push, folder, "lab/new")
    assert hub.commits == {}


@pytest.mark.usefixtures("token")
def test_push_to_a_dead_host(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    endpoint = "http://127.0.0.1:9"
    refused("127.0.0.1:9 cannot be reached", isoclr.push, folder, "lab/new", endpoint=endpoint)


@pytest.mark.usefixtures("token")
def test_push_and_embed_commands(hub: Any, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", str(folder), "lab/new", "--revision", "trial", "--message", "first"]) == 0
    out, err = capsys.readouterr()
    commit = hub.refs["lab/new", "trial"]
    assert out == f'commit {commit}\nisoclr.load("lab/new", revision="{commit}")\n'
    assert TOKEN not in err
    (tmp_path / "a.fa").write_text(">a\nACGTACGT\n>b\nGGGTTTAC\n")
    arguments = ["embed", str(tmp_path / "a.fa"), "--model", f"lab/new@{commit}"]
    assert main([*arguments, "-o", str(tmp_path / "e.parquet")]) == 0
    embeddings = read_embeddings(tmp_path / "e.parquet")
    assert embeddings.meta["sha256"] == isoclr.load(folder).sha256


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["push", "FOLDER", "lab/new"], "no token for the hub: set HF_TOKEN"),
        (["push", "nowhere", "lab/new"], "nowhere/config.json: not found"),
        (["embed", "a.fa", "--model", "lab/new@v1", "-o", "x.parquet"], "lab/new@v1: no such model"),
        (["embed", "a.fa", "--model", "lab/new", "-o", "x.parquet"], "needs a revision"),
    ],
)
def test_failed_commands_are_one_line(
    hub: Any, folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main([str(folder) if word == "FOLDER" else word for word in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("isoclr: error: ")
    assert err.count("\n") == 1
    assert message in err


def test_environment_of_the_hub_is_used(hub: Any, models: list[Files], forks: Forks, tmp_path: Path) -> None:
    hub.commit(models[0], "lab/secret", tag="v1")
    hub.private.add("lab/secret")
    (tmp_path / "a.fa").write_text(">a\nACGTACGT\n")
    settings = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "NO_PROXY": os.environ["NO_PROXY"]}
    command = ["embed", str(tmp_path / "a.fa"), "--model", "lab/secret@v1", "-o", str(tmp_path / "e.parquet")]
    refused = forks.start(command, {**settings, "HF_TOKEN": "wrong"})
    assert refused.wait() == 2
    assert refused.shown.startswith("isoclr: error: lab/secret@v1: ")
    assert refused.shown.count("\n") == 1
    done = forks.start(command, {**settings, "HF_TOKEN": TOKEN})
    assert done.wait() == 0, done.shown
    assert list((tmp_path / "home").rglob("snapshots/*/model.safetensors"))


HEADER = "study,task,split,method,model,dim,metric,value,low,high,n"


def evaluation(folder: Path, digest: str, rows: list[str]) -> Path:
    """What ``isoclr evaluate`` writes, of two models."""
    (folder / "results").mkdir(parents=True)
    manifest = {
        "models": {"other": {"sha256": "0" * 64}, "IsoCLR-S": {"sha256": digest}},
        "tasks": {"half-life": {"title": "half-life of mRNAs", "units": "hours"}},
    }
    (folder / "results/manifest.json").write_text(json.dumps(manifest))
    (folder / "results/main.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    return folder


OURS = "main,half-life,fold,IsoCLR-S,ridge,256,pearson,0.65973,0.64395,0.67551,5594"
KMERS = "main,half-life,fold,k-mers,ridge,4,pearson,0.57,0.55,0.591,5594"


@pytest.mark.usefixtures("token")
def test_push_writes_the_model_index_of_an_evaluation(
    hub: Any, folder: Path, models: list[Files], tmp_path: Path
) -> None:
    undefined = "main,half-life,fold,IsoCLR-S,ridge,256,spearman,,,,5594"  # no number, as isoclr evaluate writes it
    measured = evaluation(tmp_path / "e", sha(models[0]), [KMERS, OURS, undefined])
    isoclr.push(folder, "lab/new", results=measured, license="apache-2.0")
    text = hub.files("lab/new")["README.md"].decode()
    data: Any = ModelCard(text).data
    assert (data.license, data.library_name) == ("apache-2.0", "isoclr")
    (result,) = data.eval_results  # of our weights only
    assert (result.dataset_type, result.dataset_name) == ("half-life", "half-life of mRNAs")
    assert (result.metric_type, result.metric_value) == ("pearson", 0.6597)
    ours, kmers = "| IsoCLR-S | ridge | 0.660 [0.644, 0.676] |", "| k-mers | ridge | 0.570 ["
    assert text.index(ours) < text.index(kmers)
    assert "has not said" not in text


@pytest.mark.parametrize(
    ("digest", "rows", "message"),
    [
        (None, [OURS], "is an evaluation of other .*expected one of"),
        ("ours", [KMERS], "main.csv: has no row of the method IsoCLR-S"),
        ("ours", [OURS.replace("0.65973", "good")], "main.csv: line 2: ValueError.*'good'"),
        ("ours", ["main,half-life"], "main.csv: line 2: TypeError"),
    ],
)
@pytest.mark.usefixtures("token")
def test_push_refuses_results_of_something_else(
    hub: Any, folder: Path, models: list[Files], tmp_path: Path, digest: str | None, rows: list[str], message: str
) -> None:
    measured = evaluation(tmp_path / "e", sha(models[0]) if digest else "1" * 64, rows)
    refused(message, isoclr.push, folder, "lab/new", results=measured)
    refused("manifest.json: not found", isoclr.push, folder, "lab/new", results=tmp_path / "none")
    (folder / "README.md").write_text("# mine\n")
    refused("README.md: is the model card", isoclr.push, folder, "lab/new", results=measured)
    assert hub.commits == {}


@pytest.mark.usefixtures("token")
def test_encoder_has_the_methods_of_the_hubs_mixin(hub: Any, models: list[Files], tmp_path: Path) -> None:
    encoder = isoclr.create("isoclr-s", seed=0)
    saved = isoclr.Encoder.from_pretrained(encoder.save_pretrained(tmp_path / "model"))
    commit = saved.push_to_hub("lab/new", message="first")
    again = isoclr.Encoder.from_pretrained("lab/new", revision=commit)
    assert np.array_equal(again.embed(RNA), encoder.embed(RNA))
    refused("needs a revision", isoclr.Encoder.from_pretrained, "lab/new")
