import gzip
from pathlib import Path

import pytest

from isoclr.errors import InputError
from isoclr.tasks.ontology.obo import read_obo

OBO = """format-version: 1.2
ontology: toy

[Term]
id: R:1
name: process
namespace: process

[Term]
id: P:1
name: first
namespace: process
is_a: R:1 {source="x"} ! process

[Term]
id: P:2
name: second
namespace: process
alt_id: P:20
alt_id: P:21
is_a: P:1 ! first

[Term]
id: P:3
name: short way round
namespace: process
is_a: P:2 ! second
is_a: R:1 ! process

[Term]
id: P:4
name: a part only
namespace: process
relationship: part_of P:2 ! second
relationship: regulates P:3 ! not followed

[Term]
id: P:9
name: obsolete gone
namespace: process
is_obsolete: true

[Typedef]
id: part_of
name: part of

[Term]
id: F:1
name: function
namespace: function

[Term]
id: F:2
name: a function in a process
namespace: function
is_a: F:1
relationship: part_of P:3
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "toy.obo").write_text(OBO)
    return tmp_path / "toy.obo"


def test_terms_are_read_with_their_parents(path: Path) -> None:
    found = read_obo(path)
    assert list(found.terms) == ["R:1", "P:1", "P:2", "P:3", "P:4", "F:1", "F:2"]
    two = found.terms["F:2"]
    assert (two.name, two.namespace) == ("a function in a process", "function")
    assert (two.is_a, two.part_of) == (("F:1",), ("P:3",))
    assert found.terms["P:4"].part_of == ("P:2",)
    assert found.roots == ("R:1", "F:1")


def test_merged_and_obsolete_terms_are_known(path: Path) -> None:
    found = read_obo(path)
    merged = found.find("P:21")
    assert merged is not None
    assert merged.id == "P:2"
    assert found.find("P:9") is None
    assert found.obsolete == {"P:9"}
    assert found.find("P:77") is None


def test_what_is_true_of_a_term_is_true_of_what_it_is_a_kind_or_part_of(path: Path) -> None:
    ancestors = read_obo(path).ancestors
    assert ancestors["R:1"] == {"R:1"}
    assert ancestors["P:4"] == {"P:4", "P:2", "P:1", "R:1"}
    assert ancestors["F:2"] == {"F:2", "F:1", "P:3", "P:2", "P:1", "R:1"}  # of two hierarchies


def test_depth_is_the_shortest_way_of_is_a(path: Path) -> None:
    # P:3 is one step from the root by its second parent; P:4 and its hierarchy are joined by part_of only
    assert read_obo(path).depth == {"R:1": 0, "P:1": 1, "P:2": 2, "P:3": 1, "F:1": 0, "F:2": 1}


def test_gz_is_the_same(path: Path) -> None:
    packed = path.with_suffix(".obo.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_obo(packed).terms == read_obo(path).terms


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[Term]", "[Thing]", r"toy.obo: has no \[Term\], expected an ontology in OBO format"),
        ("id: P:4\n", "", r"toy.obo: line 30: \[Term\] has no id"),
        ("id: P:4\n", "id: P:3\n", "line 30: term P:3 is given twice"),
        ("name: first\nnamespace: process\n", "name: first\n", "line 9: term P:1 has no namesp"),
        ("is_a: P:1 ! first", "is_a: P:8", "term P:2: its parent P:8 is not among the 7 terms"),
        ("part_of P:2", "part_of P:9", "term P:4: its parent P:9 is not among"),
    ],
)
def test_a_wrong_file_is_one_line(path: Path, old: str, new: str, message: str) -> None:
    path.write_text(OBO.replace(old, new))
    with pytest.raises(InputError, match=message):
        read_obo(path)


def test_a_circle_is_refused(path: Path) -> None:
    path.write_text(OBO.replace('is_a: R:1 {source="x"} ! process', "is_a: P:3"))
    with pytest.raises(InputError, match=r"term P:1: is a kind or part of itself by way of others"):
        _ = read_obo(path).ancestors


@pytest.mark.realdata
def test_the_real_ontology(real_data: Path) -> None:
    found = read_obo(real_data / "go" / "go.obo.gz")
    assert len(found.terms) == 41_411
    names = {found.terms[root].name for root in found.roots}
    assert names == {"biological_process", "cellular_component", "molecular_function"}
    nucleus = found.terms["GO:0005634"]
    assert nucleus.name == "nucleus"
    assert {"GO:0043226", "GO:0005575"} <= found.ancestors["GO:0005634"]  # organelle, the root
    assert found.depth["GO:0005575"] == 0
