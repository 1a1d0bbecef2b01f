"""A progress bar that counts nucleotides."""

from rich.progress import Progress, Task, TextColumn
from rich.text import Text

from isoclr.console import progress


class _Speed(TextColumn):
    """Nucleotides a second since the start."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        """The speed, in the unit that gives a short number."""
        speed = task.completed / task.elapsed if task.elapsed else 0.0
        return Text(f"{speed / 1e6:.2f} Mnt/s" if speed >= 1e5 else f"{speed / 1e3:.1f} knt/s")


def nucleotides_bar() -> Progress:
    """Progress in nucleotides, with nucleotides a second."""
    return progress(_Speed())
