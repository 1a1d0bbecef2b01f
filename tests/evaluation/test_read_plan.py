from typing import Any

import pytest

from isoclr.errors import InputError
from isoclr.evaluation.read_plan import read_plan


def test_a_plan_has_defaults(world: Any) -> None:
    plan = read_plan(world.plan("[main]\n[low_data]\n"))
    assert plan.studies == ("main", "low_data")
    assert plan.tasks["gc"].task.label == "gc"
    assert plan.tasks["gc"].repeats == 3
    assert plan.low_data is not None
    assert plan.low_data.shares[-1] == 0.5
    assert plan.models[0].path == str(world.folder / "model")


def test_ablations_are_options_of_the_corpus_and_of_pre_training(world: Any) -> None:
    plan = read_plan(
        world.plan(
            """
            [ablations]
            pretrain = { steps = 2, batch_size = 4 }
            [[ablations.run]]
            name = "full"
            [[ablations.run]]
            name = "mask only"
            isoforms = "one"
            grouping = "genes"
            mask = 0.3
            """
        )
    )
    assert plan.ablations is not None
    full, only = plan.ablations.runs
    assert (full.corpus, full.pretrain) == ({}, {})
    assert only.corpus == {"isoforms": "one", "grouping": "genes"}
    assert only.pretrain == {"mask": 0.3}


@pytest.mark.parametrize(
    ("studies", "message"),
    [
        ("", "no study, expected one or more of main"),
        (
            "[main]\nmethod = []",
            r"\[main\]: method is \[\], expected one of tasks, methods, probes",
        ),
        ("[main]\ntasks = ['x']", r"\[main\]: tasks is 'x', expected of gc"),
        ("[main]\nmethods = ['x']", r"\[main\]: methods is 'x', expected of embedding"),
        ("[nonsense]", "nonsense is {}, expected one of corpus"),
        ("[main]\n[[embeddings]]\nname = 'small'\npath = 'gc.tsv'", "which a .* has"),
        ("[main]\n[[model]]\nname = 'small'\npath = 'model'", "'small' twice"),
        ("[ablations]\npretrain = { step = 1 }", r"pretrain\.step is 1, expected one of model"),
        ("[ablations]\npretrain = { steps = 1 }", "run is missing"),
        ("[finetuning]\noptions = { out = 'x' }", r"options\.out is 'x', expected one of"),
        ("[finetuning]\ntogether = 'gc'", "together is 'gc', expected lists of two or more of gc"),
        ("[finetuning]\ntogether = [['gc']]", r"together is \['gc'\], expected lists of two"),
        ("[finetuning]\ntogether = [['gc', 'x']]", r"together is \['gc', 'x'\], expected"),
        ("[finetuning]\ntogether = [['gc', 'gc']]", r"together is \['gc', 'gc'\], expected"),
        ("[latent]\nsupervised = 'x'", r"\[latent\]: supervised is 'x', expected gc"),
        (
            "[ontology]\ntasks = []\nsupervised = 'x'",
            r"\[ontology\]: supervised is 'x', expected gc",
        ),
        ("[latent]\noptions = { epochs = 1 }", "supervised is missing, expected the task"),
    ],
)
def test_a_bad_plan_is_one_line_that_names_the_file_and_the_key(
    world: Any, studies: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_plan(world.plan(studies))
    assert "plan.toml: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_are_named(world: Any) -> None:
    with pytest.raises(InputError, match=r"corpus is '.*nowhere', expected an existing file"):
        read_plan(world.plan(corpus="nowhere"))
    with pytest.raises(InputError, match=r"\[\[task\]\] 1: chromosomes is '.*nowhere', expected"):
        read_plan(world.plan(splits='["chromosome"]\nchromosomes = ["nowhere"]'))
    with pytest.raises(InputError, match="no such file, expected a benchmark's plan"):
        read_plan(world.folder / "nothing.toml")
    (world.folder / "bad.toml").write_text("a = ")
    with pytest.raises(InputError, match="not readable as TOML"):
        read_plan(world.folder / "bad.toml")


def test_constructs_are_left_out_of_mutagenesis_unless_asked_for(world: Any) -> None:
    assay = f"[[task]]\ntask = '{world.constructs()}'\n"
    plan = read_plan(world.plan(assay + "[mutagenesis]"))
    assert plan.mutagenesis is not None
    assert plan.mutagenesis.tasks == ("gc",)


def test_terms_of_another_species_than_the_maps_are_refused(world: Any) -> None:
    terms = f"ontology = '{world.ontology()}'"
    assert read_plan(world.plan(f"[latent]\n{terms}")).latent is not None
    assert read_plan(world.plan(f"[latent]\nspecies = 'human'\n{terms}")).latent is not None
    with pytest.raises(InputError, match=r"ontology is 'go\.toml', expected terms of .* mouse"):
        read_plan(world.plan(f"[latent]\nspecies = 'mouse'\n{terms}"))
