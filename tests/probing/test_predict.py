from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from tests.probing.conftest import Heads

import isoclr
from isoclr._io import check_output, write_table
from isoclr.cli import main
from isoclr.embedding import distributed, io
from isoclr.embedding.embeddings import Embeddings
from isoclr.errors import InputError
from isoclr.probing.head import Head, save_head
from isoclr.probing.predict import columns_of, predict_block, with_status


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model, a FASTA of 60 RNAs, and a head that predicts their G + C content."""
    folder, rng = tmp_path_factory.mktemp("predict"), np.random.default_rng(0)
    records, rows = [], []
    for i in range(60):
        share = 0.1 + 0.3 * (i % 7) / 6
        rna = "".join(rng.choice(list("ACGU"), 150 + i, p=[0.5 - share, share, share, 0.5 - share]))
        records.append(f">t{i} gene:g{i}\n{rna}\n")
        rows.append(f"t{i}\t{(rna.count('G') + rna.count('C')) / len(rna)}\n")
    (folder / "rnas.fa").write_text("".join(records))
    (folder / "labels.tsv").write_text("transcript_id\tgc\n" + "".join(rows))
    isoclr.create("isoclr-s", seed=0).save(folder / "model")
    found = isoclr.embed((folder / "rnas.fa",), model=str(folder / "model"), out=folder / "e.parquet", species="human")
    isoclr.fit(found, folder / "labels.tsv", out=folder / "head", name="gc", folds=4)
    return folder


def test_rnas_get_what_their_embeddings_get(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = str(place / "model")
    found = isoclr.predict((place / "rnas.fa",), head=place / "head", model=model, out=tmp_path / "a.parquet")
    monkeypatch.setattr(io, "ROWS", 13)
    same = isoclr.predict((place / "e.parquet",), head=place / "head", out=tmp_path / "b.parquet")
    assert found.table["transcript_id"].to_list() == [f"t{i}" for i in range(60)]
    for column in ("value", "lower", "upper"):
        assert found.table[column].to_numpy() == pytest.approx(same.table[column].to_numpy(), abs=1e-4)
    assert pl.read_parquet(tmp_path / "b.parquet").equals(same.table)
    truth = pl.read_csv(place / "labels.tsv", separator="\t")["gc"]
    assert np.corrcoef(same.table["value"], truth)[0, 1] > 0.9
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet", "b.parquet"]
    monkeypatch.setattr(distributed, "ROWS", 17)
    in_memory = isoclr.predict((place / "rnas.fa",), head=place / "head", model=model)
    assert in_memory.out is None
    assert in_memory.table["value"].to_numpy() == pytest.approx(found.table["value"].to_numpy(), abs=1e-5)
    assert in_memory.to_frame().equals(in_memory.table)


def test_the_summary(place: Path, tmp_path: Path) -> None:
    found = isoclr.predict((place / "e.parquet",), head=place / "head", out=tmp_path / "p.tsv", coverage=0.5)
    (row,) = found.rows()
    assert (row["label"], row["n"]) == ("gc", 60)
    (table,) = found.tables()
    assert [len(cells) for cells in table.rows] == [len(table.columns)]
    assert found.coverage == 0.5


def test_a_shard_without_rnas_gives_a_table_without_rows(place: Path, tmp_path: Path) -> None:
    meta = pl.read_parquet_metadata(place / "e.parquet")
    pl.read_parquet(place / "e.parquet")[:0].write_parquet(tmp_path / "none.parquet", metadata=meta)
    found = isoclr.predict((tmp_path / "none.parquet",), head=place / "head", out=tmp_path / "p.tsv")
    assert found.table.height == 0
    assert [*found.rows()] == []
    assert "extrapolating" in (tmp_path / "p.tsv").read_text()


@pytest.mark.usefixtures("shipped")
def test_a_shipped_head_brings_its_model(place: Path, tmp_path: Path) -> None:
    found = isoclr.predict((place / "rnas.fa",), task="gc", species="human", out=tmp_path / "p.csv")
    assert found.table["species"].unique().to_list() == ["human"]
    # a user's head of the same weights needs no --model either
    isoclr.predict((place / "rnas.fa",), head=place / "head", out=tmp_path / "q.csv")
    with pytest.raises(InputError, match="there are --task gc --species human"):
        isoclr.predict((place / "rnas.fa",), task="gc", species="mouse", out=tmp_path / "r.csv")


def test_rnas_of_another_species_are_reported(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = pl.read_parquet(place / "e.parquet").with_columns(species=pl.lit("yeast"))
    meta = pl.read_parquet_metadata(place / "e.parquet")
    frame.write_parquet(tmp_path / "yeast.parquet", metadata=meta)
    isoclr.predict((tmp_path / "yeast.parquet",), head=place / "head", out=tmp_path / "p.csv")
    assert "60 RNAs are of yeast; head 'gc' was trained on human" in capsys.readouterr().err


def test_another_model_is_refused(place: Path, tmp_path: Path) -> None:
    isoclr.create("isoclr-s", seed=1).save(tmp_path / "other")
    words = r"weights \w{12}, .*head 'gc' needs weights"
    with pytest.raises(InputError, match=words):
        isoclr.predict((place / "rnas.fa",), head=place / "head", model=str(tmp_path / "other"), out=tmp_path / "p.csv")
    meta = pl.read_parquet_metadata(place / "e.parquet") | {"sha256": "f" * 64}
    pl.read_parquet(place / "e.parquet").write_parquet(tmp_path / "x.parquet", metadata=meta)
    with pytest.raises(InputError, match=r"x\.parquet: 256 values of isoclr-s f{12}, but head 'gc' needs"):
        isoclr.predict((tmp_path / "x.parquet",), head=place / "head", out=tmp_path / "p.csv")
    with pytest.raises(InputError, match="which is no built-in model; give it"):
        isoclr.predict((place / "rnas.fa",), head=place / "head", out=tmp_path / "p.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "x.parquet"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected --head, or --task with --species, and not both"),
        ({"head": "head", "task": "gc"}, "and not both"),
        ({"head": "head", "coverage": 0.999}, "coverage 0.999: expected more than 0 and at most"),
        ({"head": "head", "annotation": ("a.gtf",)}, "found a.gtf besides embeddings"),
        ({"head": "head", "model": "m"}, "embeddings need no --model, found m"),
        ({"head": "nowhere"}, "not found, expected a head"),
    ],
)
def test_bad_requests_leave_nothing(place: Path, tmp_path: Path, options: dict[str, object], message: str) -> None:
    given = options | ({"head": place / str(options["head"])} if "head" in options else {})
    with pytest.raises(InputError, match=message):
        isoclr.predict((place / "e.parquet",), out=tmp_path / "p.csv", **given)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_embeddings_and_rnas_are_not_mixed(place: Path, tmp_path: Path) -> None:
    both = (place / "e.parquet", place / "rnas.fa")
    with pytest.raises(InputError, match=r"e\.parquet: found .*rnas\.fa besides embeddings"):
        isoclr.predict(both, head=place / "head", out=tmp_path / "p.csv")


def test_a_fasta_that_cannot_be_read_leaves_nothing(place: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.fa"):
        isoclr.predict(
            (tmp_path / "missing.fa",), head=place / "head", model=str(place / "model"), out=tmp_path / "p.csv"
        )
    assert not list(tmp_path.iterdir())


@pytest.fixture
def head(heads: Heads) -> Head:
    return heads.two


def test_every_label_has_its_columns(head: Head, world: Embeddings) -> None:
    found = predict_block(head, world, 0.8)
    assert found.columns[:8] == [
        "transcript_id",
        "gene_id",
        "gene_symbol",
        "species",
        "length",
        "cds_source",
        "half_life_value",
        "half_life_lower",
    ]
    assert found["transcript_id"].equals(world.table["transcript_id"])
    loaded = head.predict(world.matrix, target="half_life", coverage=0.8)
    assert found["half_life_upper"].to_numpy() == pytest.approx(loaded.upper)
    assert found["stable_lower"].null_count() == len(world)
    assert found["stable_extrapolating"].dtype == pl.Boolean


def test_no_number_without_a_sequence(place: Path, tmp_path: Path) -> None:
    rna = "ACGU" * 40
    records = {"fine": rna, "short": "ACG", "unknown": "N" * 200, "half": "N" * 170 + rna}
    fasta = tmp_path / "rnas.fa"
    fasta.write_text("".join(f">{name} gene_symbol:X\n{rna}\n" for name, rna in records.items()))
    found = isoclr.predict((fasta,), head=place / "head", model=str(place / "model"), out=tmp_path / "p.tsv")
    written = pl.read_csv(tmp_path / "p.tsv", separator="\t")
    assert written["status"].to_list() == ["ok", "too_short", "unknown_bases", "unknown_bases"]
    for column in ("value", "lower", "upper"):
        assert written[column].is_not_null().to_list() == [True, False, False, False]
    assert written["cds_source"].to_list() == ["none"] * 4
    assert written["gene_symbol"].to_list() == ["X"] * 4
    assert "units" in written.columns
    assert found.rows()[0]["n"] == 1
    assert [line for line in found.messages() if "too_short" in line] == [
        "without a number: 1 RNA under 32 nt (status too_short)"
    ]


def test_the_units_of_a_class_say_of_which_one_the_value_is_the_probability(heads: Heads, world: Embeddings) -> None:
    given: Any = world
    one, other = heads.two.targets
    text = replace(other, metadata=other.metadata | {"classes": ["stable", "unstable"]})
    table = predict_block(replace(heads.two, targets=(one, text)), world, None)
    assert table["stable_units"].unique().to_list() == ["probability of class unstable"]
    alone = isoclr.predict(given, head=cast("Any", replace(heads.two, targets=(text,))))
    assert alone.table["units"].unique().to_list() == ["probability of class unstable"]
    (summary,) = alone.tables()
    assert summary.title == "half_life: probability of class unstable"


def test_a_head_of_leaders_says_which_rnas_have_no_coding_sequence(heads: Heads, world: Embeddings) -> None:
    head = replace(heads.one, model=heads.one.model | {"region": "utr5"})
    columns = {"cds_source": pl.Series(["none", "annotated", "none"]), "length": pl.Series([6, 6, 600])}
    table = predict_block(head, Embeddings(world.table[:3], world.matrix[:3], world.meta), None).with_columns(**columns)
    assert with_status(head, table, None)["status"].to_list() == ["no_cds", "too_short", "no_cds"]
    assert with_status(heads.one, table, None)["status"].to_list() == ["too_short", "too_short", "ok"]


def test_a_head_of_no_species_does_not_warn_of_species(
    heads: Heads, world: Embeddings, capsys: pytest.CaptureFixture[str]
) -> None:
    given: Any = world
    isoclr.predict(given, head=cast("Any", replace(heads.one, species=("",))))
    assert "trained on" not in capsys.readouterr().err


def test_rnas_with_less_annotation_than_the_training_rnas_are_said(
    heads: Heads, world: Embeddings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert heads.one.metadata["annotated"] == 1.0
    sources = pl.Series(["annotated"] * 60 + ["orf"] * 60)
    given: Any = Embeddings(world.table.with_columns(cds_source=sources), world.matrix, world.meta)
    isoclr.predict(given, head=heads.folder / "one")
    said = " ".join(capsys.readouterr().err.split())
    assert "50% of the RNAs have an annotated coding sequence, but 100% of the training RNAs of head" in said
    assert "give --annotation" in said
    older = replace(heads.one, metadata={k: v for k, v in heads.one.metadata.items() if k != "annotated"})
    whole: Any = world
    for head, rnas in ((older, given), (heads.one, whole)):
        isoclr.predict(rnas, head=cast("Any", head))
        assert "--annotation" not in capsys.readouterr().err


def test_one_label_needs_no_prefix(heads: Heads) -> None:
    assert [*columns_of(heads.one, "half_life").values()] == ["value", "lower", "upper", "extrapolating"]


def test_the_extension_is_the_format(head: Head, world: Embeddings, tmp_path: Path) -> None:
    found = predict_block(head, world, None)
    for name, read in (
        ("p.parquet", pl.read_parquet),
        ("p.csv", pl.read_csv),
        ("p.tsv", lambda path: pl.read_csv(path, separator="\t")),
    ):
        write_table(found, tmp_path / name)
        back = read(tmp_path / name)
        assert back.columns == found.columns
        assert back["half_life_value"].to_numpy() == pytest.approx(found["half_life_value"].to_numpy(), rel=1e-5)
    first = (tmp_path / "p.tsv").read_text().splitlines()[1].split("\t")
    assert len(first[4].lstrip("-0.").replace(".", "")) <= 6
    assert pl.read_parquet(tmp_path / "p.parquet").equals(found)


def test_an_output_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"p\.xls: unknown format, expected .* \.parquet, \.tsv"):
        check_output(tmp_path / "p.xls", overwrite=False)
    (tmp_path / "p.tsv").touch()
    with pytest.raises(InputError, match=r"p\.tsv: exists already; choose another name"):
        check_output(tmp_path / "p.tsv", overwrite=False)
    check_output(tmp_path / "p.tsv", overwrite=True)


def test_command(embeddings: Path, heads: Heads, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes, out = tmp_path / "classes", str(tmp_path / "p.tsv")
    _, target = heads.two.targets
    save_head(Head.from_metadata({**heads.two.metadata, "targets": [target.metadata]}, [target]), classes)
    words = ["predict", str(embeddings), "-o", out]
    assert main([*words, "--head", str(heads.folder / "one"), "--coverage", "0.8"]) == 0
    seen = capsys.readouterr()
    assert "half_life: intervals of coverage 0.8" in seen.out
    assert f"{out}: 120 RNAs" in seen.err.replace("\n", "")
    assert pl.read_csv(out, separator="\t")["value"].null_count() == 0
    assert main([*words, "--head", str(classes), "--overwrite"]) == 0
    shown = capsys.readouterr().out
    assert "half_life: probability of class 1" in shown
    assert "intervals" not in shown
    assert main([*words, "--overwrite"]) == 2
    assert "expected --head, or --task with --species" in capsys.readouterr().err
