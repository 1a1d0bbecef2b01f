from pathlib import Path
from typing import Any

import pytest

from isoclr.errors import InputError
from isoclr.tasks.fields import Fields


def fields(**values: Any) -> Fields:
    return Fields(Path("t.toml"), values)


def test_what_is_there_is_given_and_what_is_not_has_a_default() -> None:
    given = fields(a="x", n=4, t={"b": "y"})
    assert given.text("a") == "x"
    assert given.text("z", default=None) is None
    assert (given.number("n", default=1), given.number("m", default=7)) == (4, 7)
    assert given.choice("a", ("x", "y"), default="y") == "x"
    assert given.table("t").text("b") == "y"
    assert given.table("u", default=None) is None
    given.refuse_others()


def test_the_first_file_that_exists_is_meant(tmp_path: Path) -> None:
    (tmp_path / "second").touch()
    assert fields(f=["first", "second"]).file("f", tmp_path) == tmp_path / "second"
    assert fields(f=["first", "third"]).file("f", tmp_path) == tmp_path / "first"
    assert fields(f="only").file("f", tmp_path) == tmp_path / "only"


@pytest.mark.parametrize(
    ("values", "ask", "message"),
    [
        ({}, lambda f: f.text("a"), "t.toml: no field 'a', expected text"),
        ({"a": 3}, lambda f: f.text("a"), "t.toml: a is 3, expected text"),
        ({"a": 0}, lambda f: f.number("a", default=1), "a is 0, expected a whole number, 1 or"),
        ({"a": True}, lambda f: f.number("a", default=1), "a is True, expected a whole number"),
        ({"a": "z"}, lambda f: f.choice("a", ("x", "y"), "x"), "a is 'z', expected one of x, y"),
        ({"a": []}, lambda f: f.file("a", Path()), "a is .., expected a path, or several"),
        ({"a": ["b", 3]}, lambda f: f.file("a", Path()), "expected a path, or several"),
        ({"a": "b"}, lambda f: f.table("a"), "a is 'b', expected a table"),
        ({"t": {"b": 1}}, lambda f: f.table("t").text("b"), "t.b is 1, expected text"),
        ({"t": {"b": 1}}, lambda f: f.table("t").refuse_others(), "unknown field 't.b'"),
    ],
)
def test_a_wrong_field_is_named(values: dict[str, Any], ask: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ask(fields(**values))


def test_a_slip_of_the_pen_is_refused() -> None:
    given = fields(name="x", speices="human")
    given.text("name")
    with pytest.raises(InputError, match="unknown field 'speices', expected name"):
        given.refuse_others()
