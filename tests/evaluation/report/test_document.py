"""What the page says, in which order, and that it asks nothing of anybody."""

import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from isoclr.errors import MissingExtraError
from isoclr.evaluation.report.document import SECTIONS, write_page
from isoclr.evaluation.report.sections.probes import labelled

VOID = {"meta", "link", "img", "input", "br"}


class Outline(HTMLParser):
    """Ids, headings, addresses and the nesting of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.headings: list[tuple[str, str]] = []
        self.addresses: list[str] = []
        self.unlabelled = 0
        self.captions = 0
        self.tables = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.ids += [name] if (name := told.get("id")) else []
        self.addresses += [v for k in ("src", "href") if (v := told.get(k))]
        self.unlabelled += tag == "img" and not told.get("alt")
        self.captions += tag == "caption"
        self.tables += tag == "table"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.headings.append((self.open[-1], data))


@pytest.fixture(scope="module")
def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def outline(text: str) -> Outline:
    parsed = Outline()
    parsed.feed(text)
    parsed.close()
    assert parsed.open == []
    return parsed


def test_every_study_has_its_section_in_the_papers_order(outline: Outline) -> None:
    wanted = [name for name, _, _ in SECTIONS]
    assert [one for one in outline.ids if one in wanted] == wanted
    assert len(set(outline.ids)) == len(outline.ids)
    assert [level for level, _ in outline.headings].count("h1") == 1


def test_no_address_leads_anywhere_else(outline: Outline, text: str) -> None:
    assert outline.addresses
    assert all(one.startswith(("#", "data:")) for one in outline.addresses)
    assert {one[1:] for one in outline.addresses if one.startswith("#")} <= set(outline.ids)
    own = text.partition("<script>")[0]  # the drawing library names addresses that it never asks
    assert not re.search(r"https?://", own)


def test_tables_have_captions_and_pictures_words(outline: Outline) -> None:
    assert outline.tables == outline.captions > 8
    assert outline.unlabelled == 0


def test_published_numbers_stand_beside_ours(text: str) -> None:
    assert '<th scope="row">ours</th><td>0.500 [0.450, 0.550]</td><td>0.750</td>' in text
    assert '<th scope="row">IsoCLR-S</th><td>0.648</td><td>0.59</td>' in text
    assert '<th scope="row">Saluki</th><td>0.76 ± 0.01</td><td>0.44</td>' in text
    assert "may be compared with each other" in text


def test_it_says_plainly_where_a_simple_baseline_is_not_beaten(text: str) -> None:
    said = "ours is below k-mers + codons, Pearson R −0.100 [−0.150, −0.050]."
    assert said in text


def test_names_from_outside_are_escaped(text: str) -> None:
    assert "Half-life &lt;of&gt; mRNAs" in text
    assert "<of>" not in text


def test_what_is_not_there_yet_is_said(text: str) -> None:
    assert "1 of the plan are not there yet" in text


def test_figures_are_written_as_files(page: Path) -> None:
    made = {path.name for path in (page.parent / "figures").iterdir()}
    names = ["main_fold", "finetuning_fold", "ablations_fold", "low_data", "ontology"]
    names += [
        "neighbours",
        "motifs",
        "mutations_half-life_T1",
        "map_ours",
        "map_random-init-encoder",
    ]
    assert made == {f"{name}.{kind}" for name in names for kind in ("png", "svg")}


def test_a_page_of_nothing_but_a_manifest(results_of_all: Path, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    manifest = (results_of_all / "results" / "manifest.json").read_text()
    (tmp_path / "results" / "manifest.json").write_text(manifest)
    parsed = Outline()
    parsed.feed(write_page(tmp_path).read_text(encoding="utf-8"))
    assert [one for _, one in parsed.headings if "How these" in one]
    assert "linear-probes" not in parsed.ids


def test_without_plotly_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, results_of_all: Path
) -> None:
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(MissingExtraError, match=r"plotly: pip install 'isoclr\[report\]'"):
        write_page(results_of_all)


def test_a_figure_of_an_earlier_page_is_removed_and_not_shown(
    results_of_all: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "again"
    shutil.copytree(results_of_all, folder)
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    for name in ("mutations_half-life_OLD.png", "map_old.png", "main_random.svg", "my own.png"):
        (figures / name).write_bytes(b"x")
    text = write_page(folder).read_text(encoding="utf-8")
    assert text.count('class="picture"') == 1
    assert not (figures / "mutations_half-life_OLD.png").exists()
    assert not (figures / "main_random.svg").exists()
    assert not (figures / "map_old.png").exists()
    assert (figures / "my own.png").exists()


def test_what_networks_see_beside_the_share_is_said(text: str) -> None:
    assert "stop early by the whole validation part" in text


def test_probes_are_named_where_there_are_several() -> None:
    rows = pl.DataFrame(
        {"method": ["a", "a", "k", "t"], "model": ["ridge", "linear", "ridge", "trees"]}
    )
    assert labelled(rows)["name"].to_list() == ["a (ridge)", "a (linear)", "k (ridge)", "t"]
    assert labelled(rows.filter(model="ridge"))["name"].to_list() == ["a", "k"]


def test_where_simple_baselines_win_is_said_first_and_openly(text: str) -> None:
    assert "above the simple baseline in 1 of 2 comparisons; not in:" in text
    below, above = text.index("is below k-mers + codons"), text.index("is above length alone")
    folded = text.index("<summary>Where it does")
    assert below < folded < above
