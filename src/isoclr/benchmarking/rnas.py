"""RNAs that a task brings along, as a file to be embedded."""

from pathlib import Path

from isoclr.tasks import Task


def write_for_embedding(task: Task, path: Path) -> Path:
    """A reporter assay's RNAs as a FASTA beside ``path``."""
    fasta = path.with_suffix(".fa")
    task.write_fasta(fasta)
    return fasta
