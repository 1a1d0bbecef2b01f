from pathlib import Path
from typing import Any

import pytest

from isoclr.corpus.inputs import gene_id_tables, known_name, make_input, parse_input, read_toml
from isoclr.errors import InputError


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("t.fa", "g.fa", "a.gtf", "b.gtf", "ids.tsv", "h.data"):
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_input_in_one_word(files: Path) -> None:
    found = parse_input("species=human,transcripts=t.fa,annotation=a.gtf,annotation=b.gtf")
    assert found.species == "human"
    assert found.transcripts == Path("t.fa")
    assert found.genome is None
    assert found.annotation == (Path("a.gtf"), Path("b.gtf"))
    assert found.files == [Path("t.fa"), Path("a.gtf"), Path("b.gtf")]
    assert found.name == "human: t.fa"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("species=human", "neither of transcripts and genome given"),
        ("species=human,transcripts=t.fa,genome=g.fa", "both of transcripts and genome"),
        ("species=human,genome=g.fa", "a genome without annotation"),
        ("transcripts=t.fa", "species is None, expected a name"),
        ("species=human,transcripts=none.fa", r"transcripts: no file none\.fa"),
        (
            "species=human,transcript=t.fa",
            "unknown key 'transcript', expected one of species, transcripts",
        ),
        ("species=human,species=mouse,transcripts=t.fa", "species given twice"),
        ("human,transcripts=t.fa", "'human' found, expected KEY=VALUE"),
    ],
)
def test_wrong_words_are_named(word: str, message: str, files: Path) -> None:
    with pytest.raises(InputError, match=message):
        parse_input(word)


def test_species_are_known_by_many_names() -> None:
    assert known_name("Homo sapiens") == known_name("hg38") == known_name("human") == "human"
    assert known_name(" axolotl ") == "axolotl"


def test_a_toml_file_is_read_with_paths_relative_to_it(files: Path) -> None:
    folder = files / "runs"
    folder.mkdir()
    toml = folder / "x.toml"
    toml.write_text(
        'homology = "../h.data"\norf = false\ngene_ids = {human = "../ids.tsv"}\n'
        '[[input]]\nspecies = "human"\ngenome = "../g.fa"\nannotation = ["../a.gtf", "../b.gtf"]\n'
    )
    inputs, options = read_toml(toml, ("homology", "orf", "gene_ids"))
    assert [each.species for each in inputs] == ["human"]
    assert inputs[0].genome is not None
    assert inputs[0].genome.samefile(files / "g.fa")
    assert len(inputs[0].annotation) == 2
    assert options["orf"] is False
    assert options["homology"].samefile(files / "h.data")
    assert options["gene_ids"]["human"].samefile(files / "ids.tsv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 3", r"x\.toml: unknown key 'colour', expected one of homology, orf"),
        ('[[input]]\nspecies = "h"\nfasta = "t.fa"', r"x\.toml: input 1: unknown key 'fasta'"),
        ('[[input]]\nspecies = 3\ntranscripts = "t.fa"', "input 1: species is 3, expected a name"),
        ('[[input]]\nspecies = "h"\ntranscripts = 3', "input 1: transcripts is 3, expected a path"),
        ('[input]\nspecies = "h"', r"expected \[\[input\]\] tables"),
        ("a = = 3", r"x\.toml: not TOML"),
        ('homology = "nowhere"', r"x\.toml: homology: no file"),
    ],
)
def test_a_wrong_toml_file_is_named(text: str, message: str, files: Path) -> None:
    toml = files / "x.toml"
    toml.write_text(text)
    with pytest.raises(InputError, match=message) as error:
        read_toml(toml, ("homology", "orf"))
    assert "\n" not in str(error.value)


def test_a_toml_file_that_is_not_there(files: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.toml: cannot be read"):
        read_toml(files / "nowhere.toml", ())


def test_gene_id_tables_by_species(files: Path) -> None:
    both = ["human", "mouse"]
    assert gene_id_tables(["ids.tsv"], ["human"]) == {"human": Path("ids.tsv")}
    assert gene_id_tables(["hg38=ids.tsv", "mouse=h.data"], both) == {
        "human": Path("ids.tsv"),
        "mouse": Path("h.data"),
    }
    assert gene_id_tables({"mouse": "ids.tsv"}, both) == {"mouse": Path("ids.tsv")}
    assert gene_id_tables((), both) == {}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (["ids.tsv"], "for which of human, mouse"),
        (["cow=ids.tsv"], "no input of 'cow', found human, mouse"),
        (["human=nowhere.tsv"], r"--gene-ids human: no file nowhere\.tsv"),
    ],
)
def test_wrong_gene_id_tables(said: Any, message: str, files: Path) -> None:
    with pytest.raises(InputError, match=message):
        gene_id_tables(said, ["human", "mouse"])


def test_one_annotation_may_be_a_path_or_text(files: Path) -> None:
    for said in ("a.gtf", Path("a.gtf"), ["a.gtf"], (Path("a.gtf"),)):
        found = make_input({"species": "x", "genome": "g.fa", "annotation": said}, "here")
        assert found.annotation == (Path("a.gtf"),)
