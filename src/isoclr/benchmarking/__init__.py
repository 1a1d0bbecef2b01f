"""The paper's whole evaluation from one plan file: resumable, every number traced to what it was made from."""

from isoclr.benchmarking.run import Benchmark, benchmark

__all__ = ["Benchmark", "benchmark"]
