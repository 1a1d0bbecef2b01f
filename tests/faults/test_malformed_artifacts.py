"""Damaged or edited files of our own: corpora, models, heads, embeddings and checkpoints are refused in one line."""

import hashlib
import json
import os
import shutil
import struct
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors import safe_open
from safetensors.numpy import load, save, save_file

from isoclr import cli

Edit = Callable[[Path], object]
Case = tuple[str, Edit, str]
"""What is wrong, how a copy of the folder is changed, and what the message must hold besides the folder's name."""


def edit_json(name: str, edit: Callable[[Any], object]) -> Edit:
    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        result = edit(content)
        content = content if result is None else result
        (folder / name).write_text(json.dumps(content))

    return change


def put(*keys: str | int, value: Any) -> Callable[[Any], None]:
    """Set a value, at the end of a path of keys."""

    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return change


def drop(*keys: str | int) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        del content[keys[-1]]

    return change


def write(name: str, content: bytes) -> Edit:
    return lambda folder: (folder / name).write_bytes(content)


def special(name: str, kind: str) -> Edit:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        if kind == "directory":
            (folder / name).mkdir()
        elif kind == "FIFO":
            os.mkfifo(folder / name)
        elif kind == "loop":
            (folder / name).symlink_to(name)

    return change


def truncate(name: str, size: int) -> Edit:
    return lambda folder: os.truncate(folder / name, size)


