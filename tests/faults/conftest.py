"""What all fault tests need: a command run in this process, and a check that it refused its input well."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from isoclr import cli

Refuse = Callable[..., str]


@pytest.fixture(scope="session")
def bench(workbench: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small genome next to the workbench's model, corpus, embeddings, labels and head."""
    folder = tmp_path_factory.mktemp("faults") / "bench"
    shutil.copytree(workbench, folder)
    (folder / "g.fa").write_text(f">chr1\n{'ACGTTGCAGC' * 100}\n>chr2\n{'GGATCCTTAG' * 50}\n")
    (folder / "two.fa").write_text(">T1\nACGTACGTACGTTTGA\n>T2\nGGGACGUCCA\n")
    return folder


def _stuck(*_: object) -> None:
    raise AssertionError("the command waits for ever")


@pytest.fixture
def refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Run a command that must refuse: exit code 2, one line of error that holds all parts, and nothing written.

    ``{o}`` in the words is an empty folder for outputs.
    """

    def run(words: list[str], *parts: str, out: Path | None = None) -> str:
        folder = out or tmp_path / "outputs"
        folder.mkdir(exist_ok=True)
        before = sorted(folder.rglob("*"))
        signal.signal(signal.SIGALRM, _stuck)
        signal.alarm(30)
        try:
            code = cli.main([word.replace("{o}", str(folder)) for word in words])
        finally:
            signal.alarm(0)
        *progress, shown, rest = capsys.readouterr().err.split("\n")
        assert code == 2, shown
        assert shown.startswith("isoclr: error: ")
        assert shown.isprintable()
        assert rest == ""
        assert not [line for line in progress if "error" in line or "Traceback" in line]
        for part in parts:
            assert part in shown
        assert sorted(folder.rglob("*")) == before, "a refused command must leave nothing"
        return shown

    return run
