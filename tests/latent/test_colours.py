from pathlib import Path

import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.latent.colours import colour

TABLE = pl.DataFrame(
    {
        "transcript_id": [f"ENST0000000000{i}.1" for i in range(5)],
        "gene_id": [*["ENSG00000000001.4"] * 2, "b", "c", "d"],
        "species": ["human", "human", "mouse", "cow", ""],
        "length": [100, 200, 300, 400, 500],
    }
)


def test_columns() -> None:
    length, species = colour("length", TABLE), colour("species", TABLE)
    assert (length.kind, length.skewed) == ("quantity", True)
    assert length.values.to_list() == [100, 200, 300, 400, 500]
    assert (species.kind, species.skewed) == ("class", False)
    assert species.values.to_list() == ["human", "human", "mouse", "cow", None]
    assert species.classes == ["human", "cow", "mouse"]


def test_only_the_most_common_classes_get_a_colour() -> None:
    names = [f"s{i}" for i in range(9) for _ in range(9 - i)]
    found = colour("x", pl.DataFrame({"x": names}))
    assert found.classes == [f"s{i}" for i in range(7)]
    assert found.values.null_count() == 2 + 1


def test_labels_by_gene_reach_all_isoforms(tmp_path: Path) -> None:
    file = tmp_path / "l.tsv"
    file.write_text("gene_id\thalf_life\tfold\nENSG00000000001\t1.5\t1\nc\t-2\t2\nq\t7\t1\n")
    found = colour(str(file), TABLE)
    assert (found.name, found.kind, found.skewed) == ("half_life", "quantity", False)
    assert found.values.to_list() == [1.5, 1.5, None, -2.0, None]
    assert colour(f"{file}:half_life", TABLE).values.equals(found.values)


def test_terms_of_which_an_rna_may_have_several(tmp_path: Path) -> None:
    rows = [*[("b", "kinase"), ("c", "kinase"), ("d", "kinase")], ("c", "membrane")]
    rows += [("b", "rare"), ("ENSG00000000001", "membrane"), ("d", "nucleus"), ("d", "nucleus")]
    rows += [("x", "nucleus"), ("y", "rare")]
    file = tmp_path / "terms.csv"
    file.write_text("gene_id,term\n" + "".join(f"{a},{b}\n" for a, b in rows))
    found = colour(str(file), TABLE)
    # kinase and membrane have 3 RNAs (two are isoforms), nucleus 1 and rare 1, which comes after it by name;
    # c and d have two of the three
    assert found.values.to_list() == ["membrane", "membrane", "kinase", None, None]
    assert (found.name, found.kind) == ("term", "class")


@pytest.mark.parametrize(
    ("text", "wanted", "message"),
    [
        (None, "l.tsv", "no such file, and no column; the columns are species, length"),
        ("x\ty\n1\t2\n", "l.tsv", "expected one named transcript_id or gene_id"),
        ("gene_id\ty\nb\t2\n", "l.tsv:z", "no column 'z'"),
        ("gene_id\ty\nq\t2\n", "l.tsv", r"names none of the 5 RNAs by gene_id \(ENSG"),
        ("gene_id\ty\nq\tred\n", "l.tsv", r"names none of the 5 RNAs by gene_id \(ENSG"),
        ("gene_id\ty\tz\nb\t2\t3\n", "l.tsv", "the numeric columns are y, z"),
    ],
)
def test_bad_input(tmp_path: Path, text: str | None, wanted: str, message: str) -> None:
    if text is not None:
        (tmp_path / "l.tsv").write_text(text)
    with pytest.raises(InputError, match=message):
        colour(str(tmp_path / wanted), TABLE)
