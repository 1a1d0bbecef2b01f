"""The page in a browser, from disk: map, hover, search, links, lasso, a gene's page, hostile names, a phone."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from tests.atlas.conftest import HOSTILE, HOSTILE_SYMBOL, read_shard


@pytest.fixture(scope="module")
def page(chromium: Any, folder: Path) -> Any:
    chromium.open(folder / "index.html")
    return chromium


def place(page: Any, row: int) -> tuple[float, float]:
    """Where a point lies in the window."""
    x, y = page.run(
        f"""(() => {{ const map = isoclrAtlas.map, box = map.element.getBoundingClientRect();
        const [x, y] = map.toScreen(...map.place({row})); return [x + box.left, y + box.top]; }})()"""
    )
    return x, y


def mouse(page: Any, kind: str, x: float, y: float, **more: Any) -> None:
    page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)


def title(page: Any) -> str:
    text: str = page.run("document.querySelector('.gene h2')?.textContent ?? ''")
    return text


def hash_of(page: Any) -> dict[str, str]:
    text = page.run("location.hash").lstrip("#")
    return {key: values[0] for key, values in parse_qs(text).items()}


def search(page: Any, text: str) -> list[str]:
    page.run("document.querySelector('#search').focus(); document.querySelector('#search').select()")
    page.call("Input.insertText", text=text)
    hits: list[str] = page.run("[...document.querySelectorAll('#hits li')].map((x) => x.textContent)")
    return hits


def test_it_opens_without_complaints(page: Any) -> None:
    assert page.run("isoclrAtlas.map.renderer.kind") == "webgl"
    assert page.run("document.querySelector('.note').textContent").startswith("120 RNAs")
    assert page.complaints() == []


def test_points_are_drawn(page: Any) -> None:
    for kind in ("webgl", "canvas"):
        colored = page.run(
            """(() => { const map = isoclrAtlas.map; map.drawn = ''; map.draw();
            const copy = document.createElement('canvas'), { width, height } = map.points;
            Object.assign(copy, { width, height });
            const context = copy.getContext('2d'); context.drawImage(map.points, 0, 0);
            const { data } = context.getImageData(0, 0, width, height);
            return data.filter((x, i) => i % 4 === 3 && x > 100).length; })()"""
        )
        assert colored > 120 * 4, kind
        if kind == "webgl":
            url = page.run("location.href").partition("#")[0]
            page.call("Page.navigate", url=f"{url}?canvas")
            page.wait("document.documentElement?.dataset.ready === 'yes' && location.search")
            assert page.run("isoclrAtlas.map.renderer.kind") == "canvas"
        else:
            page.call("Page.navigate", url=url)
            page.wait("document.documentElement?.dataset.ready === 'yes' && !location.search")


def test_hover_and_click(page: Any, folder: Path, read_names: Any) -> None:
    names, _ = read_names(folder)
    row = names["transcripts"].index("human7.0")
    x, y = place(page, row)
    mouse(page, "mouseMoved", x, y)
    page.wait("!document.querySelector('.tip').hidden")
    near = page.run("isoclrAtlas.map.hovered")
    assert names["transcripts"][near] in page.run("document.querySelector('.tip').textContent")
    for kind in ("mousePressed", "mouseReleased"):
        mouse(page, kind, x, y, button="left", clickCount=1)
    page.wait("!!document.querySelector('.gene h2')")
    page.wait("location.hash.includes('rna=')")
    assert hash_of(page)["rna"] == names["transcripts"][near]


def test_search_by_keyboard_opens_a_gene(page: Any) -> None:
    assert search(page, "sym1")[0].startswith("SYM1")
    assert any("humanG12" in hit for hit in search(page, "humanG12"))
    assert search(page, "no such gene") == ["Nothing of this name"]
    assert search(page, "mouse4.1")[0].startswith("mouse4.1")
    page.press("Enter", 13)
    page.wait("document.querySelector('.gene h2')?.textContent === 'SYM4'")
    assert page.run("document.querySelectorAll('.isoform').length") == 2
    assert page.run("document.querySelector('.isoform.selected .id').textContent") == "mouse4.1"
    page.wait("location.hash.includes('mouse4.1')")


def test_gene_page(page: Any) -> None:
    page.run("location.hash = 'gene=SYM1&species=human'")
    page.wait("document.querySelector('.gene h2')?.textContent === 'SYM1' && location.hash.includes('human1.0')")
    text = page.run("document.querySelector('.gene').textContent")
    assert "90 % intervals" in text
    assert "ortholog" in text
    assert "Mutation map" in text
    assert "measured0.1" in text
    links = page.run("[...document.querySelectorAll('.links a')].map((x) => x.href)")
    assert [link.split("/")[2] for link in links] == ["www.ensembl.org", "www.ncbi.nlm.nih.gov"]
    page.run("document.querySelectorAll('.isoform input')[0].click()")
    page.run("document.querySelectorAll('.isoform input')[1].click()")
    page.wait("!!document.querySelector('.effects')")
    assert "64–123 (60 nt)" in page.run("document.querySelector('.effects').textContent")
    page.wait("location.hash.includes('human1.0%2Chuman1.1')")
    address = page.run("location.href")
    page.call("Page.navigate", url="about:blank")
    page.call("Page.navigate", url=address)
    page.wait("!!document.querySelector('.effects')")  # the address alone brings it back


def test_the_mutation_map_has_a_scale(page: Any, folder: Path) -> None:
    values, arrays = next(read_shard(path) for path in (folder / "data").glob("mutations-*.js"))
    start = int(page.run("document.querySelector('[role=slider]').getAttribute('aria-valuenow')"))
    window = arrays["effects"][4 * (start - 1) : 4 * (start + 59)]
    least, most, what, _ = page.run("[...document.querySelectorAll('.scale span')].map((x) => x.textContent)")
    assert most[0] == "+"
    assert float(most) == pytest.approx(np.abs(window).max() * values["unit"], rel=0.05)
    assert least == most.replace("+", "−")
    assert what == f"change of {values['target']}"


def test_lasso_lists_and_downloads(page: Any) -> None:
    page.press("Escape", 27)
    page.run("isoclrAtlas.closePanel(); isoclrAtlas.map.reset()")
    page.run("document.querySelector('[aria-label=Lasso]').click()")
    corners = [(300, 80), (1270, 80), (1270, 880), (300, 880)]
    mouse(page, "mousePressed", *corners[0], button="left", clickCount=1)
    for x, y in corners[1:]:
        mouse(page, "mouseMoved", x, y, button="left", buttons=1)
    mouse(page, "mouseReleased", *corners[-1], button="left", clickCount=1)
    page.wait("document.querySelector('.gene h2')?.textContent.includes('RNA')")
    count = int(title(page).split()[0])
    assert 60 < count <= 120
    rows = page.run("isoclrAtlas.rowsAsText(isoclrAtlas.chosen)").splitlines()
    assert len(rows) == count + 1
    assert rows[0].split("\t")[:5] == ["transcript_id", "gene_id", "gene_symbol", "species", "length"]
    assert len({line.count("\t") for line in rows}) == 1
    column = page.run("isoclrAtlas.about.columns.findIndex((one) => one.name === 'count')")
    page.run(f"isoclrAtlas.setColumn({column})")
    page.wait("isoclrAtlas.codes instanceof Float32Array")
    assert page.run("isoclrAtlas.describe(isoclrAtlas.chosen[0])[3]").startswith("count: ")
    every = page.run("isoclrAtlas.rowsAsText(Array.from({ length: 120 }, (_, i) => i))").splitlines()
    assert every[0].endswith("\ty\tcount")
    values = {line.split("\t")[1]: line.split("\t")[-1] for line in every[1:]}
    wanted = {"humanG7": "0.7", "humanG5": "1230000", "mouseG7": ""}
    assert {name: values[name] for name in wanted} == wanted
    page.run("isoclrAtlas.setColumn(0)")
    page.wait("isoclrAtlas.codes instanceof Uint8Array")


def test_legend_shows_one_class(page: Any) -> None:
    page.run("isoclrAtlas.closePanel(); document.querySelector('.class').click()")
    assert page.run("document.querySelector('.class').getAttribute('aria-pressed')") == "true"
    page.wait("location.hash.includes('class=1')")
    visible = page.run("Array.from({length: 120}, (_, i) => isoclrAtlas.hooks().visible(i)).filter(Boolean).length")
    assert visible == 60
    page.run("document.querySelector('.legend .more').click()")


def test_map_by_keyboard(page: Any) -> None:
    page.run("isoclrAtlas.map.reset(); document.querySelector('.overlay').focus()")
    page.press("+", 187, "+")
    page.press("ArrowRight", 39)
    assert page.run("isoclrAtlas.map.zoom") == pytest.approx(1.4)
    assert page.run("isoclrAtlas.map.view.x") > 0.5


def test_hostile_names_are_text(page: Any) -> None:
    assert page.run("document.title") == f"Atlas {HOSTILE}"
    hits = search(page, HOSTILE_SYMBOL[:8])
    assert hits[0].startswith(HOSTILE_SYMBOL)
    page.press("Enter", 13)
    page.wait("document.querySelector('.gene h2')?.textContent.startsWith('\"><img')")
    assert HOSTILE in page.run("document.querySelector('.isoforms').textContent")
    column = page.run("isoclrAtlas.about.columns.findIndex((one) => one.name === 'class')")
    page.run(f"isoclrAtlas.setColumn({column})")
    page.wait("document.querySelector('.legend').textContent.includes('script')")
    assert page.run("window.hacked === undefined && !document.querySelector('img')")
    assert page.run("document.scripts.length") == 1
    hrefs = page.run("[...document.querySelectorAll('.links a')].map((x) => x.href)")
    assert all(href.startswith("https://") and "<" not in href for href in hrefs)


def test_own_rna_is_placed(page: Any, small: Path) -> None:
    """A pasted sequence gets predictions, neighbours and a place, without a server."""
    record = (small / "human.fa").read_text().split("\n>")[7].splitlines()
    page.run("document.querySelector('.own-button').click()")
    page.run(f"document.querySelector('textarea').value = {'>own' + chr(10) + record[1]!r}")
    page.run("document.querySelector('.panel .primary').click()")
    page.wait("!!document.querySelector('.panel .entries li, .panel .warn[role=alert]')")
    text = page.run("document.querySelector('.panel').textContent")
    assert "half_life" in text
    assert f"own: {len(record[1])} nt" in text
    assert "exons unknown." in text
    assert page.run("isoclrAtlas.map.own.every((x) => x >= 0 && x <= 1)")


def test_dark_and_narrow(page: Any) -> None:
    page.resize(390, 800)
    page.wait("document.documentElement.scrollWidth <= 390")
    assert page.run("document.querySelector('.panel').getBoundingClientRect().width") <= 390
    page.run("location.hash = 'gene=SYM1&species=human'")
    page.wait("document.querySelector('.gene h2')?.textContent === 'SYM1'")
    alone = """(() => { const panel = document.querySelector('.panel'); panel.scrollTop = DOWN;
        const { left, top, bottom } = document.querySelector('.close').getBoundingClientRect();
        return [top + 1, bottom - 1].map((y) => !document.elementFromPoint(left - 3, y).closest('.gene')); })()"""
    for down in (0, 100, 400):  # nothing lies beside the button, and so nothing under it
        assert page.run(alone.replace("DOWN", str(down))) == [True, True]
    page.run("document.querySelector('[aria-label=\"Dark or light\"]').click()")
    assert page.run("document.documentElement.dataset.theme") in ("dark", "light")
    page.resize(1280, 900)


def test_everything_has_a_name_for_screen_readers(page: Any) -> None:
    nameless = page.run(
        """[...document.querySelectorAll('button, input, select, a[href], canvas[tabindex]')]
        .filter((x) => !(x.getAttribute('aria-label') || x.textContent.trim() || x.title || x.labels?.length)).length"""
    )
    assert nameless == 0
    assert page.complaints() == []
