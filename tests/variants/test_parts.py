"""Runs that are killed and go on, and outputs in parts."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pysam
import pytest

import isoclr
from isoclr.errors import InputError
from isoclr.probing.resolve import find_head
from isoclr.variants import variants as command
from isoclr.variants.parts import Parts
from isoclr.variants.variants import variants

pytestmark = pytest.mark.usefixtures("narrow")
Run = Callable[..., command.VariantEffects]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command on 60 phased point mutations of two genes, seven alleles at a time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "CHUNK", 7)
    rng = np.random.default_rng(0)
    chromosome = "".join(rng.choice(list("ACGT"), 400))
    Path("g.fa").write_text(f">1\n{chromosome}\n")
    blocks = "2\t60,80\t0,100"
    Path("t.bed").write_text(
        f"chr1\t20\t200\tT1\t0\t+\t30\t150\t0\t{blocks}\nchr1\t150\t330\tT2\t0\t-\t160\t160\t0\t{blocks}\n"
    )
    header = "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=400>\n"
    header += '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">\n'
    header += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n"
    lines = ""
    for i, position in enumerate(range(20, 330, 5)):
        ref = chromosome[position]
        alts = [base for base in "ACGT" if base != ref][: 1 + (i % 3 == 0)]
        text = ("0|1", "1|0", "1|1", "0/1")[i % 4]
        lines += f"chr1\t{position + 1}\tv{i}\t{ref}\t{','.join(alts)}\t.\t.\t.\tGT\t{text}\n"
    Path("v.vcf").write_text(header + lines)
    isoclr.create("isoclr-s", seed=0).save(tmp_path / "model")

    def start(**options: object) -> command.VariantEffects:
        given = {"annotation": (Path("t.bed"),), "genome": Path("g.fa"), "model": "model"}
        return variants(Path("v.vcf"), **{**given, "phased": True, **options})  # type: ignore[arg-type]

    return start


def killed(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Stop the work after so many chunks."""
    add, count = Parts.add, [0]

    def stop(self: Parts, number: int, table: pl.DataFrame) -> None:
        if count[0] == after:
            raise KeyboardInterrupt
        count[0] += 1
        add(self, number, table)

    monkeypatch.setattr(Parts, "add", stop)


