from pathlib import Path
from xml.etree import ElementTree

import pytest

from isoclr.errors import InputError
from isoclr.reports.ontology import ontology_figure

ROWS = [
    {
        "hierarchy": hierarchy,
        "method": method,
        "metric": metric,
        "term": term,
        "value": 0.7,
        "low": 0.6,
        "high": 0.8,
        "n": 1234,
    }
    for hierarchy in ("biological_process", "molecular_function")
    for method in ("embedding", "k-mers + codons")
    for metric in ("roc_auc", "cross_entropy")
    for term in ("mean over classes", "binding", "a term whose name is longer than a line can be")
]


def test_every_hierarchy_method_and_term_is_named(tmp_path: Path) -> None:
    path = tmp_path / "go.svg"
    ontology_figure(path, ROWS)
    text = " ".join(ElementTree.parse(path).getroot().itertext())
    for said in ("biological process", "molecular function", "embedding", "k-mers + codons"):
        assert said in text
    assert text.count("binding (1,234)") == 2
    assert "a term whose name is longer than …" in text
    assert "ROC AUC on held-out genes" in text


def test_other_formats_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a figure is written as"):
        ontology_figure(tmp_path / "go.bmp", ROWS)
    assert not list(tmp_path.iterdir())
