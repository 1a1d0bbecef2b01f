"""The commands in the documents are commands of the program, and links between documents lead to something."""

import functools
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from isoclr import cli

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if path.name != "LOG.md")]
BLOCK = re.compile(r"^```(?:bash|sh)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NOTEBOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))
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


def texts(page: Path) -> list[str]:
    """The Markdown of a page or a notebook."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".md":
        return [text]
    return ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]


@pytest.mark.parametrize("page", [*PAGES, *NOTEBOOKS], ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = [link for text in texts(page) for link in LINK.findall(text) if ":" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
