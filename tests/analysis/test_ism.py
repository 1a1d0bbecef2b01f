from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import isoclr
from isoclr.analysis import ism
from isoclr.analysis.consequences import CONSEQUENCES
from isoclr.analysis.ism import MutationScan, mutate, mutate_base, point_mutations, scan
from isoclr.analysis.readout import LinearPredictor, linear_readout, load_predictor
from isoclr.cli import main
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes, coding_region, encode, nucleotides
from isoclr.models.encoder import Encoder
from isoclr.probing.linear import LinearModel


def test_readout_equals_the_head(workbench: Path) -> None:
    predictor = load_predictor(workbench / "head", None, "", str(workbench / "model"), None)
    matrix = read_embeddings(workbench / "e.parquet").matrix
    expected = isoclr.load_head(workbench / "head").predict(matrix).value
    assert predictor.model(matrix) == pytest.approx(expected)
    assert predictor.target == "gc"
    assert np.corrcoef(expected, np.arange(40) % 7)[0, 1] > 0.5


def test_binary_label_gives_log_odds(workbench: Path, tmp_path: Path) -> None:
    rows = (workbench / "labels.tsv").read_text().splitlines()[1:]
    classes = [f"{row.split()[0]}\t{int(float(row.split()[1]) > 0.47)}" for row in rows]
    (tmp_path / "c.tsv").write_text("transcript_id\thigh\n" + "\n".join(classes) + "\n")
    isoclr.fit(workbench / "e.parquet", tmp_path / "c.tsv", out=tmp_path / "head", folds=3)
    head = isoclr.load_head(tmp_path / "head")
    model, title = linear_readout(head)
    matrix = read_embeddings(workbench / "e.parquet").matrix
    assert title == "high, log-odds"
    assert 1 / (1 + np.exp(-model(matrix))) == pytest.approx(head.predict(matrix).value)


@pytest.mark.usefixtures("shipped")
def test_shipped_head(workbench: Path) -> None:
    assert load_predictor(None, "gc", "human", None, None).target == "gc"
    assert load_predictor(workbench / "head", None, "", None, "gc").encoder.dim == 256


def test_bad_heads(workbench: Path, tmp_path: Path) -> None:
    model = str(workbench / "model")
    other = str(isoclr.create("isoclr-s", seed=1).save(tmp_path / "other"))
    for given, message in (
        ((None, None, "", None, None), "expected --head, or --task with --species"),
        ((workbench / "head", "gc", "human", None, None), "expected --head, or --task"),
        ((workbench / "head", None, "", model, "x"), "--label x: head 'gc' predicts gc"),
        ((workbench / "head", None, "", None, None), "give it with --model"),
        ((workbench / "head", None, "", other, None), "head 'gc' needs weights"),
    ):
        with pytest.raises(InputError, match=message):
            load_predictor(*given)


def options(workbench: Path) -> dict[str, Path | str]:
    return {"head": workbench / "head", "model": str(workbench / "model")}


def test_table_and_messages_have_the_gene_symbol(workbench: Path, tmp_path: Path) -> None:
    (tmp_path / "a.fa").write_text(">t1 gene:g1 gene_symbol:SOCS1\nACGUACGUAC\n")
    report = mutate((tmp_path / "a.fa",), **options(workbench))  # type: ignore[arg-type]
    assert report.to_frame()["gene_symbol"].unique().to_list() == ["SOCS1"]
    assert next(iter(report.messages())).startswith("t1 (SOCS1): gc ")


def test_a_gene_symbol_stands_for_its_rnas(tmp_path: Path) -> None:
    records = (("t1", "SOCS1"), ("t2", "TP53"), ("t3", "SOCS1"))
    text = "".join(f">{name} gene:g{symbol} gene_symbol:{symbol}\nACGUACGUAC\n" for name, symbol in records)
    (tmp_path / "a.fa").write_text(text)
    found = ism._select_rnas([tmp_path / "a.fa"], "", [], True, ["SOCS1"])
    assert [name for name, *_ in found] == ["t1", "t3"]


