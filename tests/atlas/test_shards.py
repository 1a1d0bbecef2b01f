"""Shards: what is written is what the page reads, and names cannot leave the string."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.atlas.conftest import read_shard

from isoclr.atlas.shards import write_shard


def test_values_and_arrays_come_back(tmp_path: Path) -> None:
    values = {"names": ["</script>", 'a"b', "é\n\u2028"], "number": float("nan")}
    arrays: dict[str, NDArray[Any]] = {
        "a": np.arange(5, dtype=np.uint16),
        "b": np.array([-1.5, 2], np.float32),
        "empty": np.empty(0, np.int8),
    }
    size = write_shard(tmp_path, "x", values, arrays)
    path = tmp_path / "x.js"
    assert size == path.stat().st_size
    again, back = read_shard(path)
    assert again == {**values, "number": None}
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].dtype == array.dtype


def test_only_base64_reaches_the_script(tmp_path: Path) -> None:
    write_shard(tmp_path, "genes-1", {"x": '");alert(1);("</script>'})
    text = (tmp_path / "genes-1.js").read_text()
    assert re.fullmatch(r'isoclrShard\("genes-1","[A-Za-z0-9+/=]+"\);\n', text)


def test_same_content_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_shard(tmp_path / name, "s", {"a": [1, 2]}, {"b": np.ones(3, np.uint8)})
    assert (tmp_path / "one/s.js").read_bytes() == (tmp_path / "two/s.js").read_bytes()


def test_other_types_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="float64"):
        write_shard(tmp_path, "s", {}, {"a": np.zeros(2)})
