"""An encoder and heads as one script, for pages that compute embeddings and predictions in the browser.

The script assigns ``window.isoclrModelShard``, because a page opened from a file can load scripts but no data.
``static/model.js`` (source: ``web/src/model``) reads it. Batch norms become a scale and a shift per channel, those of
the stem and of the shortcuts go into the weights, and the stem's convolution becomes two tables over the 32 codes.

Weight matrices are 24-bit integers with one scale per row, and the axes of the outlier detector 16-bit ones. All other
tensors are float32.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from isoclr._io import atomic_path
from isoclr._version import __version__
from isoclr.errors import InputError
from isoclr.genomics.encoding import MIN_LENGTH
from isoclr.models.encoder import Encoder
from isoclr.models.layers import Convolution
from isoclr.models.norm import BatchNorm
from isoclr.models.resnet import Block
from isoclr.probing.conformal import CVPlusRegressor
from isoclr.probing.head import Head, Target
from isoclr.probing.linear import LinearModel

SCRIPT = Path(__file__).parent / "static" / "model.js"  # The program that reads such a file

Array = NDArray[Any]
Tensors = dict[str, Array]


def write_browser_model(path: Path, model: Encoder, heads: Sequence[Head] = (), *, overwrite: bool = True) -> None:
    """Write an encoder and heads as a script.

    With IsoCLR-S and both built-in heads it has 4.3 MB; the size grows with the encoder's parameters (4 bytes each).

    Args:
        path: Output file, such as ``model-data.js``.
        model: The encoder.
        heads: Heads of this encoder.
        overwrite: Replace an existing file.

    Raises:
        InputError: A head was fitted on embeddings of another encoder, or the file exists and may not be replaced.
    """
    sha256 = model.sha256
    for head in heads:
        head.check_whole_rna()
        if (head.model["sha256"], head.dim) != (sha256, model.dim):
            raise InputError(
                f"{path}: head {head.name!r} needs weights {head.model['sha256'][:12]} of {head.model['model']}, "
                f"found {sha256[:12]} of {model.name}"
            )
    shard = {
        "format": "isoclr-browser-model",
        "schema": 1,
        "isoclr": __version__,
        "encoder": _encoder(model, sha256),
        "heads": [_head(head) for head in heads],
    }
    with atomic_path(path, overwrite=overwrite) as partial:
        text = json.dumps(shard, separators=(",", ":"), allow_nan=False)
        partial.write_text(f"globalThis.isoclrModelShard={text};\n", encoding="ascii")


@torch.no_grad()
def _encoder(model: Encoder, sha256: str) -> dict[str, Any]:
    network = model.network
    architecture = network.architecture
    tensors = _stem(model)
    layers = []
    for i, (layer, block) in enumerate(zip(architecture.layers(), network.blocks, strict=True)):
        assert isinstance(block, Block)
        c_in, c_out, dilation, pools = layer
        has_shortcut = block.shortcut is not None
        layers.append({"c_in": c_in, "c_out": c_out, "dilation": dilation, "pools": pools, "shortcut": has_shortcut})
        tensors |= {f"{i}.{name}": tensor for name, tensor in _block(block).items()}
    return {
        "name": model.name,
        "sha256": sha256,
        "dim": model.dim,
        "reach": architecture.reach,
        "layers": layers,
        "readout": asdict(architecture.readout),
        "orf_min_length": MIN_LENGTH,
        **_pack(tensors, "int24"),
    }


def _stem(model: Encoder) -> Tensors:
    """What the first and the second code of a pair add to the stem's output, ``(32, c)`` each."""
    stem = model.network.stem
    scale, shift = _affine(stem.norm)
    weight = _double(stem.weight) * scale[:, None, None]
    tracks = _double(stem.tracks)
    first, second = (tracks @ weight[:, :, i].T for i in range(2))
    return {"stem.first": first + _double(stem.bias) * scale + shift, "stem.second": second}


def _block(block: Block) -> Tensors:
    tensors: Tensors = {}
    for name, conv, norm in (("1", block.conv1, block.norm1), ("2", block.conv2, block.norm2)):
        scale, shift = _affine(norm)
        tensors |= _convolution(f"conv{name}", conv)
        tensors |= {f"norm{name}.scale": scale, f"norm{name}.shift": shift}
    if block.shortcut is not None and block.shortcut_norm is not None:
        scale, shift = _affine(block.shortcut_norm)
        plain = _convolution("shortcut", block.shortcut)
        tensors["shortcut.weight"] = plain["shortcut.weight"] * scale[:, None, None]
        tensors["shortcut.bias"] = plain["shortcut.bias"] * scale + shift
    return tensors


