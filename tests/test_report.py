"""What results print."""

from isoclr._report import count_lines


def test_count_lines() -> None:
    assert list(count_lines({"genes": 12_345, "without a label": 3}, of="half-life: ")) == [
        "   12,345  half-life: genes",
        "        3  half-life: without a label",
    ]
