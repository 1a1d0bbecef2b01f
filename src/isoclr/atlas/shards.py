"""Shards: data files that a page opened from disk can load.

A page at a ``file://`` address cannot fetch files, but it can add script elements. A shard is therefore a script with
one call, ``isoclrShard("NAME", "BASE64")``. The text holds a gzip stream of

- the length of the header (uint32, little endian),
- the header: JSON with the shard's values and, under ``arrays``, the dtype, start and length of every array,
- the arrays, each at a multiple of eight bytes from the end of the header.

Only letters of base64 reach the script, so no name in the data can end a string or an element.
"""

import base64
import gzip
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

LEVEL = 6
DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "float32")  # Types of arrays that the page reads


def write_shard(
    folder: Path, name: str, values: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None
) -> int:
    """Write ``NAME.js`` and return its size in bytes; the same content gives the same bytes.

    Args:
        name: Letters, digits and hyphens.
        values: What JSON can hold; NaN becomes null.
        arrays: Arrays of the types in :data:`DTYPES`.
    """
    packed = gzip.compress(pack(values, arrays or {}), LEVEL, mtime=0)
    text = f'isoclrShard("{name}","{base64.b64encode(packed).decode()}");\n'
    (folder / f"{name}.js").write_text(text, encoding="ascii")
    return len(text)


def pack(values: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The bytes of a shard before compression."""
    entries, parts, start = {}, [], 0
    for key, array in arrays.items():
        if array.dtype.name not in DTYPES:
            raise TypeError(f"{key}: arrays of {array.dtype} are not supported")
        data = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))).tobytes()
        entries[key] = (array.dtype.name, start, array.size)
        padding = -len(data) % 8
        parts.append(data + bytes(padding))
        start += len(data) + padding
    header = msgspec.json.encode({**values, "arrays": entries})
    header += b" " * (-(len(header) + 4) % 8)
    return b"".join([struct.pack("<I", len(header)), header, *parts])
