"""The page as a person meets it: in a real browser, offline, with mouse and with keyboard."""

from typing import Any

import pytest

pytestmark = pytest.mark.slow
MAP = "document.querySelector('.map .canvas')"


def test_it_loads_offline_without_a_complaint_and_draws_every_chart(browser: Any) -> None:
    charts = browser.run("document.querySelectorAll('.chart').length")
    assert charts >= 7
    assert browser.run("document.querySelectorAll('.chart .main-svg').length") >= charts
    assert browser.complaints() == []


def test_hovering_over_the_map_tells_gene_and_transcript(browser: Any) -> None:
    browser.run(f"{MAP}.scrollIntoView({{behavior: 'instant', block: 'center'}})")
    place = browser.run(
        f"""(() => {{
          const plot = {MAP}, box = plot.getBoundingClientRect(), layout = plot._fullLayout;
          return [box.x + layout.xaxis._offset + layout.xaxis.d2p(100),
                  box.y + layout.yaxis._offset + layout.yaxis.d2p(100)];
        }})()"""
    )
    browser.move(place[0] - 30, place[1] + 30)
    browser.move(*place)
    browser.wait(f"{MAP}.querySelector('.hoverlayer text') !== null")
    told = browser.run(f"{MAP}.querySelector('.hoverlayer').textContent")
    assert "TP53" in told
    assert "ENST0000.1" in told


def find(browser: Any, wanted: str) -> str:
    """Type into the search, press Enter, and read the answer."""
    browser.run("document.querySelector('#map-search').select()")
    browser.type(wanted)
    browser.press("Enter", 13)
    said = browser.run("document.querySelector('.map output').textContent")
    assert isinstance(said, str)
    return said


def test_the_skip_link_comes_first_and_the_search_is_reached_by_tab(browser: Any) -> None:
    browser.run("document.activeElement.blur()")
    browser.press("Tab", 9)
    assert browser.run("document.activeElement.className") == "skip"
    assert browser.run("document.querySelector(document.activeElement.getAttribute('href')).id")
    for _ in range(80):
        browser.press("Tab", 9)
        if browser.run("document.activeElement.id") == "map-search":
            return
    pytest.fail("the search cannot be reached by Tab")


def test_the_search_finds_a_gene_on_the_map_by_keyboard_alone(browser: Any) -> None:
    browser.run("document.querySelector('#map-search').focus()")
    for wanted in ("tp53", "ENST0000", "ENST0000.1", "ENSG0000"):
        assert "TP53 (ENST0000.1)" in find(browser, wanted)
        marks = browser.run(f"{MAP}.data.find((trace) => trace.name === 'found').x")
        assert marks == [100]
    assert "NOSUCHGENE is not on the map" in find(browser, "NOSUCHGENE")
    assert browser.run(f"{MAP}.data.find((trace) => trace.name === 'found').x") == []
    assert browser.complaints() == []


def test_another_embedding_and_another_colour_can_be_chosen(browser: Any) -> None:
    browser.run(
        """(() => {
          for (const [name, value] of [["method", "random-init encoder"], ["colour", "function"]]) {
            const choice = document.querySelector(`select[name=${name}]`);
            choice.value = value;
            choice.dispatchEvent(new Event("change"));
          }
        })()"""
    )
    traces = browser.run(f"{MAP}.data.map((trace) => [trace.name, trace.x[0]])")
    assert ["kinase", -2] in traces
    assert ["binding", -100] in traces


def test_nothing_is_wider_than_a_narrow_screen(browser: Any) -> None:
    browser.resize(390, 800)
    browser.wait("document.documentElement.scrollWidth <= 390")
    browser.resize(1280, 900)


def test_it_prints(browser: Any) -> None:
    printed = browser.call("Page.printToPDF", printBackground=True)["data"]
    assert len(printed) > 20_000
