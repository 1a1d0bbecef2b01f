"""The cluster recipes under ``recipes/``, with stand-ins for Slurm's programs."""

import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

import isoclr

RECIPES = Path(__file__).parents[1] / "recipes"


@pytest.fixture
def slurm(tmp_path: Path) -> dict[str, str]:
    """The environment of a job on one node: ``srun`` starts a command, ``scontrol`` notes what it is asked for."""
    programs = tmp_path / "bin"
    programs.mkdir()
    python = f'exec "{sys.executable}" -m'
    scripts = {
        "srun": 'while [ "${1#--}" != "$1" ]; do shift; done\nexec "$@"',
        "scontrol": f'echo "$@" >> "{tmp_path / "scontrol.log"}"\n[ "$1" = requeue ] || echo localhost',
        "torchrun": f'{python} torch.distributed.run "$@"',
        "isoclr": f'{python} isoclr "$@"',
    }
    for name, script in scripts.items():
        (programs / name).write_text(f"#!/usr/bin/env bash\n{script}\n")
        (programs / name).chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NODELIST": "node1",
        "SLURM_NNODES": "1",
        "PORT": "0",
    }


def command(recipe: str, *arguments: str | Path) -> list[str]:
    return ["bash", str(RECIPES / "slurm" / recipe), *map(str, arguments)]


@pytest.mark.slow
def test_preempted_pretraining_is_queued_again_and_goes_on(
    workbench: Path, slurm: dict[str, str], tmp_path: Path
) -> None:
    run, log = tmp_path / "run", tmp_path / "scontrol.log"
    options = ("--batch-size", "4", "--steps", "10", "--device", "cpu")
    job = subprocess.Popen(
        command("pretrain.sbatch", workbench / "corpus", run, *options),
        env=slurm,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while not (run / "log.jsonl").exists() or (run / "log.jsonl").read_text().count('"loss"') < 2:
        assert job.poll() is None, job.communicate()[1].decode()
        time.sleep(0.1)
    os.killpg(job.pid, signal.SIGTERM)  # Slurm signals every process
    job.communicate(timeout=120)
    assert job.returncode != 0
    assert log.read_text().splitlines()[-1] == "requeue 7"
    assert (run / "checkpoint.safetensors").exists()
    assert not (run / "model.safetensors").exists()

    again = subprocess.run(
        command("pretrain.sbatch", workbench / "corpus", run, *options),
        env=slurm,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    assert isoclr.load(run).dim == 256
    assert log.read_text().count("requeue") == 1


def test_parts_of_an_array_are_the_whole(workbench: Path, slurm: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    options = ("--model", workbench / "model")
    for task in ("1", "2"):
        env = slurm | {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_MAX": "2"}
        subprocess.run(command("embed.sbatch", workbench / "corpus", folder, *options), env=env, check=True)
    written = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert sorted(written) == ["part-0001.parquet", "part-0002.parquet"]
    subprocess.run(command("embed.sbatch", workbench / "corpus", folder, *options), env=env, check=True)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == written
    table = isoclr.predict((folder,), head=workbench / "head")
    whole = isoclr.predict((workbench / "e.parquet",), head=workbench / "head")
    assert_frame_equal(table.table, whole.table, abs_tol=1e-4)


@pytest.mark.skipif(shutil.which("snakemake") is None, reason="snakemake is not installed")
def test_snakemake(workbench: Path, tmp_path: Path) -> None:
    config = ["--config", f"fasta={workbench}/*.fa", "task=half-life", "species=human"]
    subprocess.run(
        ["snakemake", "-s", RECIPES / "snakemake" / "Snakefile", "--cores", "1", *config], cwd=tmp_path, check=True
    )
    assert (tmp_path / "results/mrnas.half-life.tsv").read_text().count("\n") == 41


def test_apptainer_installs_what_the_dockerfile_does() -> None:
    """Words of the Dockerfile's first stage, and of Apptainer's section ``%post`` between its own first and last."""
    rootfs = runpy.run_path(str(RECIPES / "containers" / "rootfs.py"))
    stages: list[list[tuple[str, str]]] = []
    for keyword, rest in rootfs["instructions"]((RECIPES / "containers" / "Dockerfile").read_text()):
        stages += [[]] if keyword == "FROM" else []
        stages[-1].append((keyword, rest))
    build, final = stages
    run = " && ".join(rest for keyword, rest in build if keyword == "RUN")
    post = (RECIPES / "containers" / "apptainer.def").read_text()
    post = post.partition("%post\n")[2].partition("%environment")[0]
    post = post.partition("cd /source\n")[2].partition("rm -rf /source")[0]
    assert run.replace("&&", "").split() == post.replace("\\\n", "").split()
    assert ("COPY", "--from=build /opt/isoclr /opt/isoclr") in final
    for source in (s for k, rest in build if k == "COPY" for s in rest.split()[:-1]):
        assert (RECIPES.parent / source).exists()


def test_bioconda_recipe_has_the_dependencies_of_the_package() -> None:
    jinja2 = pytest.importorskip("jinja2")
    yaml = pytest.importorskip("yaml")
    text = (RECIPES / "bioconda" / "meta.yaml").read_text()
    made = jinja2.Template(text, undefined=jinja2.StrictUndefined).render(
        PYTHON="python", pin_subpackage=lambda name, max_pin: f"{name} {max_pin}"
    )
    recipe = yaml.safe_load(made)
    names = {
        "torch": "pytorch",
        "huggingface-hub": "huggingface_hub",
        "matplotlib": "matplotlib-base",
        "openTSNE": "opentsne",
    }
    project = tomllib.loads((RECIPES.parent / "pyproject.toml").read_text())["project"]
    wanted = ["python " + project["requires-python"]]
    for dependency in project["dependencies"]:
        name, least, version = dependency.partition(">=")
        wanted.append(f"{names.get(name, name)} {least}{version}")
    assert recipe["requirements"]["run"] == wanted
    assert recipe["package"] == {"name": "isoclr", "version": isoclr.__version__}
    scripts = [f"{name} = {target}" for name, target in project["scripts"].items()]
    assert recipe["build"]["entry_points"] == scripts
    assert recipe["about"]["license"] == project["license"]
    assert (RECIPES.parent / recipe["about"]["license_file"]).exists()


def test_every_dependency_is_imported() -> None:
    project = tomllib.loads((RECIPES.parent / "pyproject.toml").read_text())["project"]
    modules = {"scikit-learn": "sklearn", "huggingface-hub": "huggingface_hub"}
    source = "\n".join(path.read_text() for path in (RECIPES.parent / "src").rglob("*.py"))
    for dependency in project["dependencies"]:
        name = dependency.partition(">=")[0]
        assert re.search(rf"^ *(import|from) {modules.get(name, name)}\b", source, re.M), f"{name} is never imported"


def test_lowest_versions_are_those_of_the_package() -> None:
    """``constraints-lowest.txt`` pins every dependency to the least version that pyproject.toml allows."""
    project = tomllib.loads((RECIPES.parent / "pyproject.toml").read_text())["project"]
    extras = [one for extra in project["optional-dependencies"].values() for one in extra]
    lines = (RECIPES.parent / "constraints-lowest.txt").read_text().splitlines()
    pins = [line.replace("==", ">=") for line in lines if not line.startswith("#")]
    assert pins[: len(project["dependencies"])] == project["dependencies"]
    assert set(pins) <= {*project["dependencies"], *extras}
