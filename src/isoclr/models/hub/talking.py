"""Talking to the hub: its client made quiet, and whatever goes wrong said in one line."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from json import JSONDecodeError
from logging import CRITICAL
from traceback import walk_tb
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from isoclr._version import __version__
from isoclr.errors import InputError

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

TIMEOUT = 10.0
"""s; the first question to a hub waits no longer."""


def connect(endpoint: str | None = None, *, token: str | None = None) -> HfApi:
    """The hub's client; nothing is sent yet.

    Args:
        endpoint: address of the server; by default ``HF_ENDPOINT``, or the public hub.
        token: by default the one of the hub's environment (``HF_TOKEN``, or a saved login), if any. That one belongs to
            the hub's own address, and is not sent to an endpoint that was named here instead.

    Raises:
        InputError: no such address, or a token would be sent where others can read it.
    """
    from huggingface_hub import HfApi, constants

    own = constants.ENDPOINT.rstrip("/")
    server = own if endpoint is None else endpoint.rstrip("/")
    _check_endpoint(server)
    sent = False if token is None and server != own else token
    _check_secrecy(server, sent)
    return HfApi(endpoint=server, token=sent, library_name="isoclr", library_version=__version__)


def _check_secrecy(endpoint: str, token: str | bool | None) -> None:
    """Refuse to send a token over a network without encryption."""
    from huggingface_hub import constants, get_token

    parts = urlsplit(endpoint)
    if parts.scheme == "https" or _is_loopback(parts.hostname or ""):
        return
    if token is None and not constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        token = get_token()
    if token:
        raise InputError(
            f"endpoint {endpoint}: the token would be sent without encryption; expected https://, or no HF_TOKEN"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_endpoint(endpoint: str) -> None:
    if "@" in endpoint.partition("://")[2].partition("/")[0]:
        raise InputError("endpoint: has a user or password before its host; expected https://host")
    try:
        parts = urlsplit(endpoint)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise InputError(f"endpoint {endpoint!r}: expected an address such as https://host")


@contextmanager
def conversation(subject: object, endpoint: str) -> Iterator[list[str]]:
    """What the client does inside prints nothing, and its errors become one line about ``subject``.

    Yields:
        What the hub remarked, filled when the block ends.

    Raises:
        InputError: the hub cannot be reached, refuses, or answers what its client does not understand.
    """
    said: list[str] = []
    try:
        with _quiet(), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield said
    except Exception as error:
        if not _is_about_the_hub(error):
            raise
        raise InputError(f"{subject}: {_reason(error, endpoint)}") from error
    # Deprecations are the client's own affair.
    said += [_one_line(str(w.message)) for w in caught if issubclass(w.category, UserWarning)]


@contextmanager
def _quiet() -> Iterator[None]:
    """No retries told one by one and no bars: an error is one line, and models are small."""
    from huggingface_hub.utils import logging
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    verbosity, had_bars = logging.get_verbosity(), not are_progress_bars_disabled()
    logging.set_verbosity(CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the environment may have settled about bars
        disable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if had_bars:
            enable_progress_bars()


def _is_about_the_hub(error: Exception) -> bool:
    """Whether the hub's client raised it or let it through; an error with a number is one of the disk."""
    if isinstance(error, OSError) and error.errno is not None:
        return isinstance(error, ConnectionError | TimeoutError)
    modules = (frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__))
    return any(name.partition(".")[0] == "huggingface_hub" for name in modules)


def _reason(error: BaseException, endpoint: str) -> str:
    """Why it did not work, and what the user can do."""
    from huggingface_hub import errors

    # The client tells that a file could not be found or sent, and keeps why as the cause.
    if isinstance(error, errors.LocalEntryNotFoundError | RuntimeError) and error.__cause__:
        return _reason(error.__cause__, endpoint)
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "not in the cache, and HF_HUB_OFFLINE forbids to ask the hub"
    if isinstance(error, errors.GatedRepoError):
        return "access is gated; ask for it on the model's page and set HF_TOKEN"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"no such model at {endpoint}, or a private one that needs a valid HF_TOKEN"
    if isinstance(error, errors.HfHubHTTPError):
        return _refusal(error, endpoint)
    told = _one_line(str(error)) or type(error).__name__
    if isinstance(error, JSONDecodeError | LookupError | TypeError | AttributeError):
        return f"{endpoint} did not answer as the hub does ({told})"
    return told if isinstance(error, ValueError) else f"{endpoint} cannot be reached ({told})"


def _refusal(error: HfHubHTTPError, endpoint: str) -> str:
    status = error.response.status_code
    told = _one_line(error.server_message or "it does not say why")
    if status == 401:
        return f"{endpoint} does not accept the token; set HF_TOKEN to a valid one"
    if status == 403:
        return f"{endpoint} does not allow this with the token of HF_TOKEN ({told})"
    return f"{endpoint} answered {status} ({told})"


def _one_line(text: str) -> str:
    """The first words of a message, without line breaks."""
    words = " ".join(text.split())
    return words if len(words) <= 200 else words[:199] + "…"
