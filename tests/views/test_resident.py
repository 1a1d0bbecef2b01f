from pathlib import Path

import numpy as np
import pytest
import torch

from isoclr.errors import InputError
from isoclr.views import Isoforms, Resident


class MappedCorpus:
    """A corpus whose codes are a read-only memory map, as a real one's are."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(range(24)))
        self.codes = np.memmap(path, np.uint8, mode="r")
        self.index = np.zeros(2, [("offset", "i8"), ("length", "i4")])
        self.index["offset"], self.index["length"] = [0, 10], [10, 14]
        self.members = np.arange(2), np.arange(3)


@pytest.fixture
def corpus(tmp_path: Path) -> Isoforms:
    return MappedCorpus(tmp_path / "codes.bin")


def test_on_a_cpu_the_memory_map_itself_is_used_without_a_warning(corpus: Isoforms) -> None:
    resident = Resident(corpus)
    assert resident.codes.data_ptr() == corpus.codes.__array_interface__["data"][0]
    assert resident.codes.tolist() == list(range(24))


def test_the_host_knows_where_transcripts_lie(corpus: Isoforms) -> None:
    resident = Resident(corpus)
    assert resident.offsets.tolist() == [0, 10]
    assert resident.lengths.tolist() == [10, 14]
    assert resident.offsets.dtype == resident.lengths.dtype == np.dtype(np.int64)


def test_a_corpus_too_large_for_the_device_is_one_line(
    corpus: Isoforms, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate")

    monkeypatch.setattr(torch.Tensor, "to", full)
    with pytest.raises(InputError, match=r"24 bytes, more than cuda has free; --corpus-on cpu"):
        Resident(corpus, "cuda")
