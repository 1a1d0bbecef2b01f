from collections.abc import Callable
from pathlib import Path

import pytest

from isoclr.errors import InputError
from isoclr.evaluation.section import Section


def section(**values: object) -> Section:
    return Section(Path("plan.toml"), "[main]", values)


def test_every_complaint_names_the_file_the_table_and_the_key() -> None:
    with pytest.raises(
        InputError, match=r"plan\.toml: \[main\]: seeds is 0, expected a whole number of 1 or more"
    ):
        section(seeds=0).whole("seeds")


@pytest.mark.parametrize(
    ("values", "read", "message"),
    [
        ({}, lambda s: s.text("name"), "name is missing, expected a text"),
        ({"name": 3}, lambda s: s.text("name"), "name is 3, expected a text"),
        ({"n": True}, lambda s: s.whole("n"), "n is True, expected a whole number"),
        ({"m": "a"}, lambda s: s.texts("m"), "m is 'a', expected a list of texts"),
        ({"m": ["a", "a"]}, lambda s: s.texts("m"), "expected every one once"),
        ({"m": ["c"]}, lambda s: s.choices("m", ("a", "b")), "m is 'c', expected of a, b"),
        ({"m": "c"}, lambda s: s.choice("m", ("a", "b")), "m is 'c', expected a or b"),
        ({"s": [0]}, lambda s: s.shares("s", ()), "expected a list of percentages"),
        ({"s": [101]}, lambda s: s.shares("s", ()), "expected a list of percentages"),
        ({"s": []}, lambda s: s.shares("s", ()), "expected a list of percentages"),
        ({"o": {"x": 1}}, lambda s: s.options("o", ("y",)), r"o\.x is 1, expected one of y"),
        ({"p": "nowhere"}, lambda s: s.path("p"), "p is 'nowhere', expected an existing file"),
        ({"p": ["nowhere"]}, lambda s: s.paths("p"), "p is 'nowhere', expected an existing file"),
        ({"t": 1}, lambda s: s.tables("t"), r"t is 1, expected tables \[\[t\]\]"),
        ({"odd": 1}, lambda s: s.end(("even",)), "odd is 1, expected one of even"),
    ],
)
def test_what_is_not_expected_is_refused(
    values: dict[str, object], read: Callable[[Section], object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(section(**values))


def test_variables_are_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE", "there")
    assert section(path="${WHERE}/x").text("path") == "there/x"
    with pytest.raises(InputError, match="expected NOWHERE_TO_BE_SEEN to be set"):
        section(path="${NOWHERE_TO_BE_SEEN}/x").text("path")


def test_what_is_taken_is_gone_and_the_rest_can_be_had() -> None:
    one = section(name="a", mask=0.3)
    assert one.text("name") == "a"
    assert one.rest(("mask", "tracks")) == {"mask": 0.3}
    one.end()
