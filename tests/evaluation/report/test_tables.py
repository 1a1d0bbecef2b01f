from isoclr.evaluation.report.tables import number, table, with_interval


def test_a_table_has_a_caption_and_heads_of_columns_rows_and_groups() -> None:
    made = table("What", ["Method", "R"], [["ours", "0.5"]], groups=[("Published", [["x", "0.6"]])])
    assert "<caption>What</caption>" in made
    assert '<th scope="col" class="words">Method</th><th scope="col">R</th>' in made
    assert '<th scope="row">ours</th><td>0.5</td>' in made
    assert '<th colspan="2" scope="rowgroup">Published</th>' in made
    assert "Download" not in made


def test_numbers_have_a_real_minus_and_none_is_a_dash() -> None:
    assert number(-0.5) == "−0.500"
    assert number(None) == "–"
    assert with_interval(-0.1, -0.2, 0.05) == "−0.100 [−0.200, 0.050]"
    assert with_interval(None, None, None) == "–"
