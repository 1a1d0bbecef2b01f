"""Any header, id or name in the input: a file, a figure and the terminal survive it, and a refusal is one line."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import isoclr
from isoclr import cli
from isoclr.errors import InputError, printable

HOSTILE = [
    "../../../../evil",
    "/etc/passwd",
    "a\x1b]0;x\x07\x1b[2J",
    "$\\frac{$",
    "$x^{2}$",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "=cmd|' /C calc'!A0",
    "%s{}${HOME}`id`",
    "a\u202eb\u2028c",
    "🧬é漢",
    "x" * 300,
    "[bold]b[/x]",
    "\x00",
    "..",
    ".",
    "-o",
    "nul\x00in",
]
HEADERS = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
FOLDERS = [HealthCheck.function_scoped_fixture]


def write_fasta(path: Path, headers: list[str]) -> None:
    rows = (f">{header}\n{'ACGU'[i % 4] * (i + 3)}\n" for i, header in enumerate(headers))
    path.write_bytes("".join(rows).encode())


@settings(max_examples=60, deadline=None, suppress_health_check=FOLDERS)
@given(headers=st.lists(HEADERS, min_size=1, max_size=4))
def test_any_header(headers: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    """A FASTA of any headers is read or refused, and what is read is found again under its id."""
    folder = tmp_path_factory.mktemp("fasta")
    write_fasta(folder / "r.fa", headers)
    try:
        corpus = isoclr.build(out=folder / "c", species="human", transcripts=folder / "r.fa")
    except InputError:
        assert not (folder / "c").exists()
        return
    ids = corpus.transcripts["transcript_id"].to_list()
    assert len(ids) == len(set(ids)) <= len(headers) + sum(h.count("\n") for h in headers)
    for row, name in enumerate(ids):
        assert corpus.find(name) == row
        assert name == name.strip()
    assert sorted(path.name for path in folder.iterdir()) == ["c", "r.fa"]


@settings(max_examples=300, deadline=None)
@given(text=st.text())
def test_any_text_is_printable(text: str) -> None:
    shown = printable(text)
    assert not set(shown) & {chr(c) for c in (*range(9), *range(11, 32), *range(127, 160))}
    assert printable(shown) == shown


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_everywhere(name: str, bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As transcript id, gene id, species, label, units and name of a head, up to tables and figures."""
    (tmp_path / "deep").mkdir()
    work = tmp_path / "deep" / "work"
    work.mkdir()
    header = name.replace(" ", "_")
    records = (bench / "mrnas.fa").read_text().replace(">t0 gene:g0\n", f">{header} gene:{header}\n")
    (work / "r.fa").write_bytes(records.encode())
    label = name.replace("\x00", "").strip() or "label"
    ids = "".join(f"g{i}\t{i % 9}.5\n" for i in range(40))
    quoted = '"' + label.replace('"', '""') + '"'
    (work / "l.tsv").write_text(f"gene_id\t{quoted}\n{ids}")

    def run(*words: str) -> int:
        code = cli.main([word.replace("WORK", str(work)) for word in words])
        out, err = capsys.readouterr()
        for text in (out, err):
            assert not [c for c in text if not c.isprintable() and c not in "\n\t"], repr(text)
        assert code in (0, 2), err
        return code

    species = name.replace("\x00", "") or "species"
    model = ["--model", str(bench / "model"), "--threads", "1"]
    if run("build", "-o", "WORK/c", f"--species={species}", "--transcripts", "WORK/r.fa") == 0:
        run("inspect", "WORK/c", "--plot", "WORK/c.png", "--json", "WORK/c.json")
        run("inspect", "WORK/c", f"--transcript={header}")
    run("embed", "WORK/r.fa", *model, "-o", "WORK/e.parquet")
    source = work / "e.parquet" if (work / "e.parquet").exists() else bench / "e.parquet"
    fit = ["--name", label, f"--units={label}", "--folds", "3", "-o", "WORK/h"]
    if run("fit", str(source), "WORK/l.tsv", *fit) == 0:
        run("predict", str(source), "--head", "WORK/h", "-o", "WORK/p.tsv")
        table = pl.read_csv(work / "p.tsv", separator="\t", infer_schema=False)
        assert table.height == 40
    corpus = ["--corpus", "WORK/c"] if (work / "c").exists() else []  # for the table of leaks
    run("probe", str(source), "WORK/l.tsv", "--splits", "2", *corpus, "--plot", "WORK/p.png")
    outside = [path for path in tmp_path.rglob("*") if work not in path.parents and path != work]
    assert outside == [tmp_path / "deep"], "nothing may be written elsewhere"


def test_hostile_name_of_an_output(bench: Path, tmp_path: Path, refuse: Any) -> None:
    model = ["--model", str(bench / "model"), "--threads", "1"]
    for name in ("a\x00.parquet", "x" * 300 + ".parquet"):
        refuse(["embed", str(bench / "two.fa"), *model, "-o", str(tmp_path / name)])
    for name in ("uni 漢🧬.parquet", "%s{}$x.parquet", "quo'te\".parquet", "x" * 240 + ".parquet"):
        out = tmp_path / name
        assert cli.main(["embed", str(bench / "two.fa"), *model, "-o", str(out)]) == 0
        assert out.is_file()
