"""The page put together: one file that asks nothing of any server."""

from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from isoclr._io import atomic_path
from isoclr.errors import MissingExtraError
from isoclr.evaluation.report.files import write_figures
from isoclr.evaluation.report.html import Html, element, void
from isoclr.evaluation.report.results import Results
from isoclr.evaluation.report.sections.ablations import section as ablations_section
from isoclr.evaluation.report.sections.corpus import section as corpus_section
from isoclr.evaluation.report.sections.finetuned import section as finetuned_section
from isoclr.evaluation.report.sections.leaks import section as leaks_section
from isoclr.evaluation.report.sections.linear_probe import section as linear_probe_section
from isoclr.evaluation.report.sections.low_data import section as low_data_section
from isoclr.evaluation.report.sections.maps import section as maps_section
from isoclr.evaluation.report.sections.mutagenesis import section as mutagenesis_section
from isoclr.evaluation.report.sections.neighbours import section as neighbours_section
from isoclr.evaluation.report.sections.ontology import section as ontology_section
from isoclr.evaluation.report.sections.provenance import section as provenance_section

PAGE = "report.html"
SECTIONS: Sequence[tuple[str, str, Callable[[Results], Html | None]]] = (
    ("corpus", "The corpus (Table 1)", corpus_section),
    ("linear-probes", "Linear probes (Figure 1, Table 2)", linear_probe_section),
    ("maps", "Maps of the embedding space (Figures 1, 3a, 6)", maps_section),
    ("fine-tuning", "Fine-tuning (Table 3)", finetuned_section),
    ("low-data", "Few labels (Figure 3b)", low_data_section),
    ("ablations", "Ablations (Table 4)", ablations_section),
    ("ontology", "Gene ontology (Table 5, Figure 5)", ontology_section),
    ("neighbours", "Neighbours", neighbours_section),
    ("interpretation", "Interpretation", mutagenesis_section),
    ("leaks", "Leaks", leaks_section),
    ("provenance", "How these numbers were made", provenance_section),
)
"""In the paper's order."""


def write_page(folder: Path) -> Path:
    """Write ``report.html`` and ``figures/`` of a benchmark's directory.

    Args:
        folder: holds ``results`` and ``tables``.

    Returns:
        The page's path.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    script = _plotly()
    results = Results(Path(folder))
    write_figures(results)
    path = Path(folder) / PAGE
    with atomic_path(path) as partial:
        partial.write_text("".join(_document(results, script)), encoding="utf-8")
    return path


def check_page() -> None:
    """Refuse to begin what could not be drawn at the end.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    try:
        import plotly.offline  # noqa: F401
    except ImportError:
        raise MissingExtraError("plotly", "report", "a benchmark's page") from None


def _document(results: Results, script: str) -> Iterator[str]:
    made = [(name, title, section(results)) for name, title, section in SECTIONS]
    there = [(name, title, part) for name, title, part in made if part is not None]
    yield "<!doctype html>\n"
    yield '<html lang="en">'
    yield _head(results)
    yield "<body>"
    yield element("a", "Skip to the results", class_="skip", href="#results")
    yield _header(results)
    yield element(
        "nav",
        element("h2", "Contents"),
        element("ol", [element("li", element("a", t, href=f"#{n}")) for n, t, _ in there]),
        class_="contents",
        aria_label="contents",
    )
    yield element("main", [part for _, _, part in there], id="results")
    yield element("footer", element("p", f"Made by isoclr {results.manifest['isoclr']}."))
    yield f"<script>{script}</script>\n<script>{_own('page.js')}</script>"
    yield "</body></html>\n"


def _head(results: Results) -> Html:
    return element(
        "head",
        void("meta", charset="utf-8"),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("link", rel="icon", href="data:,"),
        element("title", f"IsoCLR benchmark: {results.model}"),
        element("style", Html(_own("style.css"))),
    )


def _header(results: Results) -> Html:
    names = ", ".join(results.manifest["models"])
    lead = (
        "The evaluation of “Splicing Up Your Predictions with RNA Contrastive Learning” (Fradkin et al. 2023), in "
        f"the paper's order, of {names}; every number is in a CSV file, and stands beside simple "
        "baselines on the same RNAs."
    )
    return element(
        "header", element("h1", "RNA representations, evaluated"), element("p", lead, class_="lead")
    )


def _own(name: str) -> str:
    return files("isoclr.evaluation.report").joinpath(name).read_text(encoding="utf-8")


def _plotly() -> str:
    """The drawing library's script, from the installed package."""
    check_page()
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("</script", "<\\/script")
