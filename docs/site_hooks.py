"""Hooks of the documentation site: the help of every command, and links to files that are not pages."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from isoclr.cli import BY_NAME


def _help(command: str) -> str:
    text = subprocess.run(
        [sys.executable, "-m", "isoclr", command, "--help"],
        env=os.environ | {"COLUMNS": "100", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return f"## {command}\n\n```text\n{text.strip()}\n```\n"


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Fill in the help of the commands, and turn links that leave ``docs`` into their text."""
    if page.file.src_path == "reference/commands.md":
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return markdown.replace("<!-- commands -->", "\n".join(pool.map(_help, BY_NAME)))
    source = Path(page.file.abs_src_path).parent
    docs = Path(page.file.src_dir).resolve()

    def text_only(link: re.Match[str]) -> str:
        target = (source / link[2].partition("#")[0]).resolve()
        return link[0] if target.is_relative_to(docs) else link[1]

    return re.sub(r"(?<!!)\[([^\]]+)\]\((\.\./[^)]+)\)", text_only, markdown)
