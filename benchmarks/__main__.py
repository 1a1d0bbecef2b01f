"""Every speed benchmark that runs without a GPU, then the pictures and tables of the documentation.

    python -m benchmarks

Half an hour on two cores; the machine should have nothing else to do.
"""

import subprocess
import sys

from benchmarks import pictures, tables
from benchmarks.harness import ROOT
from isoclr._console import info

SCRIPTS = ("ceilings", "embed", "pretrain_step", "scaling", "growth")


def main() -> None:
    for script in SCRIPTS:
        info(f"benchmarks.{script}")
        subprocess.run([sys.executable, "-m", f"benchmarks.{script}"], cwd=ROOT, check=True)
    pictures.main([])
    tables.main([])


if __name__ == "__main__":
    main()
