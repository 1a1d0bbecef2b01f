"""Collect the JSON files of several probes into one CSV file and the table of the model card.

    python -m benchmarks.probe_table OUT/*.json --csv benchmarks/results/probe.csv --fill docs/model-card.md

The table of a document is between ``<!-- probes -->`` and ``<!-- end -->``; the rest of the text is not changed.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

from benchmarks.harness import write_csv
from isoclr._io import atomic_path

_BLOCK = re.compile(r"(<!-- probes -->\n).*?(<!-- end -->)", re.DOTALL)


def read_probe(path: Path) -> list[dict[str, Any]]:
    """One row per feature set and metric of a probe's JSON file."""
    report = json.loads(path.read_text())
    options = report["options"]
    return [
        {
            "task": path.stem,
            "n": report["counts"]["samples"],
            "split": options["split"],
            "rnas": options["rnas"],
            "features": method["name"],
            "probe": method["probe"],
            "metric": metric,
            **{key: round(value, 4) for key, value in interval.items()},
        }
        for method in report["methods"]
        for metric, interval in method["summary"].items()
    ]


def markdown_table(rows: list[dict[str, Any]]) -> str:
    """Pearson R with its interval: one row per feature set, one column per task."""
    rows = [row for row in rows if row["metric"] == "pearson"]
    tasks = list(dict.fromkeys((row["task"], row["n"]) for row in rows))
    cells = {
        (row["features"], row["task"]): f"{row['mean']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        for row in rows
    }
    head = [f"{task.replace('_', ' ')} (n = {n:,})" for task, n in tasks]
    lines = ["| " + " | ".join(["features", *head]) + " |", "|---" * (len(tasks) + 1) + "|"]
    for features in dict.fromkeys(row["features"] for row in rows):
        lines.append("| " + " | ".join([features, *(cells[features, t] for t, _ in tasks)]) + " |")
    return "\n".join(lines)


def fill_table(text: str, table: str) -> str:
    """A document with its table replaced."""
    return _BLOCK.sub(lambda match: f"{match[1]}\n{table}\n\n{match[2]}", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("json", nargs="+", type=Path, help="files of isoclr probe --json")
    parser.add_argument("--csv", type=Path, help="CSV file to write")
    parser.add_argument("--fill", nargs="*", type=Path, default=[], help="documents to update")
    options = parser.parse_args()
    rows = [row for path in options.json for row in read_probe(path)]
    if options.csv:
        write_csv(options.csv, rows)
    table = markdown_table(rows)
    for document in options.fill:
        text = fill_table(document.read_text(encoding="utf-8"), table)
        with atomic_path(document) as partial:
            partial.write_text(text, encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
