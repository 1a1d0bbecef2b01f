import json
from pathlib import Path
from typing import Any

import pytest

from isoclr.baselines.language_models.settings import Settings, read_settings
from isoclr.errors import InputError


def settings(**values: Any) -> Settings:
    return Settings(Path("m/config.json"), values)


def test_a_config_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"hidden_size": 12, "eps": 1e-5, "gated": True, "act": "gelu"}))
    read = read_settings(path)
    assert read.size("hidden_size") == 12
    assert read.size("missing", 7) == 7
    assert read.number("eps", 1.0) == 1e-5
    assert read.number("missing", 2.0) == 2.0
    assert read.flag("gated", False) is True
    read.must_be("act", "gelu")
    read.must_be("missing", "anything")


@pytest.mark.parametrize("value", [0, -1, 1.5, "12", True, 10**9, None])
def test_sizes_that_no_network_has_are_refused(value: Any) -> None:
    with pytest.raises(InputError, match=r"m/config\.json: d is .*, expected a whole number"):
        settings(d=value).size("d")


def test_other_wrong_values_are_named() -> None:
    with pytest.raises(InputError, match="eps is 0, expected a number above 0"):
        settings(eps=0).number("eps", 1.0)
    with pytest.raises(InputError, match="gated is 'yes', expected true or false"):
        settings(gated="yes").flag("gated", True)
    with pytest.raises(InputError, match="act is 'relu', expected 'gelu'"):
        settings(act="relu").must_be("act", "gelu")
    with pytest.raises(InputError, match="hidden_size is 'missing', expected a whole number"):
        settings().size("hidden_size")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "not found; expected a model's config"),
        ("{", r"not a model's config \("),
        ("[1]", "no JSON object"),
    ],
)
def test_no_config_is_one_line(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "config.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_settings(path)
    assert "\n" not in str(caught.value)
