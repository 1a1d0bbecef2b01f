"""Models of the hub, from a server on this machine, and folders of the user's."""

import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from torch import nn

from isoclr.baselines.language_models.catalog import CATALOG
from isoclr.baselines.language_models.model import open_language_model
from isoclr.baselines.language_models.weights import combined_sha256, rename_tensors, set_weights
from isoclr.errors import InputError
from isoclr.genomics.encoding import nucleotides

RNA = nucleotides("ACGUUGCAACGGAUUUACGACGG")


def upload(hub: Any, model: Any, **more: bytes) -> str:
    files = {path.name: path.read_bytes() for path in model.folder.iterdir()}
    repo = CATALOG[model.name].repo
    return str(hub.commit(files | {"modeling.py": b"raise SystemExit"} | more, repo))


def test_commit_is_downloaded_once_and_only_needed_files(hub: Any, model: Any) -> None:
    commit = upload(hub, model, **{"pytorch_model.bin": b"\x80"})
    fetched = open_language_model(model.name, revision=commit)
    local = open_language_model(model.name, directory=model.folder)
    assert fetched.sha256 == local.sha256
    assert fetched.embed([RNA]) == pytest.approx(local.embed([RNA]), rel=1e-4, abs=1e-5)
    here = {p.name for p in Path(constants.HF_HUB_CACHE).rglob("snapshots/*/*")}
    assert here == {path.name for path in model.folder.iterdir()}
    hub.requests.clear()
    assert open_language_model(model.name, revision=commit).sha256 == local.sha256
    assert hub.requests == []


def test_the_catalogue_s_commit_is_the_default(
    hub: Any, repository: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = repository("rna-fm")
    commit = upload(hub, model)
    pinned = replace(CATALOG["rna-fm"], revision=commit)
    monkeypatch.setitem(CATALOG, "rna-fm", pinned)
    assert open_language_model("rna-fm").sha256


def test_a_model_without_a_known_commit_needs_one(hub: Any) -> None:
    with pytest.raises(InputError, match=r"no commit of .*500m-1000g is known.*--revision"):
        open_language_model("nt-500m-1000g")
    assert hub.requests == []


def test_branch_is_followed(hub: Any, repository: Callable[[str], Any], capsys: pytest.CaptureFixture[str]) -> None:
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
        hub.requests.clear()
        found = open_language_model("rna-fm", revision=commit).embed([RNA])
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert hub.requests == []  # the second time
    next(Path(constants.HF_HUB_CACHE).rglob("snapshots/*/model-00002-of-00002.safetensors")).unlink()
    open_language_model("rna-fm", revision=commit)
    assert hub.requests


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("model.safetensors", r"as a pickle \(pytorch_model\.bin\).*--model-dir"),
        ("config.json", r"has no config\.json"),
        ("vocab.txt", r"has no vocab\.txt"),
    ],
)
def test_missing_file_is_an_error_before_any_download(
    gone: str, message: str, hub: Any, repository: Callable[[str], Any]
) -> None:
    model = repository("rna-fm")
    (model.folder / gone).unlink()
    commit = upload(hub, model, **{"pytorch_model.bin": b"\x80"})
    with pytest.raises(InputError, match=message) as caught:
        open_language_model("rna-fm", revision=commit)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"multimolecule/rnafm@{commit}: ")
    assert not any("/resolve/" in line for line in hub.requests)


def test_no_such_revision_and_no_hub_are_one_line(
    hub: Any, repository: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(hub, repository("rna-fm"))
    with pytest.raises(InputError, match="no such revision"):
        open_language_model("rna-fm", revision="v9")
    with pytest.raises(InputError, match=r"'a\.\.b' is not a revision"):
        open_language_model("rna-fm", revision="a..b")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="not in the cache, and HF_HUB_OFFLINE"):
        open_language_model("rna-fm", revision="0" * 40)


def test_folders_that_are_no_model_are_one_line(tmp_path: Path, repository: Callable[[str], Any]) -> None:
    with pytest.raises(InputError, match="no such folder; expected a model's files"):
        open_language_model("rna-fm", directory=tmp_path / "none")
    model = repository("rna-fm")
    with pytest.raises(InputError, match="is on this machine and has no revision 'main'"):
        open_language_model("rna-fm", directory=model.folder, revision="main")
    (model.folder / "vocab.txt").unlink()
    with pytest.raises(InputError, match=r"rna-fm: has no vocab\.txt"):
        open_language_model("rna-fm", directory=model.folder)