def _convolution(name: str, conv: Convolution) -> Tensors:
    """Weights ``(c_out, taps, c_in)`` and bias."""
    weight = _double(conv.weight).transpose(0, 2, 1)
    return {f"{name}.weight": weight, f"{name}.bias": _double(conv.bias)}


def _affine(norm: BatchNorm) -> tuple[Array, Array]:
    scale, shift = norm.affine()
    return _double(scale), _double(shift)


def _double(tensor: torch.Tensor) -> NDArray[np.float64]:
    return tensor.detach().cpu().double().numpy()


def _head(head: Head) -> dict[str, Any]:
    targets = [(one, head.linear(one.name)) for one in head.targets]
    tensors = {f"{i}.{name}": tensor for i, one in enumerate(targets) for name, tensor in _target_tensors(*one).items()}
    return {
        "name": head.name,
        "species": head.species,
        "coverage": head.coverage,
        "rnas": head.rnas,
        "targets": [_target(*one) for one in targets],
        **_pack(tensors, "int16"),
    }


def _target(target: Target, value: LinearModel) -> dict[str, Any]:
    predictor = target.predictor
    members: list[dict[str, Any]] = []
    if isinstance(predictor, CVPlusRegressor):
        members = [
            {
                "intercepts": [member.value.intercept, member.error.intercept],
                "narrowest": member.narrowest,
                "widest": member.widest,
                "scores": len(scores),
            }
            for member, scores in zip(predictor.members, predictor.scores, strict=True)
        ]
    return {
        "name": target.name,
        "units": target.metadata.get("units", ""),
        "kind": "quantity" if members else "class",
        "lengths": target.lengths,
        "intercept": value.intercept,
        "members": members,
        "rest": target.detector.rest,
        "limit": target.detector.limit,
    }


def _target_tensors(target: Target, value: LinearModel) -> Tensors:
    predictor, detector = target.predictor, target.detector
    tensors: Tensors = {
        "coefficients": value.coefficients,
        "mean": detector.mean,
        "scale": detector.scale,
        "low": detector.low,
        "high": detector.high,
        "spread": detector.spread,
        "axes": detector.axes.T,
    }
    if isinstance(predictor, CVPlusRegressor):
        pairs = [(one.value.coefficients, one.error.coefficients) for one in predictor.members]
        tensors |= {"members": np.concatenate(pairs, axis=None), "scores": np.concatenate(predictor.scores)}
    return tensors


def _pack(tensors: Tensors, integers: Literal["int16", "int24"]) -> dict[str, Any]:
    """A section: type, shape and first byte of each tensor, and all bytes in base64.

    Args:
        integers: Type of those with two dimensions or more; the others are float32.
    """
    specs: dict[str, dict[str, Any]] = {}
    data = bytearray()
    for name, tensor in tensors.items():
        dtype = integers if tensor.ndim > 1 else "float32"
        specs[name] = {"dtype": dtype, "shape": tensor.shape, "offset": len(data)}
        data += np.ascontiguousarray(tensor, "<f4").tobytes() if dtype == "float32" else _quantized(tensor, dtype)
    return {"tensors": specs, "data": base64.b64encode(data).decode("ascii")}


def _quantized(tensor: Array, dtype: Literal["int16", "int24"]) -> bytes:
    """One scale per row in float32, then all integers."""
    width = {"int16": 2, "int24": 3}[dtype]
    rows = tensor.reshape(len(tensor), -1).astype(np.float64)
    largest = np.abs(rows).max(axis=1, initial=0.0)
    steps = np.where(largest > 0, largest, 1.0) / (2 ** (8 * width - 1) - 1)
    steps = np.nextafter(steps.astype("<f4"), np.float32(np.inf))  # no value exceeds the largest integer
    whole = np.rint(rows / steps[:, None]).astype("<i4")
    return bytes(steps.tobytes() + whole.reshape(-1, 1).view(np.uint8)[:, :width].tobytes())
