"""What made the numbers: tasks, models, versions, machine."""

import json
from collections.abc import Mapping
from typing import Any

from isoclr.evaluation.report.html import Html, download, element
from isoclr.evaluation.report.results import Results
from isoclr.evaluation.report.tables import table


def section(results: Results) -> Html:
    """The manifest, first for people, then whole."""
    facts = results.manifest
    whole = json.dumps(facts, indent=1, ensure_ascii=False)
    return element(
        "section",
        element("h2", "How these numbers were made"),
        _circumstances(facts),
        element("p", "Command: ", element("code", facts["command"])),
        _models(facts),
        _tasks(results),
        element("details", element("summary", "The whole manifest"), element("pre", whole)),
        element("p", download(whole, "manifest.json", "Download manifest.json")),
        id="provenance",
    )


def _circumstances(facts: Mapping[str, Any]) -> Html:
    """Versions, machine, seed and time."""
    machine = facts["machine"]
    where = f"{machine['cpu']}, {machine['cores']} cores" + (
        f", {machine['gpu']}" if "gpu" in machine else ""
    )
    seconds = sum(one["seconds"] for one in facts["results"])
    return element(
        "p",
        f"isoclr {facts['isoclr']}, Python {facts['python']}; {where}; seed {facts['seed']}; "
        f"{len(facts['results'])} results in {seconds / 60:.0f} minutes of computing"
        + (f"; {facts['missing']} of the plan are not there yet." if facts["missing"] else "."),
    )


def _models(facts: Mapping[str, Any]) -> Html:
    rows = [
        [
            name,
            one["model"],
            one["pooling"],
            str(one["tracks"]),
            element("code", one["sha256"][:16]),
        ]
        for name, one in facts["models"].items()
    ]
    heads = ["Name", "Architecture", "Pooling", "Tracks", "Weights (SHA-256)"]
    return table("Models.", heads, rows)


def _tasks(results: Results) -> Html:
    rows = [
        [
            results.title(name),
            element("span", task["citation"] or task["labels"]),
            task["units"],
            task["rnas"],
            ", ".join(task["splits"]),
        ]
        for name, task in results.manifest["tasks"].items()
    ]
    return table("Tasks.", ["Task", "Source", "Units", "RNAs", "Splits"], rows)
