"""The ``export`` command: an encoder → an ONNX file, to embed RNAs without Python or PyTorch.

The graph reads padded batches of byte codes (:mod:`isoclr.genomics.encoding`) and returns embeddings. It is built
operator by operator, so it holds the standard operators of ONNX only. Positions beyond an RNA's length are masked
after every layer: what stands there does not change an embedding.

==============  ===============  ======================================================
input, output   type and shape   meaning
==============  ===============  ======================================================
``codes``       uint8 (B, L)     byte codes; anything beyond an RNA's length
``lengths``     int64 (B)        nt of each RNA, at least 1 and at most L
``embedding``   float32 (B, D)   as ``isoclr embed`` computes it, within 1e-5
==============  ===============  ======================================================
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from isoclr._console import info
from isoclr._io import atomic_path, check_file
from isoclr.errors import InputError, import_optional
from isoclr.genomics.encoding import NUCLEOTIDE_BITS, NUM_CODES, PAD
from isoclr.models.encoder import Encoder
from isoclr.models.layers import Convolution
from isoclr.models.load import load
from isoclr.models.norm import BatchNorm
from isoclr.models.packing import STRIDE
from isoclr.models.pooling import EPSILON
from isoclr.models.resnet import Block

OPSET, IR_VERSION = 17, 8
"""Versions of the operators and of the file format: those of ONNX 1.12 (2022), which every runtime reads."""


def export(model: Path | str = "isoclr-s", *, onnx: Path, revision: str | None = None, overwrite: bool = False) -> Path:
    """An encoder → an ONNX file, for other languages and runtimes.

    The file reads a padded batch of RNAs as byte codes, with their lengths, and returns their embeddings.
    docs/file-formats.md describes the codes.

    Args:
        model: Directory of a trained model, name of a built-in one, or user/name@revision of one on the hub.
        onnx: Output file (.onnx).
        revision: Commit, tag or branch of a model on the hub.
        overwrite: Replace an existing file.

    Returns:
        The output's path.

    Raises:
        InputError: no such model, a name that does not end in .onnx, or the file exists and may not be replaced.
        MissingExtraError: the package onnx is not installed.
    """
    path = Path(onnx)
    if path.suffix != ".onnx":
        raise InputError(f"{path}: unknown format, expected a name that ends in .onnx")
    check_file(path, overwrite=overwrite)
    encoder = load(model, revision=revision)
    content = to_onnx(encoder)
    with atomic_path(path, overwrite=overwrite) as partial:
        partial.write_bytes(content)
    info(f"{path}: {encoder.name}, embeddings of {encoder.dim}, {len(content) / 1e6:.1f} MB")
    return path


def to_onnx(model: Encoder) -> bytes:
    """An encoder as the content of an ONNX file.

    Raises:
        MissingExtraError: the package onnx is not installed.
    """
    onnx = import_optional("onnx", "onnx", "export to ONNX")
    graph = _Graph()
    output = _embedding(graph, model)
    graph.nodes.append(onnx.helper.make_node("Identity", [output], ["embedding"]))
    proto = onnx.helper.make_graph(
        graph.nodes,
        model.name,
        [
            onnx.helper.make_tensor_value_info("codes", onnx.TensorProto.UINT8, ["B", "L"]),
            onnx.helper.make_tensor_value_info("lengths", onnx.TensorProto.INT64, ["B"]),
        ],
        [onnx.helper.make_tensor_value_info("embedding", onnx.TensorProto.FLOAT, ["B", model.dim])],
        graph.constants,
    )
    whole = onnx.helper.make_model(
        proto, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="isoclr"
    )
    onnx.helper.set_model_props(whole, {"model": model.name, "sha256": model.sha256})
    onnx.checker.check_model(whole)
    return bytes(whole.SerializeToString())


class _Graph:
    """Nodes and constants of a graph under construction; values are named by number."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        """The name of a constant."""
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        array = np.ascontiguousarray(np.asarray(value, dtype))
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def ints(self, *values: int) -> str:
        """The name of a constant vector of int64."""
        return self.constant(values, np.int64)

    def __call__(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """The name of an operator's result."""
        from onnx import helper

        name = f"x{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name


@torch.no_grad()
def _embedding(graph: _Graph, model: Encoder) -> str:
    """The embeddings ``(B, D)``."""
    architecture = model.network.architecture
    readout = architecture.readout
    codes = _padded_codes(graph)
    x = _stem(graph, model, codes)  # (B, c, l)
    positions = _halved(graph, "lengths")
    mask = _mask(graph, x, positions)
    columns = []
    for i, block in enumerate(model.network.blocks):
        assert isinstance(block, Block)
        x = _block(graph, block, x, mask)
        if block.pools:
            x = graph("MaxPool", x, kernel_shape=[2], strides=[2])
            positions = _halved(graph, positions)
            mask = _mask(graph, x, positions)
        if architecture.reads(i):
            columns += _pooled(graph, x, mask, positions, readout.statistics, readout.transform)
    return graph("Concat", *columns, axis=1)


