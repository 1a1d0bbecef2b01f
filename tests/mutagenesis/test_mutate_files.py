from pathlib import Path

import numpy as np
import polars as pl
import pytest

import isoclr
from isoclr.errors import InputError
from isoclr.mutagenesis import mutate
from isoclr.mutagenesis import mutate_files as room


def options(workbench: Path) -> dict[str, Path | str]:
    return {"head": workbench / "head", "model": str(workbench / "model")}


def test_effects_are_those_of_predicting_mutants(workbench: Path, tmp_path: Path) -> None:
    found = mutate(
        (workbench / "short.fa",),
        out=tmp_path / "m.parquet",
        transcripts=("ENST00000000001",),
        plot=tmp_path / "m.png",
        **options(workbench),  # type: ignore[arg-type]
    )
    table = pl.read_parquet(tmp_path / "m.parquet")
    assert table.height == 23
    assert table["transcript_id"].unique().to_list() == ["ENST00000000001.2"]
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
    sequence = "ACGGUAGCUAGCUAACGAUCGAU"
    assert "".join(table["base"]) == sequence
    encoder, head = isoclr.load(workbench / "model"), isoclr.load_head(workbench / "head")
    values = head.predict(encoder.embed([sequence, sequence[:4] + "C" + sequence[5:]])).value
    assert table["C"][4] == pytest.approx(values[1] - values[0], abs=1e-5)
    assert found.scans[0].value == pytest.approx(values[0], abs=1e-5)
    assert {row["transcript"] for row in found.rows()} == {"ENST00000000001.2"}


def test_several_rnas_and_a_corpus(workbench: Path, tmp_path: Path) -> None:
    given = options(workbench)
    found = mutate((workbench / "short.fa",), out=tmp_path / "a.tsv", **given)  # type: ignore[arg-type]
    assert [scan.transcript_id for scan in found.scans] == ["ENST00000000001.2", "s2"]
    assert pl.read_csv(tmp_path / "a.tsv", separator="\t").height == 33
    one = mutate((workbench / "corpus",), out=tmp_path / "b.parquet", transcripts=("t3",), **given)  # type: ignore[arg-type]
    (scan,) = one.scans
    assert (len(scan), scan.coding) == (446, (70, 376))
    assert np.isfinite(scan.effects).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"out": "m.txt"}, "m.txt: unknown format"),
        ({"plot": "m.bmp"}, "written as"),
        ({"plot": "m.png"}, "--plot draws one RNA, found 2"),
        ({"transcripts": ("s2", "s7")}, "no RNA named 's7'"),
        ({"zoom": (0, 5)}, "--zoom 0 5: expected two bases"),
        ({"zoom": (5, 24)}, "from 1 to 23"),
        ({"threads": 0}, "--threads 0"),
        ({"head": None}, "expected --head"),
    ],
)
def test_bad_input(workbench: Path, tmp_path: Path, given: dict[str, object], message: str) -> None:
    whole = {"out": "m.csv", **options(workbench), **given}
    for key in ("out", "plot"):
        if key in whole:
            whole[key] = tmp_path / str(whole[key])
    with pytest.raises(InputError, match=message):
        mutate((workbench / "short.fa",), **whole)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_too_much(workbench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_NT", 100)
    with pytest.raises(InputError, match="17,840 nt of 40 RNAs to mutate, expected at most 100"):
        mutate((workbench / "corpus",), out=tmp_path / "m.csv", **options(workbench))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="nothing to mutate"):
        mutate((), out=tmp_path / "m.csv", **options(workbench))  # type: ignore[arg-type]
