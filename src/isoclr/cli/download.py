"""``isoclr download``: public data from its official addresses."""

from collections.abc import Sequence


def command(argv: Sequence[str]) -> None:
    """Run the verb; print the list (tab-separated), or what was fetched and by what it was verified."""
    from isoclr import _console as console
    from isoclr.cli._verb import run
    from isoclr.downloads.download import download

    files = run(download, argv, name="download", positional=("what",), aliases={"out": ["-o"]})
    if any(file.status in ("missing", "here") for file in files):
        for file in files:
            entry = file.entry
            print(entry.name, file.status, entry.urls[0], entry.checksums or "-", sep="\t")
        return
    rows = [
        (file.entry.name, file.status, f"{file.size / 1e6:,.1f}", file.verified) for file in files
    ]
    console.table("downloads", ("file", "status", "MB", "verified by"), rows)
