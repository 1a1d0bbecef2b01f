import base64
import json

from isoclr.evaluation.report.html import Html, data, download, element, joined, void


def test_texts_are_escaped_and_markup_is_not() -> None:
    inner = element("b", "1 < 2 & 3")
    assert inner == "<b>1 &lt; 2 &amp; 3</b>"
    assert element("p", inner, None, ["a<", inner]) == f"<p>{inner}a&lt;{inner}</p>"


def test_attributes() -> None:
    made = element("a", "x", class_="c", aria_label='say "x"', hidden=True, title=None, name="n")
    assert made == '<a class="c" aria-label="say &quot;x&quot;" hidden name="n">x</a>'
    assert void("meta", charset="utf-8") == '<meta charset="utf-8">'


def test_data_cannot_end_the_script_that_holds_it() -> None:
    told = {"gene": "</script><b>"}
    made = data(told, class_="spec")
    assert made.count("</script>") == 1
    inside = made.removeprefix('<script type="application/json" class="spec">')
    assert json.loads(inside.removesuffix("</script>")) == told


def test_a_download_holds_its_text() -> None:
    link = download("a,b\n1,2\n", "x.csv", "Download")
    packed = link.partition("base64,")[2].partition('"')[0]
    assert base64.b64decode(packed).decode() == "a,b\n1,2\n"
    assert 'download="x.csv"' in link


def test_joining_keeps_order() -> None:
    assert joined("a", None, [Html("<i>"), "b"]) == "a<i>b"
