"""What every test may use: the real data set, when it is at hand."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real transcripts, genomes and labels; the test is skipped when it is absent."""
    folder = Path(os.environ.get("ISOCLR_DATA", ROOT / "../shared/data")).resolve()
    if not (folder / "transcripts").is_dir():
        pytest.skip(f"no real data at {folder}; set ISOCLR_DATA")
    return folder
