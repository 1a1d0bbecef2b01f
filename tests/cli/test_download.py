"""``isoclr download`` on the command line."""

import pytest

from isoclr.cli import main


def test_the_list_is_tab_separated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download", "worm/genome", "--list-only"]) == 0
    name, status, address, checksums = capsys.readouterr().out.strip().split("\t")
    assert (name, status) == ("worm/genome", "missing")
    assert address.endswith("/ce11.fa.gz")
    assert checksums.endswith("/md5sum.txt")


def test_an_unknown_name_ends_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download", "axolotl"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("isoclr: error: 'axolotl' cannot be downloaded")
    assert err.count("\n") == 1


def test_a_dead_host_ends_with_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = str(tmp_path_factory.mktemp("out"))
    mirror = "http://127.0.0.1:9"  # the discard port, closed everywhere
    argv = ["download", "worm/genome", "--out", out, "--mirror", mirror, "--retries", "0"]
    assert main(argv) == 2
    assert "isoclr: error: http://127.0.0.1:9/hgdownload" in capsys.readouterr().err
