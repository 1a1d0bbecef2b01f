"""The page: one HTML file that loads nothing from any server."""

import base64
import json
from importlib.resources import files
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from isoclr._html import render_page
from isoclr._io import atomic_path
from isoclr.errors import import_optional
from isoclr.evaluation.report import tables
from isoclr.evaluation.report.figures import Figures, map_data
from isoclr.evaluation.report.results import PAGE, Results

SPLITS = {
    "random": "random 70/15/15 by gene, as in the paper",
    "homology": "70/15/15 by homologous gene set",
    "fold": "cross-validation over the folds of the label table",
    "chromosome": "by chromosome",
}


def write_page(folder: Path) -> Path:
    """Write ``report.html``, whose path is returned, and ``figures/`` of an evaluation."""
    check_page()
    results = Results(Path(folder))
    text = render_page(
        "isoclr.evaluation.report",
        "page.html.j2",
        _content(results),
        filters={"data_uri": _data_uri},
        tests={
            "number": tables.is_number,
            "supervised": lambda method: method.startswith("supervised on "),
            "shuffled": lambda coloring: coloring.endswith("shuffled"),
        },
    )
    path = Path(folder) / PAGE
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def check_page() -> None:
    """Refuse to begin an evaluation whose page could not be written."""
    for package in ("jinja2", "plotly"):
        import_optional(package, "report", "the page of an evaluation")


def _content(results: Results) -> dict[str, Any]:
    """Everything that the template shows, by name."""
    figures = Figures(results)
    figures.maps()
    interactive = map_data(results)
    return {
        "manifest": results.manifest,
        "manifest_text": json.dumps(results.manifest, indent=1, ensure_ascii=False),
        "csv": results.text,
        "model": results.model,
        "corpus": tables.corpus_table(results),
        "main": _splits(results, "main", figures),
        "verdicts": tables.verdicts(results, "main", tables.BASELINES),
        "predictions": figures.predictions(),
        "map": interactive,
        "agreement": tables.agreement_table(results),
        "finetuning": _splits(results, "finetuning", figures),
        "low_data": tables.low_data_table(results),
        "low_data_picture": figures.low_data(),
        "most_labels": max(tables.values(results.rows("low_data_means"), "train"), default=0),
        "ablations": _splits(results, "ablations", figures),
        "ablation_verdicts": tables.verdicts(results, "ablations", tables.values(results.rows("ablations"), "method")),
        "ontology": tables.ontology_table(results),
        "ontology_picture": figures.ontology(),
        "terms": tables.terms_table(results),
        "ontology_methods": tables.values(results.rows("ontology"), "method"),
        "neighbors": tables.neighbors_table(results),
        "neighbors_picture": figures.neighbours(),
        "geometry": tables.geometry_table(results),
        "properties": tables.properties_table(results),
        "motifs": tables.motifs_table(results),
        "motifs_picture": figures.motifs(),
        "mutations": figures.mutations(),
        "consequences": tables.consequences_table(results),
        "leakage": tables.leakage_table(results),
        "models": tables.models_table(results),
        "tasks": tables.tasks_table(results),
        "minutes": sum(result["seconds"] for result in results.manifest["results"]) / 60,
        "style": _package_file("style.css"),
        "script": _package_file("page.js"),
        "plotly": _plotly() if interactive else "",
    }


def _splits(results: Results, study: str, figures: Figures) -> list[dict[str, Any]]:
    """Table, figure and paired differences of every split of a study."""
    splits = tables.values(results.rows(study), "split")
    return [
        {
            "letter": letter,
            "split": split,
            "title": SPLITS.get(split, split),
            "table": tables.split_table(results, study, split),
            "picture": figures.methods(study, split),
            "differences": tables.differences_table(results, study, split),
        }
        for letter, split in zip(ascii_lowercase, splits, strict=False)
    ]


def _data_uri(text: str) -> str:
    """A text as an address that the page itself holds."""
    return "data:text/plain;charset=utf-8;base64," + base64.b64encode(text.encode()).decode()


def _package_file(name: str) -> str:
    return files("isoclr.evaluation.report").joinpath(name).read_text(encoding="utf-8")


def _plotly() -> str:
    """plotly's script, from the installed package."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("</script", "<\\/script")