def _padded_codes(graph: _Graph) -> str:
    """Codes as int64, ``PAD`` beyond the lengths, and their number rounded up to a multiple of the stride."""
    codes = graph("Cast", "codes", to=7)  # int64
    size = graph("Gather", graph("Shape", codes), graph.ints(1))
    place = _range(graph, size)
    inside = graph("Less", place, graph("Unsqueeze", "lengths", graph.ints(1)))
    pad = graph.constant(PAD, np.int64)
    codes = graph("Where", inside, codes, pad)
    stride = graph.ints(STRIDE)
    missing = graph("Mod", graph("Sub", stride, graph("Mod", size, stride)), stride)
    ends = graph("Concat", graph.ints(0, 0, 0), missing, axis=0)
    return graph("Pad", codes, ends, pad)


def _range(graph: _Graph, size: str) -> str:
    """Numbers from 0 up to a size ``(1,)``."""
    zero, one = (graph.constant(value, np.int64) for value in (0, 1))
    return graph("Range", zero, graph("Squeeze", size, graph.ints(0)), one)


def _halved(graph: _Graph, lengths: str) -> str:
    return graph("Div", graph("Add", lengths, graph.ints(1)), graph.ints(2))


def _mask(graph: _Graph, x: str, lengths: str) -> str:
    """1 within the RNAs, 0 elsewhere, ``(B, 1, l)``."""
    place = _range(graph, graph("Gather", graph("Shape", x), graph.ints(2)))
    inside = graph("Less", place, graph("Unsqueeze", lengths, graph.ints(1, 2)))
    return graph("Cast", inside, to=1)


def _stem(graph: _Graph, model: Encoder, codes: str) -> str:
    """Convolution of width two with its batch norm, as two look-ups; ReLU and max-pooling."""
    stem = model.network.stem
    scale, shift = stem.norm.affine()
    weight = stem.weight * scale[:, None, None]
    first, second = ((stem.tracks @ weight[:, :, i].T).cpu().numpy() for i in range(2))
    first = first + (stem.bias * scale + shift).cpu().numpy()
    real = (np.arange(NUM_CODES) & NUCLEOTIDE_BITS) != PAD
    following = graph("Slice", codes, graph.ints(1), graph.ints(np.iinfo(np.int64).max), graph.ints(1))
    pad = graph.constant(PAD, np.int64)
    following = graph("Pad", following, graph.ints(0, 0, 0, 1), pad)
    pairs = graph(
        "Add", graph("Gather", graph.constant(first), codes), graph("Gather", graph.constant(second), following)
    )
    is_real = graph("Gather", graph.constant(real[:, None]), codes)  # (B, L, 1)
    pairs = graph("Mul", graph("Relu", pairs), is_real)
    return graph("MaxPool", graph("Transpose", pairs, perm=[0, 2, 1]), kernel_shape=[2], strides=[2])


def _block(graph: _Graph, block: Block, x: str, mask: str) -> str:
    h = _affine(graph, block.norm1, _convolution(graph, block.conv1, x))
    h = graph("Mul", graph("Relu", h), mask)
    y = _affine(graph, block.norm2, _convolution(graph, block.conv2, h))
    if block.shortcut is not None and block.shortcut_norm is not None:
        x = _affine(graph, block.shortcut_norm, _convolution(graph, block.shortcut, x))
    return graph("Mul", graph("Relu", graph("Add", y, x)), mask)


def _convolution(graph: _Graph, conv: Convolution, x: str) -> str:
    """'Same' padding, the odd one at the 3' end."""
    weight, bias = conv.weight.cpu().numpy(), conv.bias.cpu().numpy()
    total = (weight.shape[2] - 1) * conv.dilation
    y = graph(
        "Conv",
        x,
        graph.constant(weight),
        graph.constant(bias),
        dilations=[conv.dilation],
        pads=[total // 2, total - total // 2],
    )
    return graph("Relu", y) if conv.relu else y


def _affine(graph: _Graph, norm: BatchNorm, x: str) -> str:
    scale, shift = (values.cpu().numpy()[:, None] for values in norm.affine())
    return graph("Add", graph("Mul", x, graph.constant(scale)), graph.constant(shift))


def _pooled(graph: _Graph, x: str, mask: str, positions: str, statistics: str, transform: str) -> list[str]:
    """A block's columns of the embeddings (:mod:`isoclr.models.pooling`)."""
    count = graph("Cast", graph("Unsqueeze", positions, graph.ints(1)), to=1)

    def mean_of(values: str) -> str:
        return graph("Div", graph("ReduceSum", values, graph.ints(2), keepdims=0), count)

    def root(values: str, added: float) -> str:
        return graph("Sqrt", graph("Add", values, graph.constant(added)))

    takes_root = transform == "sqrt"
    mean = mean_of(x)
    columns = [root(mean, EPSILON) if takes_root else mean]
    if statistics == "mean+std":
        centered = graph("Sub", x, graph("Unsqueeze", mean, graph.ints(2)))
        centered = graph("Mul", centered, mask)
        std = root(mean_of(graph("Mul", centered, centered)), EPSILON**2)
        columns.append(graph("Sqrt", std) if takes_root else std)
    return columns
