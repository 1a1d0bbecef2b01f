import json
import sys
from pathlib import Path

import pytest

from isoclr.errors import MissingExtraError
from isoclr.training.logging import Log, ProgressDisplay, read_log


def show(display: ProgressDisplay) -> None:
    with display:
        display.start("training", 10)
        display.update(3, "loss 2.500")
        display.message("validation loss 1.25")


def test_display_is_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    show(ProgressDisplay(True))
    out, err = capfd.readouterr()
    assert out == ""
    for shown in ("training", "3/10", "loss 2.500", "validation loss 1.25"):
        assert shown in err


def test_hidden_display(capfd: pytest.CaptureFixture[str]) -> None:
    show(ProgressDisplay(False))
    assert capfd.readouterr() == ("", "")


def test_records_are_written_at_once(tmp_path: Path) -> None:
    with Log(tmp_path / "log.jsonl") as log:
        log.write({"step": 1, "loss": 2.5})
        assert json.loads((tmp_path / "log.jsonl").read_text()) == {"step": 1, "loss": 2.5}


def test_lost_records_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with Log(path) as log:
        for step in range(1, 6):
            log.write({"step": step})
    with path.open("a") as stream:
        stream.write('{"step": 2, "lo')  # cut short by a killed process
    with Log(path, keep=lambda record: record["step"] <= 3) as log:
        log.write({"step": 4, "loss": 1.0})
    assert read_log(path) == [{"step": 1}, {"step": 2}, {"step": 3}, {"step": 4, "loss": 1.0}]


def test_no_record_kept(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"step": 1}\n')
    with Log(tmp_path / "log.jsonl", keep=lambda _: False):
        pass
    assert read_log(tmp_path / "log.jsonl") == []


def test_missing_log(tmp_path: Path) -> None:
    assert read_log(tmp_path / "none.jsonl") == []


def test_missing_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtraError, match=r"isoclr\[tensorboard\]"):
        Log(tmp_path / "log.jsonl", tensorboard=tmp_path / "events")
    assert not (tmp_path / "log.jsonl").exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # tensorboard's own imports
def test_tensorboard_events(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    with Log(tmp_path / "log.jsonl", tensorboard=tmp_path / "events") as log:
        log.write({"step": 1, "loss": 2.5})
    assert list((tmp_path / "events").glob("events*"))
