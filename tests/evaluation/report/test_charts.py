from isoclr.evaluation.report.charts import Curve, Curves, Dot, Dots, Points


def test_dots_keep_their_order_from_top_to_bottom_and_their_intervals() -> None:
    chart = Dots(
        "t", "R", [Dot("a", 0.5, 0.4, 0.7, "ours"), Dot("b", 0.3, None, None, "published")]
    )
    spec = chart.plotly()
    assert spec["layout"]["yaxis"]["categoryarray"] == ["b", "a"]  # plotly counts from the bottom
    ours, published = spec["data"]
    assert ours["x"] == [0.5]
    assert round(ours["error_x"]["array"][0], 6) == 0.2
    assert round(ours["error_x"]["arrayminus"][0], 6) == 0.1
    assert published["error_x"]["array"] == [0.0]
    assert ours["marker"]["symbol"] != published["marker"]["symbol"]


def test_curves_differ_in_colour_dash_and_symbol() -> None:
    curves = [Curve(str(n), [1, 10], [0.1, 0.2], [None, 0.1], [None, 0.3]) for n in range(6)]
    traces = Curves("t", "x", "y", curves).plotly()["data"]
    for look in (
        [trace["line"]["color"] for trace in traces],
        [trace["line"]["dash"] for trace in traces],
        [trace["marker"]["symbol"] for trace in traces],
    ):
        assert len(set(look)) == 6
    assert traces[0]["error_y"]["array"] == [0.0, 0.3 - 0.2]


def test_the_vertical_axis_is_not_stretched_by_a_wide_interval() -> None:
    chart = Curves("t", "x", "y", [Curve("a", [1, 10], [0.2, 0.4], [-3.0, 0.3], [3.0, 0.5])])
    low, high = chart.reach
    assert -0.2 < low < 0.0
    assert 0.4 < high < 0.6


def test_points_tell_gene_and_transcript() -> None:
    spec = Points("t", "x", "y", [0.12345, 1], [1, 2], ["G1", "G2"], ["T1", "T2"]).plotly()
    (trace,) = spec["data"]
    assert trace["text"] == ["G1", "G2"]
    assert trace["customdata"] == ["T1", "T2"]
    assert trace["x"][0] == 0.123
    assert spec["layout"]["shapes"][0]["x1"] == 2
