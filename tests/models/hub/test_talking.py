"""The client made quiet, and its errors in one line."""

import errno
import warnings
from logging import CRITICAL
from typing import Any

import pytest
from huggingface_hub import HfApi, constants, try_to_load_from_cache
from huggingface_hub.utils import logging
from huggingface_hub.utils.tqdm import are_progress_bars_disabled

from isoclr.errors import InputError
from isoclr.models.hub.talking import connect, conversation


@pytest.mark.parametrize(
    "endpoint",
    ["", "hub.org", "ftp://hub.org", "http://", "http://[::1", "http://a:b", "http://h:0"],
)
def test_an_endpoint_is_an_address(endpoint: str) -> None:
    with pytest.raises(InputError, match="expected an address such as https://host"):
        connect(endpoint)


def test_the_environment_names_the_endpoint_where_nobody_else_does(hub: Any) -> None:
    assert connect().endpoint == hub.url
    assert connect("https://elsewhere.org/").endpoint == "https://elsewhere.org"


def test_an_error_of_our_own_is_not_the_hubs() -> None:
    for error in (ValueError("ours"), OSError(errno.ENOSPC, "disk full"), InputError("said")):
        with pytest.raises(type(error)) as raised, conversation("lab/m", "http://hub"):
            raise error
        assert raised.value is error


def test_a_full_disk_is_not_a_lost_connection(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("huggingface_hub.hf_api.ModelInfo", full)
    repo = hub.add()
    repo.commit({"config.json": b""})
    with pytest.raises(OSError, match="No space left"), conversation("lab/model", hub.url):
        HfApi(endpoint=hub.url).model_info("lab/model")


def test_what_the_hub_remarks_is_kept_and_deprecations_are_not() -> None:
    with conversation("lab/m", "http://hub") as said:
        warnings.warn("a\n card", UserWarning, stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert said == ["a card"]


def test_a_long_error_is_cut() -> None:
    with pytest.raises(InputError) as error, conversation("lab/m", "http://hub"):
        try_to_load_from_cache("/".join("x" * 400), "config.json")
    assert len(str(error.value)) < 250
    assert "\n" not in str(error.value)


def test_the_client_is_quiet_inside_and_as_it_was_outside() -> None:
    before = logging.get_verbosity(), are_progress_bars_disabled()
    with conversation("lab/m", "http://hub"):
        assert logging.get_verbosity() == CRITICAL
        assert are_progress_bars_disabled()
    with pytest.raises(ZeroDivisionError), conversation("lab/m", "http://hub"):
        _ = 1 / 0
    assert (logging.get_verbosity(), are_progress_bars_disabled()) == before


def test_a_token_goes_only_to_the_hub_it_belongs_to(
    hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert connect().token is None  # the client takes it from the environment
    assert connect(hub.url + "/").token is None
    assert connect("https://elsewhere.org").token is False
    assert connect("https://elsewhere.org", token="hf_secret").token == "hf_secret"


def test_a_token_is_not_sent_in_clear(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connect("http://elsewhere.org").endpoint == "http://elsewhere.org"
    message = r"http://elsewhere\.org: the token would be sent without encryption"
    with pytest.raises(InputError, match=message) as error:
        connect("http://elsewhere.org", token="hf_secret")
    assert "hf_secret" not in str(error.value)
    for near in ("http://localhost:80", "http://127.0.0.2", "http://[::1]:80"):
        assert connect(near, token="hf_secret").endpoint == near
    monkeypatch.setattr(constants, "ENDPOINT", "http://elsewhere.org")
    assert connect().endpoint == "http://elsewhere.org"
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with pytest.raises(InputError, match=message):
        connect()


def test_an_endpoint_holds_no_password() -> None:
    for endpoint in ("https://me:secret@hub.org", "http://secret@hub.org:x", "https://secret@"):
        with pytest.raises(InputError, match="has a user or password before its host") as error:
            connect(endpoint)
        assert "secret" not in str(error.value)
    assert connect("https://hub.org/@lab").endpoint == "https://hub.org/@lab"
