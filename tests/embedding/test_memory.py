"""RNAs in memory, in every form, equal to the same RNAs in files."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import isoclr
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.memory import rnas_in_memory
from isoclr.errors import InputError
from isoclr.genomics.encoding import encode, nucleotides

pytestmark = pytest.mark.usefixtures("narrow")
rng = np.random.default_rng(0)
IDS = ["t1", "t2", "t3"]
RNAS = ["".join(rng.choice(list("ACGU"), n)) for n in (900, 300, 41)]
CDS = [(12, 312), (30, 90), None]
EXONS = [[400, 500], [300], None]


def marked(i: int) -> Any:
    exons = None if EXONS[i] is None else np.array(EXONS[i])
    return encode(nucleotides(RNAS[i]), exons, CDS[i])


def table(**columns: Any) -> dict[str, Any]:
    starts, ends = [12, 30, -1], [312, 90, -1]
    text = ["400,500", "300", None]
    base = {"id": IDS, "sequence": RNAS, "cds_start": starts, "cds_end": ends, "exons": text}
    return {**base, **columns}


@pytest.mark.parametrize(
    "given",
    [
        pl.DataFrame(table()),
        pl.LazyFrame(table()),
        pd.DataFrame(table()),
        pd.DataFrame(table()).set_index("id"),
        pl.DataFrame({"Seq": RNAS, "name": IDS, "cds": CDS, "exon_lengths": EXONS}),
        {name: marked(i) for i, name in enumerate(IDS)},
        pl.DataFrame(
            {
                "transcript_id": IDS,
                "sequence": RNAS,
                "cds": [((marked(i) >> 3) & 1).tolist() for i in range(3)],
                "splice": [((marked(i) >> 4) & 1).tolist() for i in range(3)],
            }
        ),
    ],
    ids=["polars", "lazy", "pandas", "index", "pairs", "codes", "tracks"],
)
def test_marks_come_from_columns(given: Any) -> None:
    known, codes, starts = rnas_in_memory(given, orf=False)
    assert known["transcript_id"].to_list() == IDS
    for i, start in enumerate(starts):
        assert np.array_equal(codes[start : start + len(RNAS[i])], marked(i))
    assert known["cds_source"].to_list() == ["annotated", "annotated", "none"]


@pytest.mark.parametrize("blank", [pd.NA, pd.NaT, None, float("nan"), ""], ids=str)
def test_missing_cells_of_pandas(blank: Any) -> None:
    cells = pd.DataFrame({"sequence": RNAS, "gene_id": ["g", blank, blank], "cds_start": [12, blank, 0]}).astype(object)
    ends = pd.Series([312, pd.NA, pd.NA], dtype="Int64")
    known, _, _ = rnas_in_memory(cells.assign(cds_end=ends, exons=[blank] * 3), orf=False)
    assert known["gene_id"].to_list() == ["g", "rna2", "rna3"]
    assert known.select("cds_start", "cds_end").rows() == [(12, 312), (-1, -1), (-1, -1)]


def test_the_same_rnas_in_a_file_have_the_same_embeddings(tmp_path: Path) -> None:
    orf = "AUG" + "GCU" * 120 + "UAA"
    rnas = {"a": "GG" + orf + "C" * 9, "b": RNAS[1]}
    (tmp_path / "rnas.fa").write_text("".join(f">{k}\n{v}\n" for k, v in rnas.items()))
    model = isoclr.create("isoclr-s", seed=0)
    from_file: Embeddings = isoclr.embed(tmp_path / "rnas.fa", model=model)
    for given in (rnas, pl.DataFrame({"id": [*rnas], "seq": [*rnas.values()]}), pd.Series(rnas)):
        found: Embeddings = isoclr.embed(given, model=model)
        assert found.table.equals(from_file.table)
        assert np.array_equal(found.matrix, from_file.matrix)
        assert found.meta == from_file.meta
    listed: Embeddings = isoclr.embed([*rnas.values()], model=model)
    assert listed.ids == ["rna1", "rna2"]
    assert np.array_equal(listed.matrix, model.embed([*rnas.values()]))
    without: Embeddings = isoclr.embed(rnas, model=model, orf=False)
    assert not np.allclose(without.matrix[0], found.matrix[0])


def test_an_output_is_written_as_from_a_file(tmp_path: Path) -> None:
    model = isoclr.create("isoclr-s", seed=0)
    out = isoclr.embed(dict(zip(IDS, RNAS, strict=True)), model=model, out=tmp_path / "e.parquet")
    written = pl.read_parquet(out)
    memory: Embeddings = isoclr.embed(dict(zip(IDS, RNAS, strict=True)), model=model)
    assert written.equals(memory.to_polars())
    frame = memory.to_pandas()
    assert frame.index.to_list() == IDS
    assert np.array_equal(frame.filter(like="dim_").to_numpy(), memory.matrix)
    assert frame["length"].to_list() == [900, 300, 41]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("AUGGC", r"AUGGC: no such file; for a sequence, give a list: \[sequence\]"),
        (["AUG", "A!G"], "rna2: position 2 is '!'"),
        ({"a": ""}, "a: the sequence is empty"),
        ({"a": None}, "a: found NoneType"),
        ({}, "no sequences"),
        (pl.DataFrame({"x": [1]}), "columns x; expected one named sequence"),
        (pl.DataFrame(table(id=["t1", "t2", "t1"])), "id 't1' is given 2 times"),
        (pl.DataFrame(table(id=["t1", None, "t3"])), "row 2 has no id"),
        (pl.DataFrame(table(cds_end=[901, 90, -1])), "t1: its coding sequence is 12 to 901"),
        (pl.DataFrame(table(cds_end=["312", "x", "-1"])), "t2: its coding sequence is 30 to x, expected whole numbers"),
        (pl.DataFrame(table(exons=["400,501", None, None])), "t1: its exons add up to 901 nt"),
        (pl.DataFrame(table(exons=["400;500", None, None])), "t1: exon lengths are '400;500'"),
        (pl.DataFrame(table(splice=[[0, 1]] * 3)), "t1: splice has 2 values"),
    ],
)
def test_bad_rnas_are_named(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        isoclr.embed(given, model=isoclr.create("isoclr-s", seed=0))


def test_a_genome_needs_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="in memory"):
        isoclr.embed(["AUG"], model=isoclr.create("isoclr-s", seed=0), annotation=(tmp_path,))


def test_from_frame_to_frame_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Embed, probe, fit, predict, neighbours, map and mutate in memory."""
    monkeypatch.chdir(tmp_path)
    api: Any = isoclr  # its functions are typed for the command line
    model = isoclr.create("isoclr-s", seed=0)
    rows = [[0.4 - s, 0.1 + s, s, 0.5 - s] for s in np.linspace(0, 0.4, 60)]
    rnas = {f"t{i}": "".join(rng.choice(list("ACGU"), 99, p=p)) for i, p in enumerate(rows)}
    labels = pd.DataFrame(
        {"gc": [sum(map(one.count, "GC")) / 99 for one in rnas.values()]}, index=pd.Index(rnas, name="transcript_id")
    )
    embeddings: Any = api.embed(rnas, model=model)
    report = api.probe(embeddings, labels)
    assert report.methods[0].summary["pearson"].mean > 0.8
    assert report.provenance["inputs"]["embeddings"] == {"in memory": repr(embeddings)}
    head = api.fit(embeddings, pl.from_dict({"transcript_id": [*rnas], "gc": labels["gc"].to_list()})).head
    found: Any = api.predict(rnas, head=head, model=model)
    ready: Any = api.predict(embeddings, head=head)
    assert np.allclose(found.table["value"], ready.table["value"], rtol=1e-4)
    assert np.corrcoef(found.table["value"], labels["gc"])[0, 1] > 0.9
    near = api.neighbours(embeddings, of=("t3",), k=2)
    assert near.table.height == 2
    shown = api.map_rnas(embeddings, perplexity=10)
    assert shown.table.height == 60
    scan = api.mutate({"a": rnas["t0"]}, head=head, model=model)
    assert scan.to_frame().height == 3 * 99
    assert not list(tmp_path.iterdir())
    for result in (report, near, shown, scan, head, embeddings, found):
        assert len(repr(result)) < 1_000
        assert "<table>" in result._repr_html_()
