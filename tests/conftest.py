"""What every test may use: the real data set, when it is at hand."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

# One thread a process: the suite itself runs on all cores, and waiting threads would only get in each other's way.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ.setdefault(variable, "1")

# Shapes and types in signatures are checked in tests, and nowhere else.
install_import_hook(["isoclr.losses", "isoclr.models"], "beartype.beartype")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real transcripts, genomes and labels; the test is skipped when it is absent."""
    folder = Path(os.environ.get("ISOCLR_DATA", ROOT / "../shared/data")).resolve()
    if not (folder / "transcripts").is_dir():
        pytest.skip(f"no real data at {folder}; set ISOCLR_DATA")
    return folder