def test_shards_are_one_model(model: Any) -> None:
    whole = open_language_model(model.name, directory=model.folder)
    tensors = load_file(model.folder / "model.safetensors")
    (model.folder / "model.safetensors").unlink()
    names = sorted(tensors)
    for i, part in enumerate((names[::2], names[1::2]), start=1):
        path = model.folder / f"model-0000{i}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, path)
    shards = open_language_model(model.name, directory=model.folder)
    assert shards.sha256 != whole.sha256
    for one, other in zip(whole.network.parameters(), shards.network.parameters(), strict=True):
        assert torch.equal(one, other)
    path = model.folder / "model-00002-of-00002.safetensors"
    save_file({name: tensors[name] for name in (names[0], *names[1::2])}, path)
    with pytest.raises(InputError, match=r"model-00002.*is in another file too"):
        open_language_model(model.name, directory=model.folder)
    path.unlink()
    with pytest.raises(InputError, match=r"has no model-00002-of-00002\.safetensors"):
        open_language_model(model.name, directory=model.folder)


def test_a_pickle_is_refused_with_a_command_that_converts_it(
    repository: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = repository("rna-fm")
    path = model.folder / "model.safetensors"
    tensors = load_file(path)
    path.unlink()
    shared = next(iter(tensors.values()))
    torch.save({**tensors, "cls.predictions.tied": shared}, model.folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"as a pickle \(pytorch_model\.bin\)") as caught:
        open_language_model(model.name, directory=model.folder)
    loaded = str(caught.value)
    assert "\n" not in loaded
    found = re.search(r"python (-c \".*\") and give", loaded)
    assert found is not None
    _, code = shlex.split(found[1])
    monkeypatch.chdir(model.folder)
    exec(code, {})  # as python -c would, without starting one
    converted = load_file(path)
    assert all(torch.equal(converted[name], value) for name, value in tensors.items())


def test_missing_and_damaged_weights_are_one_line(repository: Callable[[str], Any]) -> None:
    model = repository("rna-fm")
    path = model.folder / "model.safetensors"
    for content, message in ((None, r"has no model\.safetensors"), (b"x" * 99, "not a safetensors file")):
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InputError, match=message) as caught:
            open_language_model("rna-fm", directory=model.folder)
        assert "\n" not in str(caught.value)


def test_nan_in_weights_is_refused(repository: Callable[[str], Any]) -> None:
    model = repository("rna-fm")
    model.rewrite(lambda tensors: next(iter(tensors.values())).fill_(float("nan")))
    with pytest.raises(InputError, match="holds NaN"):
        open_language_model("rna-fm", directory=model.folder)


def test_the_sum_of_one_file_is_its_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode())
    a, b = tmp_path / "a", tmp_path / "b"
    assert combined_sha256([a]).startswith("ca978112ca1bbdca")
    assert len({combined_sha256([a]), combined_sha256([b]), combined_sha256([a, b]), combined_sha256([b, a])}) == 4


def test_names_are_translated_and_the_unused_left(tmp_path: Path) -> None:
    one, two = torch.ones(2), torch.zeros(2)
    rules = ((r"^bert\.", ""), (r"\.\d+\.freq$", ".1.freq"))
    given = {"bert.f.1.freq": one, "bert.f.3.freq": one.clone(), "cls.weight": two, "w": two}
    assert set(rename_tensors(tmp_path, given, rules, (r"cls\.",))) == {"f.1.freq", "w"}
    given["bert.f.5.freq"] = two
    with pytest.raises(InputError, match=r"bert\.f\.5\.freq differs from another one for"):
        rename_tensors(tmp_path, given, rules, ())


def test_whole_numbers_are_no_weights_and_halves_become_float32(tmp_path: Path) -> None:
    layer = nn.Linear(2, 1, bias=False)
    set_weights(tmp_path, layer, {"weight": torch.ones(1, 2, dtype=torch.float16)})
    assert layer.weight.dtype == torch.float32
    with pytest.raises(InputError, match=r"weight is torch\.int64, expected floating point"):
        set_weights(tmp_path, layer, {"weight": torch.ones(1, 2, dtype=torch.int64)})
