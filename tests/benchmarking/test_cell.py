from isoclr.benchmarking.cell import Cell, Outcome, name_of


def test_a_name_depends_on_every_input_and_on_nothing_else() -> None:
    first = name_of("main", {"a": 1, "b": [1, 2]})
    assert name_of("main", {"b": [1, 2], "a": 1}) == first
    others = [
        name_of("low_data", {"a": 1, "b": [1, 2]}),
        name_of("main", {"a": 2, "b": [1, 2]}),
        name_of("main", {"a": 1, "b": [2, 1]}),
        name_of("main", {"a": 1}),
    ]
    assert len({first, *others}) == 5


def test_the_title_is_no_input() -> None:
    cells = [Cell("main", title, {"a": 1}, lambda: Outcome([])) for title in "xy"]
    assert cells[0].key == cells[1].key
