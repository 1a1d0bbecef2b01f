import pytest

from isoclr.pretraining.display import Display

FIGURES = {"loss": 1.25, "retrieval": 0.5, "pairs": 36.0}


def show(display: Display) -> None:
    with display:
        display.step(3, 10, loss=2.5, learning_rate=0.01, nt_per_second=52_000)
        display.validation(3, FIGURES)


def test_what_the_person_sees_is_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    show(Display(True))
    out, err = capfd.readouterr()
    assert out == ""
    for shown in ("3/10", "loss 2.500", "lr 1.0e-02", "52 knt/s", "retrieval 50.0% among 36 pairs"):
        assert shown in err


def test_other_ranks_show_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    show(Display(False))
    assert capfd.readouterr() == ("", "")
