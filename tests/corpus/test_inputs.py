from pathlib import Path
from typing import Any

import pytest

from isoclr.corpus.inputs import BuildConfig, Input, Plan, gene_id_tables, make_input, make_plan, short_name
from isoclr.errors import InputError

HUMAN = Input("human", Path("t.fa"), None, ())


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("t.fa", "g.fa", "a.gtf", "b.gtf", "ids.tsv", "h.data"):
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _input(species: str | None = "human", **files: Any) -> Input:
    return make_input(species, **{"transcripts": None, "genome": None, "annotation": ()} | files)


def test_input(files: Path) -> None:
    source = _input(transcripts="t.fa", annotation=["a.gtf", Path("b.gtf")])
    assert source == Input("human", Path("t.fa"), None, (Path("a.gtf"), Path("b.gtf")))
    assert source.files == [Path("t.fa"), Path("a.gtf"), Path("b.gtf")]
    assert source.name == "human: t.fa"


@pytest.mark.parametrize("annotation", ["a.gtf", Path("a.gtf"), ["a.gtf"], (Path("a.gtf"),)])
def test_one_annotation_as_path_or_text(annotation: Any, files: Path) -> None:
    assert _input(genome="g.fa", annotation=annotation).annotation == (Path("a.gtf"),)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "neither of transcripts and genome given"),
        ({"transcripts": "t.fa", "genome": "g.fa"}, "both of transcripts and genome"),
        ({"genome": "g.fa"}, "genome without annotation"),
        ({"species": None, "transcripts": "t.fa"}, "species is None, expected a name"),
        ({"transcripts": "none.fa"}, r"transcripts: no file none\.fa"),
    ],
)
def test_wrong_input(arguments: dict[str, Any], message: str, files: Path) -> None:
    with pytest.raises(InputError, match=message):
        _input(**arguments)


def test_short_name() -> None:
    assert short_name("Homo sapiens") == short_name("hg38") == short_name("human") == "human"
    assert short_name(" axolotl ") == "axolotl"


def _plan(*files: Path, inputs: Any = (), **options: Any) -> Plan:
    return make_plan(files, inputs, None, (), BuildConfig(**options))


def test_toml_paths_are_relative_to_the_file(files: Path) -> None:
    folder = files / "runs"
    folder.mkdir()
    toml = folder / "x.toml"
    toml.write_text(
        'homology = "../h.data"\norf = false\ngene_ids = {human = "../ids.tsv"}\n'
        '[[input]]\nspecies = "human"\ngenome = "../g.fa"\nannotation = ["../a.gtf", "../b.gtf"]\n'
    )
    plan = _plan(toml)
    (source,) = plan.inputs
    assert source.species == "human"
    assert source.genome is not None
    assert source.genome.samefile(files / "g.fa")
    assert len(source.annotation) == 2
    assert plan.config.orf is False
    assert plan.homology is not None
    assert plan.homology.samefile(files / "h.data")
    assert plan.gene_ids["human"].samefile(files / "ids.tsv")
    assert len(plan.files) == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 3", r"x\.toml: .*unknown field `colour`"),
        ('[[input]]\nspecies = "h"\nfasta = "t.fa"', r"x\.toml: input\[0\]: .*`fasta`"),
        ('[[input]]\nspecies = 3\ntranscripts = "t.fa"', r"input\[0\]\.species: Expected `str`"),
        ('[[input]]\ntranscripts = "t.fa"', r"input\[0\]: missing required field `species`"),
        ('[[input]]\nspecies = "h"\ntranscripts = "none.fa"', "input 1: transcripts: no file"),
        ('[[input]]\nspecies = "h"\norf = 1', r"input\[0\]\.orf: Expected `bool`"),
        ('[input]\nspecies = "h"', "input: Expected `array`"),
        ("a = = 3", r"x\.toml: is no TOML"),
        ('homology = "nowhere"', r"x\.toml: homology: no file"),
        ('scope = "galaxy"', r"x\.toml: scope: Invalid enum value 'galaxy'"),
        ("max_length = 0", r"x\.toml: --max-length is 0, expected at least 1"),
    ],
)
def test_wrong_toml(text: str, message: str, files: Path) -> None:
    toml = files / "x.toml"
    toml.write_text(text)
    with pytest.raises(InputError, match=message) as error:
        _plan(toml)
    assert "\n" not in str(error.value)


def test_missing_toml(files: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.toml: not found"):
        _plan(files / "nowhere.toml")


def test_options_take_precedence_over_toml(files: Path) -> None:
    toml = files / "x.toml"
    toml.write_text(
        'max_length = 99\nnoncoding = false\nhomology = "t.fa"\ngene_ids = "ids.tsv"\n'
        '[[input]]\nspecies = "human"\ntranscripts = "t.fa"\n'
    )
    config = BuildConfig(max_length=50)
    plan = make_plan([toml], [HUMAN], files / "h.data", ["human=a.gtf"], config)
    assert plan.species == ["human"]
    assert [source.transcripts for source in plan.inputs] == [Path("t.fa"), files / "t.fa"]
    assert plan.config == BuildConfig(max_length=50, noncoding=False)
    assert plan.homology == files / "h.data"
    assert plan.gene_ids == {"human": Path("a.gtf")}
    assert _plan(toml).gene_ids == {"human": files / "ids.tsv"}


def test_nothing_to_build_from() -> None:
    with pytest.raises(InputError, match="nothing to build from"):
        _plan()


def test_gene_id_tables(files: Path) -> None:
    both = ["human", "mouse"]
    assert gene_id_tables([("", "ids.tsv")], ["human"]) == {"human": Path("ids.tsv")}
    tables = gene_id_tables([("hg38", "ids.tsv"), ("mouse", "h.data")], both)
    assert tables == {"human": Path("ids.tsv"), "mouse": Path("h.data")}
    assert gene_id_tables((), both) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ids.tsv", "for which of human, mouse"),
        ("cow=ids.tsv", "no input of 'cow', expected human, mouse"),
        ("human=nowhere.tsv", r"--gene-ids human: no file nowhere\.tsv"),
    ],
)
def test_wrong_gene_id_tables(text: str, message: str, files: Path) -> None:
    mouse = Input("mouse", Path("t.fa"), None, ())
    with pytest.raises(InputError, match=message):
        make_plan([], [HUMAN, mouse], None, [text], BuildConfig())


def test_threads() -> None:
    assert BuildConfig().threads >= 1
    assert BuildConfig(jobs=3).threads == 3


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("scope", "galaxy", "--scope is 'galaxy', expected across-species or within-species"),
        ("max_length", 0, "--max-length is 0, expected at least 1"),
        ("max_length", "long", "--max-length is 'long'"),
        ("orf", "yes", "--orf is 'yes'"),
        ("jobs", -1, "--jobs is -1, expected at least 0"),
        ("orf_min_length", 3, "--orf-min-length is 3, expected at least 6"),
    ],
)
def test_wrong_option(option: str, value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        BuildConfig(**{option: value})