def flip(name: str, position: int) -> Edit:
    def change(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[position] ^= 1
        (folder / name).write_bytes(content)

    return change


def damaged_json(name: str) -> list[Case]:
    """What any JSON file of ours may have become."""
    return [
        (f"{name} empty", write(name, b""), name),
        (f"{name} binary", write(name, b"\xff\xfe\x00"), name),
        (f"{name} a list", write(name, b"[1]"), name),
        (f"{name} deep", write(name, b"[" * 200_000), name),
        (f"{name} with a huge number", write(name, b'{"schema": ' + b"9" * 10_000 + b"}"), name),
        (f"{name} missing", special(name, "missing"), name),
        (f"{name} a directory", special(name, "directory"), name),
        (f"{name} a FIFO", special(name, "FIFO"), name),
        (f"{name} a loop of links", special(name, "loop"), name),
    ]


# Corpora


def index(name: str, value: int) -> Edit:
    def change(folder: Path) -> None:
        table = np.load(folder / "index.npy")
        table[name][0] = value
        np.save(folder / "index.npy", table)

    return change


def index_bytes(header: bytes) -> Edit:
    def change(folder: Path) -> None:
        size = (folder / "index.npy").stat().st_size
        text = header.ljust(117) + b"\n"
        content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text
        (folder / "index.npy").write_bytes(content.ljust(size, b"\0"))

    return change


def table(edit: Callable[[pl.DataFrame], pl.DataFrame]) -> Edit:
    def change(folder: Path) -> None:
        path = folder / "transcripts.parquet"
        edit(pl.read_parquet(path)).write_parquet(path)
        size = path.stat().st_size
        edit_json("corpus.json", put("files", path.name, "size", value=size))(folder)

    return change


def corpus(*keys: str, value: Any) -> Edit:
    return edit_json("corpus.json", put(*keys, value=value))


CORPUS: list[Case] = [
    *damaged_json("corpus.json"),
    ("no files", edit_json("corpus.json", drop("files")), "files"),
    ("files a list", corpus("files", value=[]), "files"),
    ("no size", edit_json("corpus.json", drop("files", "codes.bin", "size")), "size"),
    ("text as size", corpus("files", "codes.bin", "size", value="big"), "size"),
    ("no entry of a file", edit_json("corpus.json", drop("files", "index.npy")), "index.npy"),
    ("no counts", edit_json("corpus.json", drop("counts")), "counts"),
    ("negative gene sets", corpus("counts", "gene_sets", value=-1), "gene_sets"),
    ("10^15 gene sets", corpus("counts", "gene_sets", value=10**15), "gene sets"),
    ("text as gene sets", corpus("counts", "gene_sets", value="x"), "gene_sets"),
    ("other counts", corpus("counts", "transcripts", value=7), "index.npy"),
    ("no species", edit_json("corpus.json", drop("species")), "species"),
    ("numbers as species", corpus("species", value=[1]), "species"),
    ("no by_species", edit_json("corpus.json", drop("by_species")), "by_species"),
    ("by_species lacks one", corpus("by_species", value={}), "by_species"),
    ("no options", edit_json("corpus.json", drop("options")), "options"),
    ("text as schema", corpus("schema", value="1"), "schema"),
    ("true as schema", corpus("schema", value=True), "schema"),
    ("negative schema", corpus("schema", value=-1), "schema"),
    ("later schema", corpus("schema", value=99), "schema 99"),
    ("a part of an earlier version", corpus("shard", value=[1, 2]), "shard"),
    ("no codes", special("codes.bin", "missing"), "codes.bin"),
    ("truncated codes", truncate("codes.bin", 100), "codes.bin"),
    ("codes a FIFO", special("codes.bin", "FIFO"), "codes.bin"),
    ("offset of 2^60", index("offset", 2**60), "offset"),
    ("negative offset", index("offset", -1), "offset"),
    ("negative length", index("length", -1), "length"),
    ("length of 2^30", index("length", 2**30), "length"),
    ("negative gene set", index("gene_set", -1), "gene_set"),
    ("gene set 10^9", index("gene_set", 10**9), "gene_set"),
    ("species 99", index("species", 99), "species"),
    ("CDS start after the end", index("cds_start", 10**9), "cds_start"),
    ("index of another type", index_bytes(b"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }"), "index.npy"),
    ("index a pickle", index_bytes(b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"), "index.npy"),
    ("index truncated", truncate("index.npy", 60), "index.npy"),
    (
        "index text",
        lambda folder: (folder / "index.npy").write_bytes(b"x" * (folder / "index.npy").stat().st_size),
        "index.npy",
    ),
]
TABLE: list[Case] = [
    (
        "zeros",
        lambda folder: (folder / "transcripts.parquet").write_bytes(
            bytes((folder / "transcripts.parquet").stat().st_size)
        ),
        "transcripts.parquet",
    ),
    ("fewer rows", table(lambda frame: frame[:5]), "transcripts.parquet"),
    ("a column missing", table(lambda frame: frame.drop("gene_id")), "gene_id"),
]
CODES: list[Case] = [
    ("a base changed", flip("codes.bin", 7), "codes.bin"),
    ("index changed", index("n_exons", 2), "index.npy"),
]


@pytest.fixture
def changed(bench: Path, tmp_path: Path) -> Callable[[str, Edit], Path]:
    def copy(name: str, edit: Edit) -> Path:
        folder = tmp_path / name
        shutil.copytree(bench / name, folder)
        edit(folder)
        return folder

    return copy


def become_a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def cases(*tables: list[Case]) -> pytest.MarkDecorator:
    rows = [case for one in tables for case in one]
    return pytest.mark.parametrize(("edit", "part"), [pytest.param(edit, part, id=what) for what, edit, part in rows])


@cases(CORPUS)
@pytest.mark.parametrize("command", ["inspect FOLDER", "subset FOLDER -o {o}/s"])
def test_corpus(command: str, edit: Edit, part: str, changed: Any, refuse: Any) -> None:
    folder = changed("corpus", edit)
    refuse(command.replace("FOLDER", str(folder)).split(), str(folder), part)


@cases(TABLE)
def test_table_of_a_corpus(edit: Edit, part: str, changed: Any, refuse: Any) -> None:
    folder = changed("corpus", edit)
    refuse(["subset", str(folder), "-o", "{o}/s"], str(folder), part)


@cases(CODES)
@pytest.mark.parametrize(
    "command",
    [
        "inspect FOLDER --verify",
        "pretrain FOLDER -o {o}/r --steps 1 --batch-size 8",
        "embed FOLDER -o {o}/e.parquet",
        "subset FOLDER -o {o}/s",
        "finetune BENCH/labels.tsv --corpus FOLDER -o {o}/t",
        "motifs FOLDER --head BENCH/head --model BENCH/model -o {o}/m.tsv",
        "retrieval BENCH/e.parquet --corpus FOLDER --baselines -o {o}/t.tsv",
        "probe BENCH/e.parquet BENCH/labels.tsv --corpus FOLDER --baselines --splits 2",
    ],
)
def test_changed_bytes_of_a_corpus(command: str, edit: Edit, part: str, bench: Path, changed: Any, refuse: Any) -> None:
    folder = changed("corpus", edit)
    words = command.replace("FOLDER", str(folder)).replace("BENCH", str(bench)).split()
    refuse(words, str(folder), part)


# Models


def config(*keys: str | int, value: Any) -> Edit:
    return edit_json("config.json", put(*keys, value=value))


def weights(change: Callable[[dict[str, Any]], Any], name: str = "model", meta: str = "config") -> Edit:
    """Other tensors, or bytes, with the right SHA-256 in the JSON file."""

    def edit(folder: Path) -> None:
        path = folder / f"{name}.safetensors"
        content = change(load(path.read_bytes()))
        data = content if isinstance(content, bytes) else save(content)
        path.write_bytes(data)
        edit_json(f"{meta}.json", put("sha256", value=hashlib.sha256(data).hexdigest()))(folder)

    return edit


def each(function: Callable[[Any], Any], part: str = "") -> Callable[[dict[str, Any]], Any]:
    """Change the tensors whose names hold a text."""
    return lambda tensors: {
        name: np.ascontiguousarray(function(tensor)) if part in name else tensor for name, tensor in tensors.items()
    }


MODEL: list[Case] = [
    *damaged_json("config.json"),
    ("text as filters", config("architecture", "filters", value=["a"] * 4), "filters"),
    ("10^9 filters", config("architecture", "filters", value=[10**9] * 4), ""),
    ("no filters", config("architecture", "filters", value=[0] * 4), "filters"),
    ("true as filters", config("architecture", "filters", value=[True] * 4), "filters"),
    ("an unknown pooling", config("architecture", "pooling", value="max"), "pooling"),
    ("a list as pooling", config("architecture", "pooling", value=["all"]), "pooling"),
    ("1 as growing", config("architecture", "growing", value=1), "growing"),
    ("7 tracks", config("tracks", value=7), "tracks"),
    ("text as tracks", config("tracks", value="6"), "tracks"),
    ("true as tracks", config("tracks", value=True), "tracks"),
    ("a float as tracks", config("tracks", value=6.5), "tracks"),
    ("a list as tracks", config("tracks", value=[6]), "tracks"),
    ("no name", config("name", value=None), "name"),
    ("another SHA-256", config("sha256", value="0" * 64), "SHA-256"),
    ("no SHA-256", config("sha256", value=None), "sha256"),
    ("a later schema", config("schema", value=99), "schema"),
    ("text as schema", config("schema", value="1"), "schema"),
    ("another format", config("format", value="x"), "format"),
    ("no architecture", edit_json("config.json", drop("architecture")), "architecture"),
    ("weights empty", weights(lambda _: b""), "model.safetensors"),
    ("weights truncated", truncate("model.safetensors", 1000), "model.safetensors"),
    ("a flipped bit", flip("model.safetensors", -50), "model.safetensors"),
    ("a header of 2^63", weights(lambda _: struct.pack("<Q", 2**63) + bytes(99)), "model.safetensors"),
    ("a header of 200 MB", weights(lambda _: struct.pack("<Q", 200_000_000) + b"{" + bytes(99)), "model.safetensors"),
    ("a tensor missing", weights(lambda t: dict(list(t.items())[1:])), "model.safetensors"),
    ("a tensor too many", weights(lambda t: t | {"extra": np.zeros(3, np.float32)}), "extra"),
    ("a tensor of another shape", weights(each(lambda a: a[:1], "stem.weight")), "stem"),
    ("integers", weights(each(lambda a: a.astype(np.int8))), "model.safetensors"),
    ("NaN", weights(each(lambda a: a * np.float32("nan"), "blocks.4.conv1.bias")), "blocks.4.conv1.bias"),
    ("infinity", weights(each(lambda a: a + np.float32("inf"), "stem.weight")), "stem.weight"),
    ("a negative variance", weights(each(lambda a: -1 - a, "running_var")), "running_var"),
    ("weights a pickle", weights(lambda _: b"\x80\x04cos\nsystem\n"), "model.safetensors"),
    ("weights missing", special("model.safetensors", "missing"), "model.safetensors"),
    ("weights a directory", special("model.safetensors", "directory"), "model.safetensors"),
    ("weights a FIFO", special("model.safetensors", "FIFO"), "model.safetensors"),
]


@cases(MODEL)
def test_model(edit: Edit, part: str, bench: Path, changed: Any, refuse: Any) -> None:
    folder = changed("model", edit)
    words = ["embed", str(bench / "two.fa"), "--model", str(folder), "-o", "{o}/e.parquet"]
    refuse(words, str(folder), part)


# Heads


def head(*keys: str | int, value: Any) -> Edit:
    return edit_json("head.json", put(*keys, value=value))


def numbers(change: Callable[[dict[str, Any]], Any]) -> Edit:
    return weights(change, "head", "head")


HEAD: list[Case] = [
    *damaged_json("head.json"),
    ("no targets", head("targets", value=[]), "targets"),
    ("texts as targets", head("targets", value=["a"]), "targets"),
    ("no lengths", edit_json("head.json", drop("targets", 0, "lengths")), "lengths"),
    ("texts as lengths", head("targets", 0, "lengths", value=["a", "b"]), "lengths"),
    ("a path as target", head("targets", 0, "name", value="../../x"), ""),
    ("a list as target's name", head("targets", 0, "name", value=["gc"]), "name"),
    ("a number as name", head("name", value=3), "name"),
    ("a list as model", head("model", value=[]), "model"),
    ("a number as SHA-256 of the model", head("model", "sha256", value=5), "sha256"),
    ("a number as species", head("species", value=[1]), "species"),
    ("a later schema", head("schema", value=99), "schema"),
    ("numbers truncated", truncate("head.safetensors", 500), "head.safetensors"),
    ("a flipped bit", flip("head.safetensors", -9), "head.safetensors"),
    ("NaN", numbers(each(lambda a: a * np.float32("nan"), "coefficients")), "coefficients"),
    ("means of another length", numbers(each(lambda a: a[:5], "/mean")), "head.safetensors"),
    ("no scores", numbers(each(lambda a: a[:0], "/scores")), "head.safetensors"),
    ("no intercept", numbers(each(lambda a: a[:0], "/intercept")), "head.safetensors"),
    ("transposed axes", numbers(each(lambda a: a.T, "/axes")), "head.safetensors"),
    ("numbers missing", special("head.safetensors", "missing"), "head.safetensors"),
    ("numbers a FIFO", special("head.safetensors", "FIFO"), "head.safetensors"),
]


@cases(HEAD)
def test_head(edit: Edit, part: str, bench: Path, changed: Any, refuse: Any) -> None:
    folder = changed("head", edit)
    refuse(["predict", str(bench / "e.parquet"), "--head", str(folder), "-o", "{o}/p.tsv"], str(folder), part)


# Embeddings


def embeddings(edit: Callable[[pl.DataFrame], pl.DataFrame], **meta: str) -> Edit:
    def change(path: Path) -> None:
        found = {k: v for k, v in pl.read_parquet_metadata(path).items() if k != "ARROW:schema"}
        edit(pl.read_parquet(path)).write_parquet(path, metadata=found | meta)

    return change


def matrix(change: Callable[[Any], Any]) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda frame: frame.with_columns(pl.Series("embedding", change(frame["embedding"].to_numpy().copy())))


def one(value: float) -> Callable[[Any], Any]:
    def change(array: Any) -> Any:
        array[3, 5] = value
        return array

    return change


EMBEDDINGS: list[Case] = [
    ("empty", lambda path: path.write_bytes(b""), ""),
    ("truncated", lambda path: os.truncate(path, path.stat().st_size // 2), ""),
    ("a byte less", lambda path: os.truncate(path, path.stat().st_size - 1), ""),
    ("the magic alone", lambda path: path.write_bytes(b"PAR1PAR1"), ""),
    ("text", lambda path: path.write_text("hello\n"), ""),
    ("NaN", embeddings(matrix(one(float("nan")))), "t3"),
    ("infinity", embeddings(matrix(one(float("inf")))), "t3"),
    (
        "ragged",
        embeddings(lambda f: f.with_columns(pl.Series("embedding", [[1.0] * (1 + i % 3) for i in range(len(f))]))),
        "",
    ),
    ("text as embedding", embeddings(lambda f: f.with_columns(pl.lit("x").alias("embedding"))), ""),
    (
        "a matrix per RNA",
        embeddings(lambda f: f.with_columns(pl.Series("embedding", np.zeros((len(f), 4, 4), np.float32)))),
        "",
    ),
    ("no embedding", embeddings(lambda f: f.drop("embedding")), ""),
    ("nulls", embeddings(lambda f: f.with_columns(pl.when(pl.int_range(pl.len()) > 0).then("embedding"))), ""),
    ("no ids", embeddings(lambda f: f.drop("transcript_id")), "transcript_id"),
    ("text as length", embeddings(lambda f: f.with_columns(pl.lit("x").alias("length"))), ""),
    ("a FIFO", become_a_fifo, ""),
]


@cases(EMBEDDINGS)
@pytest.mark.parametrize(
    "command", ["probe FILE BENCH/labels.tsv --splits 2", "predict FILE --head BENCH/head -o {o}/p.tsv"]
)
def test_embeddings(command: str, edit: Edit, part: str, bench: Path, tmp_path: Path, refuse: Any) -> None:
    path = tmp_path / "changed.parquet"
    shutil.copy(bench / "e.parquet", path)
    edit(path)
    words = command.replace("FILE", str(path)).replace("BENCH", str(bench)).split()
    refuse(words, path.name, part)


def npz(**changes: Any) -> Edit:
    def change(path: Path) -> None:
        with np.load(path) as content:
            arrays = {name: content[name] for name in content.files}
        np.savez(path, **{k: v for k, v in (arrays | changes).items() if v is not None})

    return change


NPZ: list[Case] = [
    ("empty", lambda path: path.write_bytes(b""), ""),
    ("text", lambda path: path.write_text("hello"), ""),
    ("a pickle", lambda path: path.write_bytes(b"\x80\x04cos\nsystem\n"), ""),
    ("truncated", lambda path: os.truncate(path, path.stat().st_size - 100), ""),
    ("a column missing", npz(gene_id=None), "gene_id"),
    ("fewer rows", npz(embedding=np.zeros((7, 256), np.float32)), ""),
    ("a vector", npz(embedding=np.zeros(40, np.float32)), ""),
    ("flat metadata", npz(meta=np.array(["a", "b"])), ""),
    ("metadata of three columns", npz(meta=np.array([["a", "b", "c"]])), ""),
    ("complex numbers", npz(embedding=np.zeros((40, 3), np.complex64)), ""),
    ("text as length", npz(length=np.array(["x"] * 40)), "length"),
    ("a huge shape", lambda path: path.write_bytes(b"PK\x03\x04" + bytes(90)), ""),
    ("columns of several lengths", npz(gene_id=np.array(["g"] * 7)), ""),
    ("a column of two dimensions", npz(species=np.array([["a", "b"]] * 40)), ""),
]
EXTERNAL: list[tuple[str, dict[str, Any], str]] = [
    ("complex numbers", {"X": np.zeros((2, 3), np.complex64), "ids": ["a", "b"]}, "complex"),
    ("truth values", {"X": np.zeros((2, 3), np.bool_), "ids": ["a", "b"]}, "bool"),
    ("text as length", {"X": np.eye(2), "ids": ["a", "b"], "length": ["x", "y"]}, "length"),
    ("infinite length", {"X": np.eye(2), "ids": ["a", "b"], "length": [1.0, np.inf]}, "length"),
    ("latin-1 ids", {"X": np.eye(2), "ids": np.array([b"a", b"\xe9"])}, "ids"),
    ("an id twice", {"X": np.eye(2), "ids": ["a", "a"]}, "a"),
    ("another number of ids", {"X": np.eye(2), "ids": ["a", "b", "c"]}, "ids"),
    ("no ids", {"X": np.eye(2)}, "transcript ids"),
    ("two matrices", {"a": np.eye(2), "b": np.eye(2)}, "a, b"),
    ("no matrix", {"ids": ["a", "b"]}, ""),
    ("no values", {"X": np.zeros((0, 3)), "ids": np.array([], np.str_)}, "(0, 3)"),
    ("NaN", {"X": np.full((2, 2), np.nan), "ids": ["a", "b"]}, "not finite"),
    ("too large for float32", {"X": np.full((2, 2), 1e300), "ids": ["a", "b"]}, "not finite"),
]


@cases(NPZ)
def test_npz(edit: Edit, part: str, bench: Path, tmp_path: Path, refuse: Any) -> None:
    path = tmp_path / "e.npz"
    assert cli.main(["convert", str(bench / "e.parquet"), "-o", str(path)]) == 0
    edit(path)
    refuse(["probe", str(path), str(bench / "labels.tsv"), "--splits", "2"], path.name, part)


@pytest.mark.parametrize(("arrays", "part"), [pytest.param(*case[1:], id=case[0]) for case in EXTERNAL])
def test_external(arrays: dict[str, Any], part: str, tmp_path: Path, refuse: Any) -> None:
    np.savez(tmp_path / "e.npz", **arrays)
    refuse(["convert", str(tmp_path / "e.npz"), "-o", "{o}/e.parquet"], "e.npz", part)


def test_id_that_hdf5_cannot_hold(tmp_path: Path, refuse: Any) -> None:
    frame = pl.DataFrame({"transcript_id": ["a", "b\0c"], "embedding": [[1.0, 2.0], [3.0, 4.0]]})
    frame.write_parquet(tmp_path / "e.parquet")
    refuse(["convert", str(tmp_path / "e.parquet"), "-o", "{o}/e.h5ad"], "e.h5ad", "NUL")


def test_shards_of_several_sizes(bench: Path, tmp_path: Path, refuse: Any) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    for i, size in enumerate((256, 7)):
        shutil.copy(bench / "e.parquet", folder / f"{i}.parquet")
        embeddings(itemgetter(slice(20 * i, 20 * i + 20)))(folder / f"{i}.parquet")
        embeddings(matrix(itemgetter((slice(None), slice(size)))))(folder / f"{i}.parquet")
    refuse(["probe", str(folder), str(bench / "labels.tsv"), "--splits", "2"], "1.parquet", "7")


# Checkpoints


@pytest.fixture(scope="session")
def run(bench: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    words = [str(bench / "corpus"), "-o", str(folder), "--steps", "2", "--batch-size", "8"]
    assert cli.main(["pretrain", *words, "--threads", "1", "--precision", "float32"]) == 0
    return folder


def checkpoint(edit: Callable[[dict[str, str], Any, dict[str, Any]], object]) -> Edit:
    """Change the file's own metadata, the JSON in it, and the tensors."""

    def change(folder: Path) -> None:
        path = folder / "checkpoint.safetensors"
        with safe_open(path, "np") as file:
            outer = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        inner = json.loads(outer["metadata"])
        result = edit(outer, inner, tensors)
        outer["metadata"] = result if isinstance(result, str) else json.dumps(inner)
        save_file(tensors, path, metadata=outer)

    return change


CHECKPOINT = "checkpoint.safetensors"
CHECKPOINTS: list[Case] = [
    ("empty", write(CHECKPOINT, b""), CHECKPOINT),
    ("text", write(CHECKPOINT, b"hello"), CHECKPOINT),
    ("truncated", truncate(CHECKPOINT, 5000), CHECKPOINT),
    ("a flipped bit", flip(CHECKPOINT, -99), CHECKPOINT),
    ("a model instead", lambda folder: shutil.copy(folder / "model.safetensors", folder / CHECKPOINT), CHECKPOINT),
    ("a directory", special(CHECKPOINT, "directory"), CHECKPOINT),
    ("metadata no JSON", checkpoint(lambda *_: "{"), CHECKPOINT),
    ("metadata a list", checkpoint(lambda *_: "[]"), CHECKPOINT),
    ("no options", checkpoint(lambda _, inner, __: inner.pop("options") and None), CHECKPOINT),
    ("options a list", checkpoint(lambda _, inner, __: inner.update(options=[1])), CHECKPOINT),
    ("an unknown key in state", checkpoint(lambda _, inner, __: inner["state"].update(x=1)), CHECKPOINT),
    ("text as step", checkpoint(lambda _, inner, __: inner["state"].update(step="x")), CHECKPOINT),
    ("a negative step", checkpoint(lambda _, inner, __: inner["state"].update(step=-5)), CHECKPOINT),
    ("null as step", checkpoint(lambda _, inner, __: inner["state"].update(step=None)), CHECKPOINT),
    ("text as seconds", checkpoint(lambda _, inner, __: inner["state"].update(seconds="x")), CHECKPOINT),
    ("text as length", checkpoint(lambda _, inner, __: inner["budget"].update(steps="x")), CHECKPOINT),
    ("another corpus", checkpoint(lambda _, inner, __: inner.update(corpus="x")), CHECKPOINT),
    ("another format", checkpoint(lambda outer, *_: outer.update(format="x")), CHECKPOINT),
]


@cases(CHECKPOINTS)
def test_checkpoint(edit: Edit, part: str, bench: Path, run: Path, tmp_path: Path, refuse: Any) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    edit(folder)
    words = ["pretrain", str(bench / "corpus"), "-o", str(folder), "--steps", "4", "--batch-size", "8"]
    words += ["--threads", "1", "--precision", "float32", "--resume"]
    refuse(words, str(folder), part, out=folder)


def test_number_of_cases() -> None:
    """Counted here, so that the promise in docs/robustness.md stays true."""
    rows = [CORPUS, CORPUS, TABLE, CODES, CODES, MODEL, HEAD, EMBEDDINGS, EMBEDDINGS, NPZ, CHECKPOINTS]
    assert sum(map(len, rows)) > 200
