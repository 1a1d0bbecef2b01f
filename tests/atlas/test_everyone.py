"""The page for everyone: keyboard, screen reader, color blindness, dark mode, a phone, print, terms by name."""

import base64
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.atlas.conftest import HOSTILE

COLORS = Path(__file__).parents[2] / "web/src/color.ts"


@pytest.fixture(scope="module")
def page(chromium: Any, folder: Path) -> Iterator[Any]:
    chromium.open(folder / "index.html")
    yield chromium
    emulate(chromium)


def emulate(page: Any, scheme: str = "light", media: str = "", phone: bool = False) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.call("Emulation.setEmulatedMedia", media=media, features=features)
    size = {"width": 390, "height": 800} if phone else {"width": 1280, "height": 900}
    page.call("Emulation.setDeviceMetricsOverride", **size, deviceScaleFactor=2 if phone else 1, mobile=phone)
    page.call("Emulation.setTouchEmulationEnabled", enabled=phone, maxTouchPoints=2)


def show(page: Any, folder: Path, state: str = "") -> None:
    page.call("Page.navigate", url="about:blank")
    page.call("Page.navigate", url=(folder / "index.html").as_uri() + state)
    page.wait("document.documentElement?.dataset.ready === 'yes'")


def open_gene(page: Any, folder: Path) -> None:
    show(page, folder, "#gene=SYM1&species=human")
    page.wait("document.querySelectorAll('.isoform').length === 2")


def luminance(color: np.ndarray) -> float:
    linear = np.where(color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(page: Any, front: str, back: str) -> float:
    """Contrast of two variables of the style (WCAG 2)."""
    values = page.run(
        f"""['--{front}', '--{back}'].map((name) => {{ const x = document.body.appendChild(document.createElement('i'));
        x.style.color = `var(${{name}})`; const text = getComputedStyle(x).color; x.remove();
        return text.match(/[0-9.]+/g).slice(0, 3).map(Number); }})"""
    )
    a, b = sorted((luminance(np.array(one) / 255) for one in values), reverse=True)
    return (a + 0.05) / (b + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_both_schemes(page: Any, folder: Path, scheme: str) -> None:
    emulate(page, scheme)
    show(page, folder)
    background = page.run("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)")
    assert (sum(background) < 3 * 60) == (scheme == "dark")
    for front, back, least in (
        ("ink", "paper", 7),
        ("ink", "card", 7),
        ("soft", "card", 4.5),
        ("accent", "card", 4.5),
        ("accent-ink", "accent", 4.5),
        ("warn", "card", 4.5),
        ("cds", "card", 3),
    ):
        assert contrast(page, front, back) >= least, (front, back)


# Matrices of Machado, Oliveira and Fernandes 2009 for complete protanopia, deuteranopia and tritanopia.
BLINDNESS = {
    "none": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(hexes: list[str], matrix: np.ndarray) -> np.ndarray:
    """CIE Lab of colors as people with a color vision deficiency see them."""
    rgb = np.array([[int(one[i : i + 2], 16) / 255 for i in (1, 3, 5)] for one in hexes])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.asarray(matrix).T, 0, 1)
    xyz = seen @ TO_XYZ.T / TO_XYZ.sum(1)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.column_stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])])


@pytest.mark.parametrize("deficiency", BLINDNESS)
@pytest.mark.parametrize("palette", ["LIGHT", "DARK"])
def test_first_classes_are_told_apart(palette: str, deficiency: str) -> None:
    found = re.search(rf"const {palette} = \[(.*?)\]", COLORS.read_text())
    assert found
    seen = lab(re.findall(r"#[0-9a-f]{6}", found[1])[:6], np.array(BLINDNESS[deficiency]))
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 10


@pytest.mark.parametrize("deficiency", BLINDNESS)
def test_numbers_grow_lighter(deficiency: str) -> None:
    found = re.search(r"const VIRIDIS = \[(.*?)\]", COLORS.read_text())
    assert found
    seen = lab(re.findall(r"#[0-9a-f]{6}", found[1]), np.array(BLINDNESS[deficiency]))
    assert (np.diff(seen[:, 0]) > 3).all()


def test_keyboard_alone(page: Any, folder: Path) -> None:
    emulate(page)
    show(page, folder)
    reached = []
    for _ in range(30):
        page.press("Tab", 9)
        reached.append(page.run("(x => x.getAttribute('aria-label') || x.id || x.textContent)(document.activeElement)"))
    for name in ("coloring", "Your RNA", "Lasso", "Zoom in", "Dark or light"):
        assert any(name in one for one in reached), name
    assert any(one.startswith("Map of RNAs") for one in reached)
    assert any(one.startswith("Search") for one in reached)
    page.run("[isoclrAtlas.map.view.x, isoclrAtlas.map.view.y] = isoclrAtlas.map.place(5)")
    page.run("document.querySelector('.overlay').focus()")
    page.press("+", 187, "+")
    page.press("Enter", 13)
    page.wait("!!document.querySelector('.isoform')")
    assert page.run("document.activeElement.id") == "gene-name"
    assert page.run("document.querySelector('[aria-live]').textContent").endswith("opened")
    page.press("Escape", 27)
    page.wait("document.querySelector('.panel').hidden")


