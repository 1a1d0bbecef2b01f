"""The page of variants on their transcripts."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import isoclr
from isoclr.variants.variants import variants

pytestmark = pytest.mark.usefixtures("narrow")
EVIL = "<script>alert('x')</script>\"'&"


class Tags(HTMLParser):
    """Elements, their attributes and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tags:
    """Two isoforms with a hostile name on the minus strand, three variants."""
    monkeypatch.chdir(tmp_path)
    chromosome = "".join(np.random.default_rng(0).choice(list("ACGT"), 700))
    Path("g.fa").write_text(f">1\n{chromosome}\n")
    name = EVIL.replace(" ", "")
    Path("t.bed").write_text(
        f"chr1\t100\t600\t{name}\t0\t-\t131\t580\t0\t2\t100,200\t0,300\n"
        f"chr1\t100\t200\tT2\t0\t-\t100\t100\t0\t1\t100\t0\n"
    )
    rows = [(111, ""), (150, "CAT"), (451, "")]
    lines = ""
    for i, (position, inserted) in enumerate(rows):
        ref = chromosome[position - 1]
        alt = ref + inserted if inserted else "A" if ref != "A" else "C"
        lines += f"1\t{position}\t{ref}\t{alt}\t{EVIL if i == 1 else f'v{i}'}\n"
    Path("v.tsv").write_text("chrom\tpos\tref\talt\tid\n" + lines)
    isoclr.create("isoclr-s", seed=0).save(tmp_path / "model")
    variants(
        Path("v.tsv"),
        annotation=(Path("t.bed"),),
        genome=Path("g.fa"),
        model="model",
        all_transcripts=True,
        report=Path("page.html"),
    )
    return Tags(Path("page.html").read_text())


def test_names_are_text_and_nothing_is_loaded(page: Tags) -> None:
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img", "link", "iframe", "object"}
    assert EVIL in page.text
    for _, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)
        assert not re.match("(https?|javascript|data):", attributes.get("href") or "")


def test_exons_are_to_scale_and_coding_parts_thick(page: Tags) -> None:
    found = [attributes for tag, attributes in page.elements if tag == "rect"]
    width = {height: [float(one["width"] or 0) for one in found if one["height"] == height] for height in ("6", "14")}
    # minus strand: exon 400-600 with 20 nt of UTR, exon 100-200 with 31 nt; T2, a gene of its own, has no CDS
    per_nt = width["14"][0] / 180
    assert width["14"] == pytest.approx([180 * per_nt, 69 * per_nt], rel=1e-3)
    assert sorted(width["6"]) == pytest.approx([20 * per_nt, 31 * per_nt, 880], rel=1e-3)
    x = [float(one["x"] or 0) for one in found if one["height"] == "14"]
    assert x == sorted(x)


def test_a_variant_is_drawn_where_it_lies_with_its_sequence(page: Tags) -> None:
    genome = Path("g.fa").read_text().split("\n")[1]
    circles = [attributes for tag, attributes in page.elements if tag == "circle"]
    assert len(circles) == 3 + 2  # three on the long transcript, two on the short one
    strand = genome[135:165].translate(str.maketrans("ACGT", "TGCA"))[::-1]
    around = strand[30 - 15 - 12 : 30 - 15 + 12]
    assert around[:12] + "---" + around[12:] in page.text
    assert around[:12] + "ATG" + around[12:] in page.text  # CAT inserted on the plus strand
