"""The text of the page, its structure, and its figures as files."""

import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from isoclr.errors import InputError, MissingExtraError
from isoclr.evaluation.report.figures import FORMATS
from isoclr.evaluation.report.page import write_page
from isoclr.evaluation.report.results import Results

VOID = {"meta", "link", "img", "input", "br"}
SECTIONS = ["corpus", "linear-probes", "maps", "fine-tuning", "low-data", "ablations", "ontology"]
SECTIONS += ["neighbours", "interpretation", "leaks", "provenance"]


class Outline(HTMLParser):
    """Ids, headings, addresses and the nesting of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.headings: list[tuple[str, str]] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.images_without_text = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append(tag)
        self.ids += [name] if (name := attributes.get("id")) else []
        self.addresses += [v for k in ("src", "href") if (v := attributes.get(k))]
        self.images_without_text += tag == "img" and not attributes.get("alt")
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
    outline = Outline(text)
    assert outline.open == []
    return outline


def test_sections_are_in_the_papers_order(outline: Outline) -> None:
    assert [name for name in outline.ids if name in SECTIONS] == SECTIONS
    assert len(set(outline.ids)) == len(outline.ids)
    assert [level for level, _ in outline.headings].count("h1") == 1


def test_no_address_leads_outside(outline: Outline, text: str) -> None:
    assert outline.addresses
    assert all(address.startswith(("#", "data:")) for address in outline.addresses)
    assert {a[1:] for a in outline.addresses if a.startswith("#")} <= set(outline.ids)
    own = text.partition("<script>")[0]  # plotly names addresses that it never requests
    assert not re.search(r"https?://", own)


def test_tables_have_captions_and_pictures_alternative_text(outline: Outline) -> None:
    assert outline.tags.count("table") == outline.tags.count("caption") > 8
    assert outline.images_without_text == 0


def test_published_numbers(text: str) -> None:
    assert '<th scope="row">ours</th><td>0.500 [0.450, 0.550]</td><td>0.750</td>' in text
    assert '<th scope="row">IsoCLR-S</th><td>0.648</td><td>0.59</td>' in text
    assert '<th scope="row">Saluki</th><td>0.76 ± 0.01</td><td>0.44</td>' in text
    assert '<th scope="col" class="words">Method</th><th scope="col">' in text.replace("\n", "")


def test_comparisons_that_are_not_won_come_first(text: str) -> None:
    assert "1 of 2 comparisons; not in:" in text
    assert "ours is below k-mers + codons, Pearson R −0.100 [−0.150, −0.050]." in text
    below, above = text.index("is below k-mers + codons"), text.index("is above length alone")
    assert below < text.index("<summary>Where it is above") < above


def test_names_are_escaped(text: str) -> None:
    assert "Half-life &lt;of&gt; mRNAs" in text
    assert "<of>" not in text


def test_missing_results_are_counted(text: str) -> None:
    assert "1 of the plan are missing." in text


def test_downloads_hold_the_csv_files(text: str, evaluation: Path) -> None:
    import base64

    packed = re.search(r'download="main.csv" href="data:[^,]+,([^"]+)"', text)
    assert packed is not None
    assert base64.b64decode(packed[1]) == (evaluation / "results" / "main.csv").read_bytes()


def test_figures_as_files(page: Path) -> None:
    names = ["main_fold", "finetuning_fold", "ablations_fold", "low_data", "ontology", "neighbours"]
    names += ["motifs", "mutations_half-life_T1", "map_ours", "map_random-init-encoder"]
    names += ["predictions"]
    files = {path.name for path in (page.parent / "figures").iterdir()}
    assert files == {f"{name}.{kind}" for name in names for kind in ("png", "svg")}


def test_the_same_results_give_the_same_bytes_and_replace_an_earlier_page(
    evaluation: Path, page: Path, tmp_path: Path
) -> None:
    """Of the figures, those of two studies; the others are drawn by the same functions."""
    (tmp_path / "results").mkdir()
    for name in ("manifest.json", "corpus.csv", "leaks.csv", "main.csv", "main_differences.csv", "mutagenesis.csv"):
        shutil.copy(evaluation / "results" / name, tmp_path / "results")
    figures = tmp_path / "figures"
    figures.mkdir()
    for name in ("mutations_half-life_OLD.png", "map_old.png", "main_random.svg", "my own.png"):
        (figures / name).write_bytes(b"x")
    first = write_page(tmp_path).read_bytes()
    drawn = {path.name: path.read_bytes() for path in figures.iterdir()}
    assert drawn.keys() == {"my own.png", *(f"{name}.{kind}" for name in ("main_fold", "motifs") for kind in FORMATS)}
    for name in drawn.keys() - {"my own.png"}:
        assert drawn[name] == (page.parent / "figures" / name).read_bytes()
    assert write_page(tmp_path).read_bytes() == first


def test_a_page_of_a_manifest_alone(evaluation: Path, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    shutil.copy(evaluation / "results" / "manifest.json", tmp_path / "results")
    outline = Outline(write_page(tmp_path).read_text(encoding="utf-8"))
    assert [name for name in outline.ids if name in SECTIONS] == ["provenance"]


@pytest.mark.parametrize("package", ["plotly", "jinja2"])
def test_missing_package(monkeypatch: pytest.MonkeyPatch, evaluation: Path, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package}: pip install 'isoclr\[report\]'"):
        write_page(evaluation)


def test_results_of_a_directory(evaluation: Path) -> None:
    results = Results(evaluation)
    assert results.rows("main").height == 4
    assert results.rows("nothing").is_empty()
    assert results.large("nothing").is_empty()
    assert results.text("main.csv").startswith("study,task")
    assert results.model == "ours"
    assert results.title("half-life") == "Half-life <of> mRNAs"
    assert results.published_as("half-life") == "half-life human"
    assert results.published_as("other") == "none"


def test_an_empty_csv_is_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "main.csv").write_text("\n")
    assert Results(tmp_path).rows("main").is_empty()


def test_a_folder_without_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"manifest\.json"):
        _ = Results(tmp_path).manifest
