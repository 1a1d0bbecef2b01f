import pytest

from isoclr.embedding.bar import _Speed, nucleotides_bar


def test_it_counts_nucleotides_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    with nucleotides_bar() as bar:
        task = bar.add_task("embedding", total=2_000_000)
        bar.advance(task, 2_000_000)
        speed = next(column for column in bar.columns if isinstance(column, _Speed))
        bar.tasks[0].start_time = bar.get_time() - 4
        bar.tasks[0].stop_time = bar.tasks[0].start_time + 4
        assert str(speed(bar.tasks[0])) == "0.50 Mnt/s"
        bar.tasks[0].stop_time += 96
        assert str(speed(bar.tasks[0])) == "20.0 knt/s"
