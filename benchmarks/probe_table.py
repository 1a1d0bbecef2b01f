"""The JSON files of several probes as one CSV, and as the table of the model card.

    python benchmarks/probe_table.py OUT/*.json --csv benchmarks/results/probe.csv --fill docs/model-card.md

In a document the table stands between ``<!-- probes -->`` and ``<!-- end -->``; all else is left as it is.
"""

import argparse
import csv
import json
import re
from pathlib import Path
from typing import Any

from isoclr._io import atomic_path

COLUMNS = ["task", "n", "split", "rnas", "features", "probe", "metric", "mean", "low", "high"]


def rows(path: Path) -> list[dict[str, Any]]:
    """One row for every kind of features and every metric of a probe."""
    found = json.loads(path.read_text())
    options = found["options"]
    return [
        {
            "task": path.stem,
            "n": found["counts"]["samples"],
            "split": options["split"],
            "rnas": options["rnas"],
            "features": method["name"],
            "probe": method["probe"],
            "metric": metric,
            **{key: round(value, 4) for key, value in interval.items()},
        }
        for method in found["methods"]
        for metric, interval in method["summary"].items()
    ]


def markdown(table: list[dict[str, Any]]) -> str:
    """Pearson R with its interval: features down, tasks across."""
    chosen = [row for row in table if row["metric"] == "pearson"]
    tasks = list(dict.fromkeys((row["task"], row["n"]) for row in chosen))
    cells = {
        (row["features"], row["task"]): f"{row['mean']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        for row in chosen
    }
    lines = [
        "| features | "
        + " | ".join(f"{task.replace('_', ' ')} (n = {n:,})" for task, n in tasks)
        + " |"
    ]
    lines.append("|---" * (len(tasks) + 1) + "|")
    for features in dict.fromkeys(row["features"] for row in chosen):
        lines.append("| " + " | ".join([features, *(cells[features, t] for t, _ in tasks)]) + " |")
    return "\n".join(lines)


def filled(text: str, table: str) -> str:
    """A document with its table made anew."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", text)


_BLOCK = re.compile(r"(<!-- probes -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("json", nargs="+", type=Path)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--fill", nargs="*", type=Path, default=[])
    options = parser.parse_args()
    table = [row for path in options.json for row in rows(path)]
    if options.csv:
        options.csv.parent.mkdir(parents=True, exist_ok=True)
        with options.csv.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)
    for document in options.fill:
        text = filled(document.read_text(encoding="utf-8"), markdown(table))
        with atomic_path(document) as partial:
            partial.write_text(text, encoding="utf-8")
    print(markdown(table))


if __name__ == "__main__":
    main()
