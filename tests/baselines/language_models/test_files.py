"""Models of the hub, from a server on this machine, and folders of the user's."""

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from huggingface_hub import constants

from isoclr.baselines.language_models import CATALOGUE, open_language_model
from isoclr.corpus.codes import nucleotides
from isoclr.errors import InputError


def _hub_of_the_tests() -> ModuleType:
    path = Path(__file__).parents[2] / "models/hub/conftest.py"
    spec = importlib.util.spec_from_file_location("hub_of_the_tests", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hub = _hub_of_the_tests().hub
RNA = nucleotides("ACGUUGCAACGGAUUUACGACGG")


def upload(hub: Any, model: Any, **more: bytes) -> str:
    files = {path.name: path.read_bytes() for path in model.folder.iterdir()}
    entry = CATALOGUE[model.name]
    repo = hub.repos.get(entry.repo) or hub.add(entry.repo)
    return str(repo.commit(files | {"modeling.py": b"raise SystemExit"} | more))


def test_a_commit_is_fetched_once_and_nothing_but_what_is_needed(hub: Any, model: Any) -> None:
    commit = upload(hub, model, **{"pytorch_model.bin": b"\x80"})
    fetched = open_language_model(model.name, revision=commit)
    local = open_language_model(model.name, directory=model.folder)
    assert fetched.sha256 == local.sha256
    assert fetched.embed([RNA]) == pytest.approx(local.embed([RNA]), rel=1e-4, abs=1e-5)
    here = {p.name for p in Path(constants.HF_HUB_CACHE).rglob("snapshots/*/*")}
    assert here == {path.name for path in model.folder.iterdir()}
    hub.asked.clear()
    assert open_language_model(model.name, revision=commit).sha256 == local.sha256
    assert hub.asked == []


def test_the_catalogue_s_commit_is_the_default(
    hub: Any, repository: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = repository("rna-fm")
    commit = upload(hub, model)
    pinned = replace(CATALOGUE["rna-fm"], revision=commit)
    monkeypatch.setitem(CATALOGUE, "rna-fm", pinned)
    assert open_language_model("rna-fm").sha256


def test_a_model_without_a_known_commit_needs_one(hub: Any) -> None:
    with pytest.raises(InputError, match=r"no commit of .*500m-1000g is known.*--revision"):
        open_language_model("nt-500m-1000g")
    assert hub.asked == []


def test_a_branch_is_followed_and_its_commit_told(
    hub: Any, repository: Callable[[str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    model = repository("hyenadna-tiny-1k")
    commit = upload(hub, model)
    open_language_model(model.name, revision="main")
    assert f"@main is commit {commit}; only a commit" in capsys.readouterr().err


def test_shards_are_all_fetched(hub: Any, repository: Callable[[str], Any]) -> None:
    from safetensors.torch import load_file, save_file

    model = repository("rna-fm")
    tensors = load_file(model.folder / "model.safetensors")
    expected = open_language_model("rna-fm", directory=model.folder).embed([RNA])
    (model.folder / "model.safetensors").unlink()
    for i, names in enumerate((sorted(tensors)[:9], sorted(tensors)[9:]), start=1):
        path = model.folder / f"model-0000{i}-of-00002.safetensors"
        save_file({name: tensors[name] for name in names}, path)
    commit = upload(hub, model)
    for _ in range(2):
        hub.asked.clear()
        found = open_language_model("rna-fm", revision=commit).embed([RNA])
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert hub.asked == []  # the second time
    next(
        Path(constants.HF_HUB_CACHE).rglob("snapshots/*/model-00002-of-00002.safetensors")
    ).unlink()
    open_language_model("rna-fm", revision=commit)
    assert hub.asked


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("model.safetensors", r"as a pickle \(pytorch_model\.bin\).*--model-dir"),
        ("config.json", r"has no config\.json"),
        ("vocab.txt", r"has no vocab\.txt"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_fetched(
    gone: str, message: str, hub: Any, repository: Callable[[str], Any]
) -> None:
    model = repository("rna-fm")
    (model.folder / gone).unlink()
    commit = upload(hub, model, **{"pytorch_model.bin": b"\x80"})
    with pytest.raises(InputError, match=message) as caught:
        open_language_model("rna-fm", revision=commit)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"multimolecule/rnafm@{commit}: ")
    assert not any("/resolve/" in line for line in hub.asked)


def test_no_such_revision_and_no_hub_are_one_line(
    hub: Any, repository: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(hub, repository("rna-fm"))
    with pytest.raises(InputError, match="no such revision; there are main"):
        open_language_model("rna-fm", revision="v9")
    with pytest.raises(InputError, match=r"'a\.\.b' is not a revision"):
        open_language_model("rna-fm", revision="a..b")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="not in the cache, and HF_HUB_OFFLINE"):
        open_language_model("rna-fm", revision="0" * 40)


def test_folders_that_are_no_model_are_one_line(
    tmp_path: Path, repository: Callable[[str], Any]
) -> None:
    with pytest.raises(InputError, match="no such folder; expected a model's files"):
        open_language_model("rna-fm", directory=tmp_path / "none")
    model = repository("rna-fm")
    with pytest.raises(InputError, match="is on this machine and has no revision 'main'"):
        open_language_model("rna-fm", directory=model.folder, revision="main")
    (model.folder / "vocab.txt").unlink()
    with pytest.raises(InputError, match=r"rna-fm: has no vocab\.txt"):
        open_language_model("rna-fm", directory=model.folder)
