from pathlib import Path
from typing import Any

import pytest

from isoclr.corpus.planning import DEFAULTS, make_plan
from isoclr.errors import InputError


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    (tmp_path / "t.fa").write_text(">a\nACGT\n")
    return tmp_path / "t.fa"


def _plan(fasta: Path, **given: Any) -> Any:
    return make_plan([], {"species": "human", "transcripts": fasta}, (), DEFAULTS | given)


def test_inputs_from_everywhere_in_one_order(fasta: Path) -> None:
    toml = fasta.parent / "x.toml"
    toml.write_text(
        f'max_length = 99\nnoncoding = false\n[[input]]\nspecies="cow"\ntranscripts="{fasta.name}"\n'
    )
    plan = make_plan(
        [toml],
        {"species": "human", "transcripts": fasta},
        [f"species=mouse,transcripts={fasta}", f"species=hg38,transcripts={fasta}"],
        DEFAULTS | {"max_length": 50},
    )
    assert [each.species for each in plan.inputs] == ["human", "mouse", "human", "cow"]
    assert plan.species == ["human", "mouse", "cow"]
    assert plan.options.max_length == 50  # said on the command line
    assert not plan.options.noncoding  # said in the file


def test_jobs_zero_is_every_core(fasta: Path) -> None:
    assert _plan(fasta).jobs >= 1
    assert _plan(fasta, jobs=3).jobs == 3


def test_shards(fasta: Path) -> None:
    assert _plan(fasta).options.shard is None
    assert _plan(fasta, shard="2/4").options.shard == (2, 4)


@pytest.mark.parametrize("shard", ["0/4", "5/4", "1", "a/b", "1/0", "-1/2", "1/2/3", ""])
def test_wrong_shards(shard: str, fasta: Path) -> None:
    with pytest.raises(InputError, match="expected i/n with 1 ≤ i ≤ n"):
        _plan(fasta, shard=shard)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("scope", "galaxy", "scope is 'galaxy', expected one of across-species, within-species"),
        ("max_length", 0, "max_length is 0, expected at least 1"),
        ("max_length", "long", "max_length is 'long', expected int"),
        ("orf", "yes", "orf is 'yes', expected bool"),
        ("jobs", -1, "jobs is -1, expected at least 0"),
        ("orf_min_length", 3, "orf_min_length is 3, expected at least 6"),
    ],
)
def test_wrong_values(option: str, value: Any, message: str, fasta: Path) -> None:
    with pytest.raises(InputError, match=message):
        _plan(fasta, **{option: value})


def test_nothing_to_build_from() -> None:
    with pytest.raises(InputError, match="nothing to build from"):
        make_plan([], {"species": None}, (), DEFAULTS)