def test_a_version_stands_for_itself_if_it_is_there(tmp_path: Path) -> None:
    first, second, third = (f"ENST0000000000{name}" for name in ("1.1", "1.2", "2.3"))
    (tmp_path / "a.fa").write_text("".join(f">{name}\nACGUACGUAC\n" for name in (first, second, third)))
    for wanted, expected in (
        ([second], [second]),
        ([first, second], [first, second]),
        (["ENST00000000001"], [first, second]),
        (["ENST00000000002.9"], [third]),
    ):
        found = ism._select_rnas([tmp_path / "a.fa"], "", [], True, wanted)
        assert [name for name, *_ in found] == expected


def test_effects_equal_predictions_of_mutants(workbench: Path, tmp_path: Path) -> None:
    report = mutate(
        (workbench / "short.fa",),
        out=tmp_path / "m.parquet",
        transcripts=("ENST00000000001",),
        **options(workbench),  # type: ignore[arg-type]
    )
    table = pl.read_parquet(tmp_path / "m.parquet")
    assert table.height == 3 * 23
    assert table["transcript_id"].unique().to_list() == ["ENST00000000001.2"]
    sequence = "ACGGUAGCUAGCUAACGAUCGAU"
    assert "".join(table["ref"][::3]) == sequence
    encoder, head = isoclr.load(workbench / "model"), isoclr.load_head(workbench / "head")
    values = head.predict(encoder.embed([sequence, sequence[:4] + "C" + sequence[5:]])).value
    mutation = table.row(by_predicate=(pl.col("position") == 5) & (pl.col("alt") == "C"), named=True)
    assert mutation["effect"] == pytest.approx(values[1] - values[0], abs=1e-5)
    assert mutation["consequence"] == "non_coding_transcript_exon_variant"
    assert report.scans[0].value == pytest.approx(values[0], abs=1e-5)
    assert {row["transcript"] for row in report.rows()} == {"ENST00000000001.2"}


def test_several_rnas_and_a_corpus(workbench: Path, tmp_path: Path) -> None:
    given = options(workbench)
    report = mutate((workbench / "short.fa",), out=tmp_path / "a.tsv", **given)  # type: ignore[arg-type]
    assert [scan.transcript_id for scan in report.scans] == ["ENST00000000001.2", "s2"]
    assert pl.read_csv(tmp_path / "a.tsv", separator="\t").height == 3 * 33
    ((name, _, codes),) = ism._select_rnas([workbench / "corpus"], "", [], True, ["t3"])
    assert (name, len(codes), coding_region(codes)) == ("t3", 446, (70, 376))


def test_command(workbench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.fa").write_text(">a\nACGUUAGCUGA\n")
    words = ["mutate", str(tmp_path / "one.fa"), "--head", str(workbench / "head"), "--label", "gc"]
    words += ["--model", str(workbench / "model"), "-o", str(tmp_path / "m.tsv"), "--device", "cpu"]
    assert main([*words, "--plot", str(tmp_path / "m.png"), "--zoom", "2", "9"]) == 0
    shown = capsys.readouterr()
    assert "non_coding_transcript_exon_variant" in shown.out
    assert "a: gc " in shown.err
    assert "33 mutants" in shown.err
    assert len((tmp_path / "m.tsv").read_text().splitlines()) == 34
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
    assert main([*words, "--overwrite", "--transcripts", "b"]) == 2
    assert "no RNA named 'b'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"out": "m.txt"}, "m.txt: unknown format"),
        ({"plot": "m.bmp"}, "written as"),
        ({"plot": "m.png"}, "--plot draws one RNA, got 2"),
        ({"transcripts": ("s2", "s7")}, "no RNA named 's7'"),
        ({"zoom": (0, 5)}, "--zoom 0 5: expected a first and a last base"),
        ({"zoom": (5, 24)}, "from 1 to 23"),
        ({"threads": 0}, "--threads 0"),
        ({"device": "abacus"}, "--device .*abacus"),
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


def test_too_many_nucleotides(workbench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ism, "MAX_NT", 100)
    with pytest.raises(InputError, match="17,840 nt of 40 RNAs to mutate, expected at most 100"):
        mutate((workbench / "corpus",), out=tmp_path / "m.csv", **options(workbench))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="nothing to mutate"):
        mutate((), out=tmp_path / "m.csv", **options(workbench))  # type: ignore[arg-type]


