"""Shared by the tests of the encoder."""

import pytest

import isoclr

Files = dict[str, bytes]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Files]:
    """The files of two models that differ in their weights."""
    folders = [isoclr.create("isoclr-s", seed=seed).save(tmp_path_factory.mktemp("model")) for seed in range(2)]
    return [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
