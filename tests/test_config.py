"""Configs check themselves; JSON and TOML files are read into typed objects or refused in one line."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from isoclr import _config
from isoclr._config import Config, Meta, flag, read_json, read_recipe, read_toml
from isoclr.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Inner(Config):
    mask: Annotated[float, Meta(ge=0, le=1)] = 0.15
    batch_size: Annotated[int, Meta(ge=2, le=1_000_000)] = 64


@dataclass(frozen=True, kw_only=True)
class Options(Config):
    inner: Inner = field(default_factory=Inner)
    mode: Literal["a", "b"] = "a"
    rate: Annotated[float, Meta(gt=0)] = 0.1
    threads: Annotated[int, Meta(ge=1)] | None = None
    out: Path | None = None
    names: tuple[str, ...] = ()
    shares: tuple[float, ...] | None = None
    orf: bool = True


def test_config() -> None:
    options = Options(threads=3, out=Path("x"), names=("a",), rate=1)
    assert options.flat() == {
        "mask": 0.15,
        "batch_size": 64,
        "mode": "a",
        "rate": 1,
        "threads": 3,
        "out": "x",
        "names": ("a",),
        "shares": None,
        "orf": True,
    }
    assert flag("batch_size") == "--batch-size"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Inner(mask=1.5), "--mask is 1.5, expected 0 to 1"),
        (lambda: Inner(mask=float("nan")), "--mask is nan, expected 0 to 1"),
        (lambda: Inner(mask=True), "--mask is True"),
        (lambda: Inner(batch_size=1), "--batch-size is 1, expected 2 to 1,000,000"),
        (lambda: Inner(batch_size=2.0), "--batch-size is 2.0"),  # type: ignore[arg-type]
        (lambda: Options(rate=float("inf")), "--rate is inf, expected more than 0"),
        (lambda: Options(rate=0), "--rate is 0, expected more than 0"),
        (lambda: Options(mode="c"), "--mode is 'c', expected a or b"),  # type: ignore[arg-type]
        (lambda: Options(threads=0), "--threads is 0, expected at least 1"),
        (lambda: Options(threads="1"), "--threads is '1'"),  # type: ignore[arg-type]
        (lambda: Options(out="x"), "--out is 'x', expected a path"),  # type: ignore[arg-type]
        (lambda: Options(names=("a", 1)), "--names is"),  # type: ignore[arg-type]
        (lambda: Options(names="a"), "--names is 'a'"),  # type: ignore[arg-type]
        (lambda: Options(shares=(0.5, float("nan"))), "--shares is"),
        (lambda: Options(orf=1), "--orf is 1, expected true or false"),  # type: ignore[arg-type]
    ],
)
def test_impossible_values(make: Callable[[], Config], message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value).startswith(message)


@dataclass(frozen=True)
class Row:
    name: str
    size: int = 0


@dataclass(frozen=True)
class File:
    rows: list[Row]
    sums: dict[str, Row] = field(default_factory=dict)
    path: Path | None = None
    pair: tuple[int, int] | None = None


def test_read(tmp_path: Path) -> None:
    content = {"rows": [{"name": "a", "size": 1}], "sums": {"x": {"name": "b"}}, "path": "p", "pair": [1, 2]}
    (tmp_path / "f.json").write_text("\ufeff" + json.dumps(content | {"of a later version": 1}))
    (tmp_path / "f.toml").write_text(
        '\ufeffpath = "p"\npair = [1, 2]\n[[rows]]\nname = "a"\nsize = 1\n[sums.x]\nname = "b"\n'
    )
    expected = File([Row("a", 1)], {"x": Row("b")}, Path("p"), (1, 2))
    assert read_json(tmp_path / "f.json", File) == expected
    assert read_toml(tmp_path / "f.toml", File) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no JSON"),
        (b"[" * 200_000, "is no JSON (nested too deeply)"),
        (b"{" * 200_000, "is no JSON"),
        (b'{"a": ' * 100_000, "is no JSON (nested too deeply)"),
        (b'{"rows": [], "path": NaN}', "is no JSON"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"[1]", "Expected `object`, got `array`"),
        (b"{}", "missing required field `rows`"),
        (b'{"rows": 5}', "rows: Expected `array`, got `int`"),
        (b'{"rows": [{"name": "a"}, {"name": 5}]}', "rows[1].name: Expected `str`, got `int`"),
        (b'{"rows": [{"name": "a", "size": 6.5}]}', "rows[0].size: Expected `int`, got `float`"),
        (b'{"rows": [{"name": "a", "size": true}]}', "rows[0].size: Expected `int`, got `bool`"),
        (b'{"rows": [{"name": "a", "size": ' + b"9" * 10_000 + b"}]}", "is no JSON"),
        (b'{"rows": [], "sums": {"x": 1}}', "sums[...]: Expected `object`, got `int`"),
        (b'{"rows": [], "pair": [1]}', "pair: "),
    ],
)
def test_json_that_does_not_fit(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "f.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_json(path, File)
    assert str(caught.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x", "is no TOML"),
        (b"a = " + b"[" * 50_000, "is no TOML (nested too deeply)"),
        (b"a = " + b"9" * 10_000, "is no TOML"),
        (b"rows = []\nzz = 1", "unknown key 'zz'"),
        (b'[[rows]]\nname = "a"\nzz = 1', "unknown key 'rows.zz'"),
        (b'rows = []\n[sums.x]\nname = "a"\nzz = 1', "unknown key 'sums.x.zz'"),
        (b"rows = []\nrows = []", "is no TOML"),
        (b"rows = 1", "rows: Expected `array`, got `int`"),
        (b'rows = []\npath = "\\u0000"\npair = "x"', "pair: "),
    ],
)
def test_toml_that_does_not_fit(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "f.toml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_toml(path, File)
    assert str(caught.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize("read", [read_json, read_toml])
def test_paths_that_are_no_files(read: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_config, "MAX_BYTES", 100)
    os.mkfifo(tmp_path / "fifo")  # opening it would wait for ever
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "large").write_text(" " * 101)
    (tmp_path / "file").write_text("")
    for name, message in {
        "missing": "not found",
        "": "is a directory",
        "fifo": "is no regular file",
        "loop": "Too many levels",
        "large": "has 101 bytes",
        "file/deeper": "Not a directory",
        "a\0b": "no possible file name",
        "x" * 300: "File name too long",
    }.items():
        with pytest.raises(InputError, match=message) as caught:
            read(tmp_path / name, File, what="a plan")
        assert str(caught.value).startswith(f"{tmp_path / name}: ")
        assert "expected a plan" in str(caught.value)


def test_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_config, "RECIPES", tmp_path / "recipes")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/small.v1.toml").write_text("batch-size = 8\nmode = 'b'\n")
    (tmp_path / "mine.toml").write_text("out = 'x'\nnames = ['a']\nshares = [1, 2]\n")
    defaults: dict[str, Config] = {"config": Options(rate=0.5)}
    assert read_recipe("small.v1", defaults) == {"config": Options(inner=Inner(batch_size=8), mode="b", rate=0.5)}
    changed = Options(rate=0.5, out=Path("x"), names=("a",), shares=(1, 2))
    assert read_recipe("mine.toml", defaults) == {"config": changed}
    for content, message in {
        "batch-size = 1": "--batch-size is 1, expected 2 to",
        "no-such = 1": "unknown option 'no-such'",
        "mode = 3": "--mode is 3",
        "names = 3": "--names is 3",
    }.items():
        (tmp_path / "mine.toml").write_text(content)
        with pytest.raises(InputError, match=r"^mine\.toml: " + message):
            read_recipe("mine.toml", defaults)
    with pytest.raises(InputError, match=r"--config none: no such file or recipe; recipes: small\.v1"):
        read_recipe("none", defaults)
    with pytest.raises(InputError, match=r"none\.toml: not found"):
        read_recipe("none.toml", defaults)
