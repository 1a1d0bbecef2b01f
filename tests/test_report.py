"""What results print."""

from collections.abc import Iterable

from isoclr._report import Report, Table, count_lines


def test_count_lines() -> None:
    assert list(count_lines({"genes": 12_345, "without a label": 3}, of="half-life: ")) == [
        "   12,345  half-life: genes",
        "        3  half-life: without a label",
    ]


class Listed(Report):
    def __init__(self, tables: list[Table]) -> None:
        self.listed = tables

    def tables(self) -> Iterable[Table]:  # type: ignore[override]
        return self.listed


def test_result_without_a_table_has_a_name() -> None:
    assert repr(Listed([])) == "Listed"
    assert repr(Listed([Table("counts", ["n"], [[1234]])])).splitlines() == ["Listed: counts", "  n", "  1,234"]
