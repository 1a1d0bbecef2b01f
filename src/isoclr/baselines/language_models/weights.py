"""A published model's files: from a folder of the user's or from the hub, safetensors only."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from isoclr._io import sha256
from isoclr._tensors import read_tensors
from isoclr.baselines.language_models.catalog import CONFIG, Entry
from isoclr.errors import InputError
from isoclr.models.encoder import WEIGHTS
from isoclr.models.hub import Address, fetch, refuse_pickle

SHARD = re.compile(r"model-(\d{5})-of-(\d{5})\.safetensors")
CONVERSION = (
    "import glob, torch; from safetensors.torch import save_file; "
    "[save_file({k: v.clone() for k, v in torch.load(f, weights_only=True).items()}, "
    "f.replace('pytorch_', '').replace('.bin', '.safetensors')) for f in glob.glob('pytorch_model*.bin')]"
)
"""Python that a user can run in a folder with ``pytorch_model*.bin`` to convert them to safetensors."""


def find_folder(
    entry: Entry, tokenizer_file: str, *, revision: str | None = None, directory: Path | None = None
) -> tuple[Path, list[Path]]:
    """The folder of a model, and its files of weights.

    Args:
        tokenizer_file: File that its tokenizer needs; "" for none.
        directory: Folder of the user's; nothing is downloaded then.
    """
    needed = [CONFIG, *([tokenizer_file] if tokenizer_file else [])]

    def select(names: set[str]) -> list[str]:
        for name in needed:
            if name not in names:
                raise InputError(f"has no {name}")
        return [*needed, *_weight_files(names)]

    if directory is not None:
        if revision is not None:
            raise InputError(f"{directory}: is on this machine and has no revision {revision!r}")
        if not directory.is_dir():
            raise InputError(f"{directory}: no such folder; expected a model's files")
        folder = directory
    else:
        commit = revision or entry.revision
        if commit is None:
            raise InputError(
                f"{entry.name}: no commit of {entry.repo} is known to this version; name one with --revision (40 hex "
                "digits, or a tag or branch such as main), or give a folder with its files as --model-dir"
            )
        folder = fetch(Address(entry.repo, commit), select)
    try:
        files = select({path.name for path in folder.iterdir()})
    except InputError as error:
        raise InputError(f"{folder}: {error}") from None
    return folder, [folder / name for name in files[len(needed) :]]


def _weight_files(names: set[str]) -> list[str]:
    """The safetensors among a model's files: one, or all of its shards."""
    refuse_pickle(
        names,
        "if you trust it, fetch the files yourself, run in their folder: "
        f'python -c "{CONVERSION}" and give the folder as --model-dir',
    )
    if WEIGHTS in names:
        return [WEIGHTS]
    shards = sorted(name for name in names if SHARD.fullmatch(name))
    if not shards:
        raise InputError(f"has no {WEIGHTS}")
    count = shards[0][-17:-12]
    expected = [f"model-{i:05}-of-{count}.safetensors" for i in range(1, int(count) + 1)]
    for name in expected:
        if name not in names:
            raise InputError(f"has no {name}")
    return expected


def combined_sha256(paths: Sequence[Path]) -> str:
    """SHA-256 of a model's weights: of the file, or of the list of its shards' sums."""
    sums = [sha256(path) for path in paths]
    return sums[0] if len(sums) == 1 else hashlib.sha256("\n".join(sums).encode()).hexdigest()


def read_shards(paths: Sequence[Path]) -> dict[str, Tensor]:
    """The tensors of all files."""
    tensors: dict[str, Tensor] = {}
    for path in paths:
        shard = read_tensors(path)
        duplicates = tensors.keys() & shard.keys()
        if duplicates:
            raise InputError(f"{path}: tensor {min(duplicates)} is in another file too")
        tensors |= shard
    return tensors


def rename_tensors(
    path: Path, tensors: dict[str, Tensor], rules: Sequence[tuple[str, str]], unused: Sequence[str]
) -> dict[str, Tensor]:
    """The body's tensors under the names of the network.

    Args:
        rules: Regular expressions and replacements, each applied once to every name, in order.
        unused: Regular expressions of tensors that the body does not need, such as heads; matched from the start of
            the new name.
    """
    body: dict[str, Tensor] = {}
    for old, tensor in tensors.items():
        name = old
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name, count=1)
        if any(re.match(pattern, name) for pattern in unused):
            continue
        if name in body and not torch.equal(body[name], tensor):
            raise InputError(f"{path}: tensor {old} differs from another one for {name}")
        body[name] = tensor
    return body


def set_weights(path: Path, network: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Give a network its weights, in float32."""
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise InputError(f"{path}: tensor {name} is {tensor.dtype}, expected floating point")
    try:
        network.load_state_dict({k: v.float() for k, v in tensors.items()}, assign=True)
    except RuntimeError as error:
        reason = " ".join(str(error).splitlines()[1].split())
        raise InputError(f"{path}: does not fit {CONFIG}: {reason[:300]}") from None
