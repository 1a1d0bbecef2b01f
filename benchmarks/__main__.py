"""Run the benchmarks of encoder and training that need no GPU, then fill the tables of docs/performance.md.

    python -m benchmarks

Takes half an hour on two cores. Nothing else should run on the machine.
"""

import subprocess
import sys

from benchmarks import docs
from benchmarks.harness import ROOT
from isoclr._console import info

BENCHMARKS = ("ceilings", "embed", "pretrain_step", "scaling", "growth")


def main() -> None:
    for name in BENCHMARKS:
        info(f"benchmarks.{name}")
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT, check=True)
    docs.main([])


if __name__ == "__main__":
    main()
