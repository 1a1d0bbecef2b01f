from pathlib import Path
from typing import Any

import pytest

from isoclr.errors import InputError
from isoclr.evaluation.plan import CorpusOptions, read_plan

RUNS = Path(__file__).parents[2] / "runs"


def test_defaults(world: Any) -> None:
    plan = read_plan(world.plan("[main]\n[low_data]\n"))
    assert list(plan.studies) == ["main", "low_data"]
    assert plan.tasks["gc"].task.label == "gc"
    assert plan.tasks["gc"].splits == 3
    assert plan.studies["main"].tasks == ("gc",)
    assert plan.studies["low_data"].percentages[-1] == 0.5
    assert plan.models[0].path == str(world.folder / "model")


def test_ablations(world: Any) -> None:
    plan = read_plan(
        world.plan(
            """
            [ablations]
            steps = 2
            pretrain = { batch_size = 4 }
            [[ablations.run]]
            name = "full"
            [[ablations.run]]
            name = "mask only"
            corpus.isoforms = "one"
            corpus.grouping = "genes"
            pretrain.mask = 0.3
            """
        )
    )
    study = plan.studies["ablations"]
    full, only = study.run
    assert full.corpus == CorpusOptions()
    assert (only.corpus.isoforms, only.corpus.grouping) == ("one", "genes")
    config = study.config(only, seed=5)
    assert (config.mask, config.batch_size, config.seed) == (0.3, 4, 5)
    assert study.config(full, seed=5).mask == 0.15


@pytest.mark.parametrize(
    ("studies", "message"),
    [
        ("", "no study"),
        ("[main]\nmethod = []", "main.*method"),
        ("[main]\ntasks = ['x']", "main: 'x' is no task of the plan: gc"),
        ("[main]\nmethods = ['x']", "main.methods.*'x'"),
        ("[nonsense]", "nonsense"),
        ("[main]\n[[embeddings]]\nname = 'small'\npath = 'gc.tsv'", "'small' is given twice"),
        ("[main]\n[[model]]\nname = 'small'\npath = 'model'", "'small' is given twice"),
        ("[low_data]\npercentages = [0]", r"low_data\.percentages"),
        ("[low_data]\npercentages = [101]", r"low_data\.percentages"),
        ("[low_data]\nsplits = 0", r"low_data\.splits"),
        ("[low_data]\nsplits = true", r"low_data\.splits"),
        ("[ablations]\nsteps = 1\npretrain = { step = 1 }\nrun = []", "step"),
        ("[ablations]\nsteps = 1", "ablations.*run"),
        ("[ablations]\nrun = [{ name = 'a' }]", "ablations.*steps"),
        ("[ablations]\nsteps = 1\nrun = [{ name = 'a' }, { name = 'a' }]", "'a' is given twice"),
        ("[ablations]\nsteps = 1\nrun = [{ name = 'a', pretrain.x = 1 }]", r"'a': pretrain\.x"),
        ("[ablations]\nsteps = 1\nrun = [{ name = 'a', pretrain.batch_size = 1 }]", "batch_size"),
        ("[ablations]\nsteps = 1\nrun = [{ name = 'a', pretrain.seed = 1 }]", r"pretrain\.seed"),
        ("[ablations]\nsteps = 1\nrun = [{ name = 'a', pretrain.mask = 2 }]", "--mask is 2"),
        ("[finetuning]\nfinetune = { out = 'x' }", "finetuning.*out"),
        ("[finetuning]\nfinetune = { epochs = 'x' }", "epochs"),
        ("[finetuning]\nfinetune = { scratch = true }", r"finetuning\.finetune\.scratch"),
        ("[finetuning]\nmultitask = 'gc'", r"finetuning\.multitask"),
        ("[finetuning]\nmultitask = [['gc']]", r"finetuning\.multitask: \['gc'\]"),
        ("[finetuning]\nmultitask = [['gc', 'x']]", "finetuning: 'x' is no task"),
        ("[finetuning]\nmultitask = [['gc', 'gc']]", r"finetuning\.multitask: \['gc', 'gc'\]"),
        ("[latent]\nsupervised = 'x'", "latent: 'x' is no task"),
        ("[ontology]\ntasks = []\nsupervised = 'x'", "ontology: 'x' is no task"),
        ("[latent]\nfinetune = { epochs = 1 }", r"latent\.finetune: needs latent\.supervised"),
    ],
)
def test_errors_name_the_file_and_the_key(world: Any, studies: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_plan(world.plan(studies))
    assert str(caught.value).count("plan.toml: ") == 1
    assert "\n" not in str(caught.value)


def test_missing_files(world: Any) -> None:
    with pytest.raises(InputError, match=r"plan\.toml: corpus: .*nowhere does not exist"):
        read_plan(world.plan(corpus="nowhere"))
    with pytest.raises(InputError, match=r"task\.chromosomes: .*nowhere does not exist"):
        read_plan(world.plan(split='["chromosome"]\nchromosomes = ["nowhere"]'))
    with pytest.raises(InputError, match=r"nothing\.toml: not found"):
        read_plan(world.folder / "nothing.toml")
    (world.folder / "bad.toml").write_text("a = ")
    with pytest.raises(InputError, match=r"bad\.toml"):
        read_plan(world.folder / "bad.toml")


def test_environment_variables(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE", str(world.folder))
    plan = read_plan(world.plan(corpus="${WHERE}/corpus", model="${WHERE}/model"))
    assert plan.corpus == world.folder / "corpus"
    assert plan.models[0].path == str(world.folder / "model")
    with pytest.raises(InputError, match=r"plan\.toml: .*NOWHERE_TO_BE_SEEN is not set"):
        read_plan(world.plan(corpus="${NOWHERE_TO_BE_SEEN}/x"))


def test_constructs_are_left_out_of_mutagenesis(world: Any) -> None:
    assay = f"[[task]]\ntask = '{world.constructs()}'\n"
    plan = read_plan(world.plan(assay + "[mutagenesis]"))
    assert plan.studies["mutagenesis"].tasks == ("gc",)


def test_terms_of_another_species_than_the_map(world: Any) -> None:
    terms = f"ontology = '{world.ontology()}'"
    assert "latent" in read_plan(world.plan(f"[latent]\n{terms}")).studies
    assert "latent" in read_plan(world.plan(f"[latent]\nspecies = 'human'\n{terms}")).studies
    with pytest.raises(InputError, match=r"latent\.ontology: 'go\.toml' .* mouse"):
        read_plan(world.plan(f"[latent]\nspecies = 'mouse'\n{terms}"))


@pytest.mark.parametrize("path", sorted(RUNS.glob("paper_*.toml")), ids=lambda path: path.stem)
def test_plans_that_ship(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OUT", "DATA", "CORPUS", "HUMAN_GENES", "MOUSE_GENES"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("MODEL", "MODEL_S", "MODEL_M"):
        monkeypatch.setenv(name, "isoclr-s")
    (tmp_path / "corpus").mkdir()
    assert read_plan(path).studies
