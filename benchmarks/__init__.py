"""Benchmarks of speed and memory: ``python -m benchmarks`` runs them all, ``python -m benchmarks.embed`` one."""

import os

# As the package's command line does, and before torch is imported: threads that wait for others soon sleep. On a
# machine that is used for something else too, spinning ones make every figure a matter of luck, the baselines' too.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