def predictor_on(encoder: Encoder) -> LinearPredictor:
    weights = np.random.default_rng(5).normal(size=encoder.dim)
    return LinearPredictor(encoder, LinearModel(weights, 0.7), "half_life")


@pytest.fixture(scope="module")
def result(trained: Encoder, mrna: Codes) -> MutationScan:
    return scan(predictor_on(trained), mrna, transcript_id="t1")


def test_effects_equal_embedding_every_mutant(result: MutationScan, trained: Encoder, mrna: Codes) -> None:
    rng = np.random.default_rng(0)
    model = predictor_on(trained).model
    value = model(trained.embed_codes([mrna]))[0]
    assert result.value == pytest.approx(value, abs=1e-4)
    for position in rng.integers(len(mrna), size=8).tolist():
        mutants = [mutate_base(mrna, position, base) for base in range(4)]
        expected = model(trained.embed_codes(mutants)) - value
        assert result.effects[position] == pytest.approx(expected, abs=1e-4)


def test_reference_base_has_no_effect(result: MutationScan) -> None:
    known = result.bases < 4
    assert (result.effects[np.flatnonzero(known), result.bases[known]] == 0).all()
    assert (result.effects[~known] != 0).all(), "an unknown base has four mutants"
    assert np.count_nonzero(result.effects) > 0.95 * 3 * len(result)


def test_importance() -> None:
    effects = np.array([[0, 1, 2, 3], [4, 4, 4, 0], [1, 1, 1, 1]], np.float32)
    one = MutationScan("t", "y", np.array([0, 3, 4], np.uint8), 0.0, effects)
    assert one.importance.tolist() == [-2, -4, -1]


def test_prediction_that_counts_a_base(few_channels: None) -> None:
    """The stem detects A and the blocks pass it on, so the effects are known."""
    encoder = isoclr.create("isoclr-s", seed=0, pooling="all")
    codes = np.random.default_rng(0).integers(0, 4, 320).astype(np.uint8)
    for parameter in encoder.network.parameters():
        torch.nn.init.zeros_(parameter)
    stem = encoder.network.stem
    with torch.no_grad():
        stem.norm.weight.fill_(float(np.sqrt(1 + stem.norm.eps)))
        stem.weight[0, 0, 0] = 1.0  # the first channel is 1 where a base is A, before pooling by two
    first = LinearModel(np.eye(encoder.dim)[0], 0.0)  # the first block's first channel: A anywhere in its 4 nt
    result = scan(LinearPredictor(encoder, first), codes)
    is_a = (codes == 0).reshape(-1, 4)
    assert result.value == pytest.approx(is_a.any(1).mean())
    alone = is_a.sum(1) == 1
    expected = np.zeros((80, 4, 4))
    expected[~is_a.any(1), :, 0] = 1 / 80  # an A where there was none
    expected[alone[:, None] & is_a] = [0, -1 / 80, -1 / 80, -1 / 80]  # the only one lost
    assert result.effects == pytest.approx(expected.reshape(320, 4), abs=1e-6)


def test_encoder_with_a_large_receptive_field(few_channels: None) -> None:
    encoder = isoclr.create("isoclr-l", seed=0)
    codes = np.random.default_rng(0).integers(0, 4, 12).astype(np.uint8)
    result, model = scan(predictor_on(encoder), codes), predictor_on(encoder).model
    mutants = [mutate_base(codes, 3, base) for base in range(4)]
    expected = model(encoder.embed_codes(mutants)) - model(encoder.embed_codes([codes]))
    assert result.effects[3] == pytest.approx(expected, abs=1e-3)


