"""``isoclr neighbours``: what the nearest neighbours of RNAs are, and what embeddings encode."""

from collections.abc import Iterator, Sequence

from isoclr._console import table
from isoclr.analysis.retrieval import SCOPES, Neighbours, neighbours
from isoclr.cli import _verb


def command(argv: Sequence[str]) -> None:
    """Look at the neighbours, and print what they are."""
    aliases = {"out": ["-o"]}
    found = _verb.run(
        neighbours, argv, name="neighbours", positional=("embeddings",), aliases=aliases
    )
    queries = len(found.retrieval.queries)
    title = f"RNAs with a relative among their k nearest, of those that have one ({queries:,} RNAs)"
    columns = [
        "neighbours among",
        "relative",
        "method",
        "k",
        "found (%)",
        "chance (%)",
        "of like length (%)",
    ]
    table(title, columns, _relatives(found))
    geometry = [_told(row, "relation") for row in found.geometry.rows()]
    table(
        "squared distance of pairs, and spread of all",
        ["method", "pairs", "metric", "value"],
        geometry,
    )
    encoded = [_told(row, "property") for row in found.encoded.rows()]
    table("what a ridge regression reads off", ["method", "property", "metric", "value"], encoded)


def _relatives(found: Neighbours) -> Iterator[list[object]]:
    rows = found.retrieval.metrics.filter(length="all")
    for scope in SCOPES:
        for own in (
            rows.filter(scope=scope, metric="found")
            .sort("relation", "k", maintain_order=True)
            .to_dicts()
        ):
            same = rows.filter(**{key: own[key] for key in ("scope", "relation", "method", "k")})
            value = dict(same.select("metric", "value").rows())
            alike = value.get("chance of like length")
            yield [
                scope, own["relation"], own["method"], own["k"],
                f"{100 * own['value']:.1f} [{100 * own['low']:.1f}, {100 * own['high']:.1f}]",
                f"{100 * value['chance']:.2f}", "" if alike is None else f"{100 * alike:.2f}",
            ]  # fmt: skip


def _told(row: dict[str, str | int | float | None], what: str) -> list[object]:
    ends = "" if row["low"] is None else f" [{row['low']:.3f}, {row['high']:.3f}]"
    return [row["method"], row[what], row["metric"], f"{row['value']:.3f}{ends}"]
