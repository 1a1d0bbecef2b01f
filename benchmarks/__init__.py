"""Speed and memory benchmarks: ``python -m benchmarks`` runs all of them, ``python -m benchmarks.embed`` one."""

import os

# The command line sets this too. It must be set before torch is imported: OpenMP threads that spin while they wait
# slow each other down on a shared machine, and that would make the results of all variants unreliable.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
