import json
import sys
from pathlib import Path

import pytest

from isoclr.errors import MissingExtraError
from isoclr.training.logging import Log, ProgressDisplay, read

FIGURES = {"loss": 1.25, "retrieval": 0.5, "pairs": 36.0}


def show(display: ProgressDisplay) -> None:
    with display:
        display.step(3, 10, loss=2.5, learning_rate=0.01, nt_per_second=52_000)
        display.validation(3, FIGURES)


def test_what_the_person_sees_is_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    show(ProgressDisplay(True))
    out, err = capfd.readouterr()
    assert out == ""
    for shown in ("3/10", "loss 2.500", "lr 1.0e-02", "52 knt/s", "retrieval 50.0% among 36 pairs"):
        assert shown in err


def test_other_ranks_show_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    show(ProgressDisplay(False))
    assert capfd.readouterr() == ("", "")


def test_records_are_on_the_disk_at_once(tmp_path: Path) -> None:
    with Log(tmp_path / "log.jsonl") as log:
        log.write({"step": 1, "loss": 2.5})
        assert json.loads((tmp_path / "log.jsonl").read_text()) == {"step": 1, "loss": 2.5}


def test_resuming_forgets_steps_after_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with Log(path) as log:
        for step in range(1, 6):
            log.write({"step": step})
    with path.open("a") as stream:
        stream.write('{"step": 2, "lo')  # cut short by a killed process
    with Log(path, step=3) as log:
        log.write({"step": 4, "loss": 1.0})
    assert read(path) == [{"step": 1}, {"step": 2}, {"step": 3}, {"step": 4, "loss": 1.0}]


def test_a_new_run_starts_a_new_log(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"step": 1}\n')
    with Log(tmp_path / "log.jsonl"):
        pass
    assert read(tmp_path / "log.jsonl") == []


def test_no_log_no_records(tmp_path: Path) -> None:
    assert read(tmp_path / "none.jsonl") == []


def test_missing_tensorboard_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtraError, match=r"isoclr\[tensorboard\]"):
        Log(tmp_path / "log.jsonl", tensorboard=tmp_path / "events")
    assert not (tmp_path / "log.jsonl").exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # tensorboard's own imports
def test_tensorboard_events_are_written_beside(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    with Log(tmp_path / "log.jsonl", tensorboard=tmp_path / "events") as log:
        log.write({"step": 1, "loss": 2.5})
    assert list((tmp_path / "events").glob("events*"))
