"""The commands in the documents are commands of the program."""

import functools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from isoclr import cli

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if path.name != "LOG.md")]
BLOCK = re.compile(r"^```(?:bash|sh)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^|[|&;]\s*|-m |\s)isoclr (?=[a-z])(.*)")


def commands(page: Path) -> Iterator[list[str]]:
    """Words of each command line of ``isoclr`` in the code blocks of a page."""
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            for rest in COMMAND.findall(line):
                words = shlex.split(rest, comments=True)
                end = next((i for i, word in enumerate(words) if word[0] in "|&;>"), len(words))
                yield words[:end]


@pytest.mark.parametrize("page", [page for page in PAGES if any(commands(page))], ids=lambda page: page.name)
def test_commands_are_understood(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    load = cli.load_function

    def without_work(address: str) -> object:
        function = load(address)
        return functools.wraps(function)(lambda *_, **__: None)

    monkeypatch.setattr(cli, "load_function", without_work)
    monkeypatch.setattr(cli, "_show", lambda *_: None)
    wrong = [words for words in commands(page) if cli.main(words) != 0]
    assert wrong == [], capsys.readouterr().err
