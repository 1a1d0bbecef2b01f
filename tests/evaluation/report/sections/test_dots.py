import polars as pl

from isoclr.evaluation.report.charts import Dot
from isoclr.evaluation.report.sections.dots import method_dots

ROWS = pl.DataFrame(
    {
        "method": ["ours", "k-mers", "nothing"],
        "name": ["ours (ridge)", "k-mers (ridge)", "nothing"],
        "value": [0.5, 0.25, None],
        "low": [0.4, None, None],
        "high": [0.6, None, None],
    }
)


def test_a_dot_a_value_and_ours_are_marked() -> None:
    assert method_dots(ROWS, {"ours": {}}) == [
        Dot("ours", 0.5, 0.4, 0.6, "ours"),
        Dot("k-mers", 0.25, None, None, "other"),
    ]
    named = method_dots(ROWS, ["k-mers"], "name")
    assert [(dot.name, dot.kind) for dot in named] == [
        ("ours (ridge)", "other"),
        ("k-mers (ridge)", "ours"),
    ]