@pytest.mark.parametrize("suffix", [".parquet", ".tsv"])
def test_a_killed_run_goes_on_to_the_same_bytes(run: Run, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(out=Path(f"a{suffix}"), vcf_out=Path("a.vcf"), report=Path("a.html"))
    outputs = {"out": Path(f"b{suffix}"), "vcf_out": Path("b.vcf"), "report": Path("b.html")}
    with monkeypatch.context() as patched:
        killed(patched, 3)
        with pytest.raises(KeyboardInterrupt):
            run(**outputs)
    assert not any(path.exists() for path in outputs.values())
    assert len(Parts(Path(f"b{suffix}.parts")).paths) == 3
    with pytest.raises(InputError, match="--resume goes on with it, --overwrite starts anew"):
        run(**outputs)
    with monkeypatch.context() as patched:
        killed(patched, 100)
        done = run(**outputs, resume=True)
    for path in outputs.values():
        assert path.read_bytes() == Path(f"a{path.suffix}").read_bytes()
    assert done.skipped == whole.skipped
    assert done.unjoined == whole.unjoined
    assert done.means.equals(whole.means)
    assert not Path(f"b{suffix}.parts").exists()


def test_what_is_done_is_not_done_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        killed(patched, 5)
        with pytest.raises(KeyboardInterrupt):
            run(out=Path("b.tsv"))
    numbers, add = [], Parts.add

    def note(self: Parts, number: int, table: pl.DataFrame) -> None:
        numbers.append(number)
        add(self, number, table)

    monkeypatch.setattr(Parts, "add", note)
    run(out=Path("b.tsv"), resume=True)
    assert numbers[0] == 5


def test_a_run_goes_on_only_with_what_it_was_started_with(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        killed(patched, 2)
        with pytest.raises(KeyboardInterrupt):
            run(out=Path("b.tsv"))
    with pytest.raises(InputError, match=r"other options; .*--no-rank \(given: --rank\)"):
        run(out=Path("b.tsv"), resume=True, rank=True)
    assert Path("b.tsv.parts").exists()
    run(out=Path("b.tsv"), overwrite=True)
    assert Path("b.tsv").exists()
    with pytest.raises(InputError, match="exists already"):
        run(out=Path("b.tsv"), resume=True)


def test_an_error_at_the_end_keeps_what_is_done(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise InputError("no space")

    with monkeypatch.context() as patched:
        patched.setattr(command, "write_vcf", fail)
        with pytest.raises(InputError, match="no space"):
            run(vcf_out=Path("b.vcf"))
        assert len(Parts(Path("b.vcf.parts")).paths) > 5
    with monkeypatch.context() as patched:
        patched.setattr(Parts, "add", fail)
        run(vcf_out=Path("b.vcf"), resume=True)
    assert not Path("b.vcf.parts").exists()


def test_a_head_that_was_fitted_again_is_another_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(species: str, **options: object) -> None:
        shutil.copytree(find_head("half-life", species, "isoclr-s.v2"), "head", dirs_exist_ok=True)
        run(out=Path("b.tsv"), head=(Path("head"),), model=None, **options)

    for resume in (False, True):
        with monkeypatch.context() as patched:
            killed(patched, 0)
            with pytest.raises(KeyboardInterrupt):
                start("human", resume=resume)
    with pytest.raises(InputError, match=r"other options; it was started with --head .* of SHA-256"):
        start("mouse", resume=True)


def test_other_variants_in_a_stream_are_noticed(run: Run, tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    parts.add(0, run().table.head(0))
    with pytest.raises(InputError, match="holds other variants"):
        parts.holds(0, [_Row()])  # type: ignore[list-item]


class _Row:
    transcript = type("T", (), {"transcript_id": "T1"})

    def place_cells(self) -> tuple[object, ...]:
        return "chr1", 5, ".", "A", "C", ""


def test_the_parts_do_not_change_the_result(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    small = run()
    monkeypatch.setattr(command, "CHUNK", 1_000)
    large = run()
    assert small.table.drop("delta").sort(pl.all()).equals(large.table.drop("delta").sort(pl.all()))
    found = small.table.sort("POS", "ALT", "transcript")["delta"].to_numpy()
    expected = large.table.sort("POS", "ALT", "transcript")["delta"].to_numpy()
    assert found == pytest.approx(expected, rel=1e-3, nan_ok=True)


def test_haplotypes_stand_in_the_records_of_their_alleles(run: Run) -> None:
    table = run(vcf_out=Path("out.vcf")).table
    joint = table.filter(pl.col("haplotype") != "")
    assert joint["haplotype"].unique().sort().to_list() == ["0|1", "1|0"]
    assert joint["delta"].is_null().all() == joint["flag"].ne("").all()
    with pysam.VariantFile("out.vcf") as opened:
        entries = {record.pos: record.info.get("ISOCLR", ()) for record in opened}
    for row in joint.rows(named=True):
        alleles = row["ALT"].count("+") + 1
        holding = [
            position
            for position, texts in entries.items()
            if any(text.startswith(f"{row['ALT']}|") and row["transcript"] in text for text in texts)
        ]
        assert len(holding) == alleles
        assert holding[0] == row["POS"]


def test_bad_requests(run: Run) -> None:
    before = sorted(Path().iterdir())
    for options, message in (
        ({"sample": "S", "phased": False}, "--sample"),
        ({"resume": True}, "give --out"),
        ({"sample": "X", "out": Path("b.tsv")}, "expected one of S"),
        ({"report": Path("b.txt")}, r"b\.txt.*\.html"),
    ):
        with pytest.raises(InputError, match=message):
            run(**options)
    assert sorted(Path().iterdir()) == before