def test_map_is_read_aloud(page: Any, folder: Path) -> None:
    show(page, folder)
    page.run("document.querySelector('.overlay').focus()")
    row = page.run(
        """(() => { const map = isoclrAtlas.map; [map.view.x, map.view.y] = map.place(5); map.setZoom(3);
        return isoclrAtlas.describe(5)[0]; })()"""
    )
    page.press("+", 187, "+")
    said = page.run("document.querySelector('[aria-live]').textContent")
    assert row in said
    assert "nt" in said


def tap(page: Any, *places: tuple[float, float]) -> None:
    points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
    page.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=points)


def test_phone(page: Any, folder: Path) -> None:
    emulate(page, phone=True)
    show(page, folder)
    assert page.run("document.documentElement.scrollWidth") <= 390
    assert not page.run("document.querySelector('.legend').open")
    before = page.run("isoclrAtlas.map.zoom")
    tap(page, (150, 450), (240, 450))
    for wider in (20, 40):
        points = [{"x": 150 - wider, "y": 450, "id": 0}, {"x": 240 + wider, "y": 450, "id": 1}]
        page.call("Input.dispatchTouchEvent", type="touchMove", touchPoints=points)
    page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    assert page.run("isoclrAtlas.map.zoom") > 1.3 * before
    page.run("isoclrAtlas.map.reset()")
    x, y = page.run(
        """(() => { const map = isoclrAtlas.map, box = map.element.getBoundingClientRect();
        const [x, y] = map.toScreen(...map.place(30)); return [x + box.left, y + box.top]; })()"""
    )
    tap(page, (x, y))
    page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    page.wait("!!document.querySelector('.isoform')")
    panel, stage = page.run(
        "['.panel', '.stage'].map((name) => document.querySelector(name).getBoundingClientRect().toJSON())"
    )
    assert panel["top"] >= stage["bottom"] - 1
    assert panel["width"] <= 390
    assert page.run("document.documentElement.scrollWidth") <= 390
    overflowing = page.run(
        """[...document.querySelectorAll('.panel button, .panel h2, .panel svg')]
        .filter((x) => x.getBoundingClientRect().right > 391).length"""
    )
    assert overflowing == 0


def test_print_of_a_gene(page: Any, folder: Path) -> None:
    emulate(page, "dark")
    open_gene(page, folder)
    emulate(page, "dark", media="print")
    assert contrast(page, "ink", "card") > 12
    assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    shown = page.run(
        """Object.fromEntries(['.search', '.tools', '.close', '.panel', '.isoforms'].map((name) =>
        [name, document.querySelector(name).getClientRects().length > 0]))"""
    )
    assert shown == {
        ".search": False, ".tools": False, ".close": False, ".panel": True, ".isoforms": True
    }  # fmt: skip
    clipped = page.run("(x => x.scrollHeight - x.clientHeight)(document.querySelector('.panel'))")
    assert clipped <= 1
    data = base64.b64decode(page.call("Page.printToPDF", printBackground=True)["data"])
    assert data.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", data)) >= 1
    emulate(page)


def test_terms_color_the_map(page: Any, folder: Path, read_names: Any) -> None:
    emulate(page)
    show(page, folder)
    page.run("isoclrAtlas.chooseColumn('Gene Ontology')")
    page.wait("document.querySelectorAll('.panel .entry').length === 3")
    assert HOSTILE in page.run("document.querySelector('.panel').textContent")
    page.run("document.querySelector('.filter').focus()")
    page.call("Input.insertText", text="thing nuclear")
    page.wait("document.querySelectorAll('.panel .entry').length === 1")
    page.run("document.querySelector('.panel .entry').click()")
    page.wait("location.hash.includes('GO%3A0000003')")
    address = page.run("location.href")
    page.call("Page.navigate", url="about:blank")
    page.call("Page.navigate", url=address)
    page.wait("document.querySelector('.legend h2')?.textContent.startsWith('nuclear thing')")
    names, arrays = read_names(folder)
    codes = page.run("Array.from(isoclrAtlas.codes)")
    genes = np.repeat(np.arange(len(names["geneIds"])), np.diff(arrays["starts"]))
    expected = []
    for gene in genes:
        name = names["geneIds"][gene]
        human = name.startswith("human")
        expected.append(0 if not human else 1 if int(name[6:]) % 5 == 0 else 2)
    assert codes == expected
    page.run("void isoclrAtlas.setTerm('GO:0000004')")
    page.wait("document.querySelector('.legend').textContent.includes('<script>')")
    assert page.run("window.hacked === undefined")
    assert page.complaints() == []
