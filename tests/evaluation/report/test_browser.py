"""The page in a real browser, offline, with mouse and keyboard."""

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from isoclr.evaluation.report.page import write_page

pytestmark = pytest.mark.slow
MAP = "document.querySelector('.map .canvas')"


def hover_text(browser: Any, x: float, y: float) -> str:
    """What the map shows when the mouse is over a point of so many data units."""
    browser.run(f"{MAP}.scrollIntoView({{behavior: 'instant', block: 'center'}})")
    left, top = browser.run(
        f"""(() => {{
          const plot = {MAP}, box = plot.getBoundingClientRect(), layout = plot._fullLayout;
          return [box.x + layout.xaxis._offset + layout.xaxis.d2p({x}),
                  box.y + layout.yaxis._offset + layout.yaxis.d2p({y})];
        }})()"""
    )
    for offset in (30, 0):
        browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=left - offset, y=top + offset)
    browser.wait(f"{MAP}.querySelector('.hoverlayer text') !== null")
    return str(browser.run(f"{MAP}.querySelector('.hoverlayer').textContent"))


def search(browser: Any, name: str) -> str:
    """Type into the search, press Enter, and read the answer."""
    browser.run("document.querySelector('#map-search').select()")
    browser.call("Input.insertText", text=name)
    browser.press("Enter", 13, "\r")
    return str(browser.run("document.querySelector('.map output').textContent"))


def test_loads_from_a_file_without_errors(browser: Any) -> None:
    assert browser.run("location.protocol") == "file:"
    assert browser.run(f"{MAP}.querySelectorAll('.main-svg').length") > 0
    pictures = "[...document.querySelectorAll('img.picture')]"
    assert browser.run(f"{pictures}.length") == 9
    assert browser.run(f"{pictures}.every((one) => one.complete && one.naturalWidth > 100)")
    assert browser.complaints() == []


def test_hover_shows_gene_and_transcript(browser: Any) -> None:
    text = hover_text(browser, 100, 100)
    assert "TP53" in text
    assert "ENST0000.1" in text


def test_tab_reaches_the_skip_link_first_and_the_search(browser: Any) -> None:
    browser.run("document.body.tabIndex = -1; document.body.focus()")  # Tab starts where the page does
    browser.press("Tab", 9)
    assert browser.run("document.activeElement.className") == "skip"
    assert browser.run("document.querySelector(document.activeElement.getAttribute('href')).id")
    for _ in range(80):
        browser.press("Tab", 9)
        if browser.run("document.activeElement.id") == "map-search":
            return
    pytest.fail("the search cannot be reached by Tab")


def test_search_by_keyboard(browser: Any) -> None:
    browser.run("document.querySelector('#map-search').focus()")
    marks = f"{MAP}.data.find((trace) => trace.name === 'found').x"
    for name in ("tp53", "ENST0000", "ENST0000.1", "ENSG0000"):
        assert "TP53 (ENST0000.1)" in search(browser, name)
        assert browser.run(marks) == [100]
    assert "NOSUCHGENE is not on the map" in search(browser, "NOSUCHGENE")
    assert browser.run(marks) == []
    assert browser.complaints() == []


def choose(browser: Any, name: str, value: str) -> None:
    browser.run(
        f"""(() => {{
          const choice = document.querySelector("select[name={name}]");
          choice.value = {json.dumps(value)};
          choice.dispatchEvent(new Event("change"));
        }})()"""
    )


def test_another_embedding_and_coloring(browser: Any) -> None:
    choose(browser, "method", "random-init encoder")
    choose(browser, "coloring", "function")
    traces = browser.run(f"{MAP}.data.map((trace) => [trace.name, trace.x[0]])")
    assert ["kinase", -2] in traces
    assert ["binding", -100] in traces


def test_narrow_screen(browser: Any) -> None:
    browser.resize(390, 800)
    browser.wait("document.documentElement.scrollWidth <= 390")
    browser.resize(1280, 900)


def test_printing(browser: Any) -> None:
    assert len(browser.call("Page.printToPDF", printBackground=True)["data"]) > 20_000


NAME = '</script><script>window.hacked = 1</script>"><img src=x onerror="window.hacked = 1">{{ 7 * 7 }}$x$'


def test_hostile_names_are_shown_as_text(chromium: Any, evaluation: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hostile"
    shutil.copytree(evaluation, folder)
    rename(folder, NAME)
    chromium.open(write_page(folder))
    choose(chromium, "coloring", "function")
    assert chromium.run("document.querySelector('header p').textContent").count(NAME) == 1
    assert NAME in hover_text(chromium, 100, 100)
    assert NAME in chromium.run(f"{MAP}.querySelector('.legend').textContent")
    chromium.run("document.querySelector('#map-search').focus()")
    assert NAME in search(chromium, NAME)
    assert chromium.run("window.hacked === undefined")
    assert chromium.run("document.querySelectorAll('img:not(.picture)').length") == 0
    assert chromium.complaints() == []
    assert {path.parent for path in folder.rglob("*.svg")} == {folder / "figures"}


def rename(folder: Path, name: str) -> None:
    """Give a model, a task, a gene, transcripts, a class and a method the same name."""
    path = folder / "results" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["models"] = {name: manifest["models"]["ours"]}
    manifest["tasks"]["half-life"]["title"] = name
    path.write_text(json.dumps(manifest))
    for path in folder.glob("results/*.csv"):
        table = pl.read_csv(path, infer_schema_length=None)
        own = [one for one in ("method", "motif", "term", "transcript") if one in table.columns]
        replaced = [
            pl.when(pl.col(one).is_in(["ours", "AU-rich", "a function", "T1"]))
            .then(pl.lit(name))
            .otherwise(one)
            .alias(one)
            for one in own
        ]
        table.with_columns(replaced).write_csv(path)
    changes = {"map": "gene_symbol", "mutations": "transcript_id"}
    for file, column in changes.items():
        path = folder / "tables" / f"{file}.parquet"
        table = pl.read_parquet(path)
        new = pl.col(column).replace({"TP53": name, "T1": f"x0/../../{name}"})
        if file == "map":
            table = table.with_columns(pl.col("function").replace({"kinase": name}))
        table.with_columns(new).write_parquet(path)