def test_threads(trained: Encoder, mrna: Codes) -> None:
    before, short = torch.get_num_threads(), mrna[:40]
    alone = scan(predictor_on(trained), short)
    try:
        torch.set_num_threads(2)
        together = scan(predictor_on(trained), short)
    finally:
        torch.set_num_threads(before)
    assert together.effects == pytest.approx(alone.effects, abs=1e-4)


def test_progress(trained: Encoder) -> None:
    done: list[int] = []
    codes = nucleotides("ACGTNACGT")
    scan(predictor_on(trained), codes, progress=done.append)
    assert sum(done) == 8 * 3 + 4 == len(point_mutations(codes)[0])


def test_regions_and_base_table(result: MutationScan) -> None:
    assert result.coding == (61, 361)
    assert result.exon_ends.tolist() == [99, 249, 499]
    counts = dict(zip(*np.unique(result.regions, return_counts=True), strict=True))
    assert counts == {"5' UTR": 61, "CDS": 300, "3' UTR": 139}
    table = result.base_table()
    assert table.columns == [*("transcript_id", "gene_symbol", "position", "base", "region", "importance"), *"ACGU"]
    assert table["position"].to_list() == [*range(1, 501)]
    assert table["base"][440] == "N"
    assert table.select("A", "C", "G", "U").to_numpy() == pytest.approx(result.effects)
    assert table["transcript_id"].unique().to_list() == ["t1"]


def test_one_row_per_mutation(result: MutationScan) -> None:
    table = result.table()
    assert table.columns == [
        *("transcript_id", "gene_symbol", "position", "ref", "alt", "effect"),
        *("consequence", "codon_change", "aa_change"),
    ]
    assert table.height == 3 * 499 + 4
    assert not table.filter(pl.col("ref") == pl.col("alt")).height
    effects = result.effects[table["position"].to_numpy() - 1, ["ACGU".index(x) for x in table["alt"]]]
    assert (table["effect"].to_numpy() == effects).all()
    inside = (table["position"] > 61) & (table["position"] <= 361)
    assert (table["codon_change"].is_not_null() == inside).all()
    assert table.filter(consequence="start_lost")["aa_change"].str.starts_with("M1").all()
    assert table.filter(consequence="synonymous_variant")["aa_change"].str.ends_with("=").all()
    assert table.filter(consequence="stop_gained")["aa_change"].str.ends_with("*").all()


def test_rows_are_means_by_consequence(result: MutationScan) -> None:
    rows = pl.DataFrame(result.rows())
    kinds = result.consequences
    for name in ("missense_variant", "stop_gained", "3_prime_UTR_variant"):
        own = result.effects[kinds == CONSEQUENCES.index(name)]
        shown = rows.filter(consequence=name, metric="mean absolute effect")
        assert shown["value"].item() == pytest.approx(abs(own).mean(), rel=1e-5)
        assert shown["n"].item() == len(own)
    assert rows.filter(metric="mean effect")["n"].sum() == 3 * 499 + 4


def test_noncoding_rna(trained: Encoder) -> None:
    result = scan(predictor_on(trained), encode(nucleotides("ACGUA")))
    assert set(result.regions.tolist()) == {"RNA"}
    assert {row["consequence"] for row in result.rows()} == {"non_coding_transcript_exon_variant"}


def test_bad_input_scanning(trained: Encoder) -> None:
    with pytest.raises(InputError, match="t9: is empty"):
        scan(predictor_on(trained), np.empty(0, np.uint8), transcript_id="t9")
    with pytest.raises(InputError, match=r"3 coefficients .* expected 10"):
        LinearPredictor(trained, LinearModel(np.ones(3), 0.0))
