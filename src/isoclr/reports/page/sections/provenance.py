"""What made the numbers: tasks, models, versions, machine."""

import json

from isoclr.reports.page.html import Html, download, element
from isoclr.reports.page.results import Results
from isoclr.reports.page.tables import table


def section(results: Results) -> Html:
    """The manifest, first for people, then whole."""
    facts = results.manifest
    tasks = [
        [
            results.title(name),
            element("span", task["citation"] or task["labels"]),
            task["units"],
            task["rnas"],
            ", ".join(task["splits"]),
        ]
        for name, task in facts["tasks"].items()
    ]
    models = [
        [
            name,
            one["model"],
            one["pooling"],
            str(one["tracks"]),
            element("code", one["sha256"][:16]),
        ]
        for name, one in facts["models"].items()
    ]
    machine = facts["machine"]
    where = f"{machine['cpu']}, {machine['cores']} cores" + (
        f", {machine['gpu']}" if "gpu" in machine else ""
    )
    seconds = sum(one["seconds"] for one in facts["results"])
    said = element(
        "p",
        f"isoclr {facts['isoclr']}, Python {facts['python']}; {where}; seed {facts['seed']}; "
        f"{len(facts['results'])} results in {seconds / 60:.0f} minutes of computing"
        + (f"; {facts['missing']} of the plan are not there yet." if facts["missing"] else "."),
    )
    whole = json.dumps(facts, indent=1, ensure_ascii=False)
    return element(
        "section",
        element("h2", "How these numbers were made"),
        said,
        element("p", "Command: ", element("code", facts["command"])),
        table(
            "Models.", ["Name", "Architecture", "Pooling", "Tracks", "Weights (SHA-256)"], models
        ),
        table("Tasks.", ["Task", "Source", "Units", "RNAs", "Splits"], tasks),
        element("details", element("summary", "The whole manifest"), element("pre", whole)),
        element("p", download(whole, "manifest.json", "Download manifest.json")),
        id="provenance",
    )
