"""The tables of docs/performance.md, from the results' CSV files.

    python -m benchmarks.tables

Between ``<!-- table: NAME | PATTERN -->`` and ``<!-- end -->`` stands a table of those figures of ``results/NAME.csv``
whose names the pattern (a regular expression) finds, with the machine they come from. All else is left as it is.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks import harness
from benchmarks.harness import Figure
from isoclr._io import atomic_path

_BLOCK = re.compile(r"(<!-- table: (\w+) \| (.*?) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str, results: Path) -> str:
    """A document with its tables made anew."""

    def block(found: re.Match[str]) -> str:
        head, name, pattern, end = found.groups()
        return f"{head}{markdown(results / f'{name}.csv', pattern)}{end}"

    return _BLOCK.sub(block, text)


def markdown(path: Path, pattern: str) -> str:
    """The figures of a results file that a pattern finds, as a Markdown table under the machine's name."""
    if not path.exists():
        return f"\nNot measured yet: `python -m benchmarks.{path.stem}`.\n\n"
    rows = [row for row in harness.read(path) if re.search(pattern, row["what"])]
    if not rows:
        raise SystemExit(f"{path}: no figure is named like {pattern!r}")
    goals = any(row["goal"] for row in rows)
    head = ["", "median", "lowest–highest", *(["goal"] if goals else []), "note"]
    lines = [f"| {' | '.join(head)} |", "|---|---:|---:" + "|---" * (len(head) - 3) + "|"]
    lines += [f"| {' | '.join(_cells(row, goals))} |" for row in rows]
    return f"\n{machine(rows[0])}\n\n" + "\n".join(lines) + "\n\n"


def machine(row: dict[str, str]) -> str:
    """Where figures come from, in one line."""
    gpu = f"{row['gpu']}; " if row.get("gpu") else ""
    return (
        f"{gpu}{row['cpu']} ({row['flags']}), {row['cores']} cores, L2 {row['l2']} each, L3 {row['l3']}, "
        f"{row['memory_gb']} GB; {row['versions']}; {row['date']}, load {row['load']} before."
    )


def _cells(row: dict[str, str], goals: bool) -> list[str]:
    low, high = (float(row[key]) if row[key] else None for key in ("low", "high"))
    one = Figure(row["what"], float(row["value"]), row["unit"], low, high)
    met = {"yes": "met", "no": "**not met**"}.get(row["met"], "")
    value = f"{harness.number(one.value)} {one.unit}".strip()
    goal = [f"{row['goal']} {met}".strip()] if goals else []
    return [one.what, value, harness.spread(one), *goal, row["note"]]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--results", type=Path, default=harness.RESULTS)
    parser.add_argument("--doc", type=Path, default=harness.ROOT / "docs/performance.md")
    options = parser.parse_args(argv)
    text = filled(options.doc.read_text(encoding="utf-8"), options.results)
    with atomic_path(options.doc) as partial:
        partial.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
