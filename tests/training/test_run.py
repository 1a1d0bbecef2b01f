import signal
from pathlib import Path

import pytest

from isoclr.errors import InputError
from isoclr.training.run import check_run_directory, exit_code, require_same_options

MARKERS = ("checkpoint", "log.jsonl")


def test_new_directory(tmp_path: Path) -> None:
    for resume in (False, True):
        check_run_directory(tmp_path / "run", resume=resume, markers=MARKERS)
        check_run_directory(tmp_path, resume=resume, markers=MARKERS)
    (tmp_path / ".half-written").write_text("")
    check_run_directory(tmp_path, resume=False, markers=MARKERS)


def test_run_needs_resume(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("")
    check_run_directory(tmp_path, resume=True, markers=MARKERS)
    with pytest.raises(InputError, match="--resume"):
        check_run_directory(tmp_path, resume=False, markers=MARKERS)


def test_foreign_directory(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for out in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(InputError, match="no run to resume, expected one with checkpoint or"):
            check_run_directory(out, resume=True, markers=MARKERS)


def test_other_options_are_named() -> None:
    saved = {"mask": 0.1, "seed": 0, "init": None}
    require_same_options(saved, dict(saved), Path("c"))
    with pytest.raises(InputError, match=r"c: .*--mask 0.1 \(given: 0.2\), --init none \(given: a\)"):
        require_same_options(saved, {**saved, "mask": 0.2, "init": "a"}, Path("c"))
    with pytest.raises(InputError, match=r"--batch-size none \(given: 8\)"):
        require_same_options(saved, {**saved, "batch_size": 8}, Path("c"))
    with pytest.raises(InputError, match=r"--mask 0.1 \(given: none\)"):
        require_same_options(saved, {"seed": 0}, Path("c"))


def test_exit_code() -> None:
    assert (exit_code(0), exit_code(signal.SIGTERM), exit_code(signal.SIGINT)) == (0, 143, 130)
