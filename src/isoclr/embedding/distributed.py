"""RNAs → blocks of vectors, computed by one process or shared by those that torchrun started.

Every process computes some of the chunks that one process would compute, so the vectors are the same bit for bit. Parts
go to files in a hidden directory next to the output, from which each process reads the whole. A job that is started
again, with any number of processes, computes what is missing there.
"""

import hashlib
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from isoclr._atomic import is_stream, readable_errors
from isoclr._console import err, info, nt_progress
from isoclr._io import atomic_path
from isoclr.embedding.embeddings import ROWS, Embeddings
from isoclr.embedding.external import reraise_as_input_error
from isoclr.embedding.inputs import RnaTable
from isoclr.errors import InputError
from isoclr.models.packing import Rows
from isoclr.training.distributed import Distributed, init_distributed

PATIENCE = 60.0  # Seconds until files of another machine must have become visible in a shared folder
WEEK = 7 * 24 * 60.0  # Minutes; a process may have to wait for a slower one
_world = Distributed()

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Embedder:
    """A model ready to embed."""

    meta: dict[str, str]
    """Metadata of its embeddings: model, SHA-256 of the weights, tracks, pooling, precision, version of isoclr."""
    dim: int  # Size of an embedding
    embed_codes: Callable[..., NDArray[np.float32]]
    """``embed_codes(codes, progress=…, choose=…)`` returns ``(n, dim)`` float32, one row per RNA, as
    :meth:`isoclr.models.encoder.Encoder.embed_codes` does."""


@contextmanager
def share_work() -> Iterator[None]:
    """Within the block, :func:`embedded` shares its work with the other processes of the torchrun job.

    Every process must run the same command. The first one alone shows progress and messages.

    Raises:
        LostRankError: Another process has died.
    """
    global _world
    advice = "start the same command again to go on from the finished parts"
    # vectors go through files, not over the network, so that no GPU is needed for it
    with init_distributed("cpu", timeout_minutes=WEEK, advice=advice) as joined:
        _world, err.quiet = joined, not joined.is_main
        if torch.cuda.is_available():  # else every process would take memory of the first one
            local = int(os.environ.get("LOCAL_RANK", 0))
            torch.cuda.set_device(local % torch.cuda.device_count())
        try:
            yield
        finally:
            _world, err.quiet = Distributed(), False


def writes_output() -> bool:
    """Whether this process writes the output of the command."""
    return _world.is_main


@contextmanager
def embedded(rnas: Sequence[RnaTable], embedder: Embedder, out: Path | None) -> Iterator[Iterator[Embeddings]]:
    """The embeddings of RNAs in blocks of rows, with a progress bar on stderr.

    Several processes keep their parts next to the output until the block ends.
    """
    if _world.size == 1 or out is None:
        yield embed_blocks(rnas, embedder)
        return
    if is_stream(out):
        raise InputError(f"{out}: several processes need a file as output")
    folder = out.parent / f".{out.name[:200]}.{_identity(rnas, embedder)}.parts"
    with readable_errors(out):
        folder.mkdir(parents=True, exist_ok=True)
    finished = _Part.listed(folder)
    _world.barrier()  # every process has seen what is finished before one adds to it
    try:
        _compute_parts(rnas, embedder, folder, finished)
    except KeyboardInterrupt:
        info(f"{out}: finished parts are kept; the same command goes on from them")
        raise
    _world.barrier()
    yield _read_parts(rnas, embedder, folder)
    _world.barrier()  # every process has read the parts
    if _world.is_main:
        shutil.rmtree(folder)


def _blocks(rnas: Sequence[RnaTable]) -> Iterator[RnaTable]:
    for part in rnas:
        for start in range(0, len(part), ROWS):
            yield part.rows(start, min(start + ROWS, len(part)))


def embed_blocks(rnas: Sequence[RnaTable], embedder: Embedder) -> Iterator[Embeddings]:
    """Embed RNAs in blocks of rows in this process, with a progress bar on stderr."""
    with nt_progress() as bar:
        task = bar.add_task("embedding", total=int(sum(part.lengths.sum() for part in rnas)))
        for block in _blocks(rnas):
            codes = [block.codes_of(row) for row in range(len(block))]
            matrix = embedder.embed_codes(codes, progress=lambda done: bar.advance(task, done))
            yield Embeddings(block.table, matrix, embedder.meta)


class _Part(NamedTuple):
    """A file with some vectors of one block."""

    block: int
    attempt: int  # How many jobs had left parts before
    rank: int
    path: Path

    @classmethod
    def listed(cls, folder: Path) -> "list[_Part]":
        """The finished parts of a folder, in the order they count."""
        parts = []
        for path in folder.glob("[0-9]*.npz"):
            block, attempt, rank = map(int, path.stem.split("-"))
            parts.append(cls(block, attempt, rank, path))
        return sorted(parts)

    def read(self) -> tuple[Rows, NDArray[np.float32]]:
        """Rows within the block, and their vectors."""
        with (
            reraise_as_input_error(self.path),
            self.path.open("rb") as stream,
            np.load(stream, allow_pickle=False) as arrays,
        ):
            return arrays["rows"], arrays["vectors"]


def _compute_parts(rnas: Sequence[RnaTable], embedder: Embedder, folder: Path, finished: list[_Part]) -> None:
    """Write this process's part of the chunks of every block that are not finished."""
    attempt = 1 + max((part.attempt for part in finished), default=-1)
    done_rows = defaultdict(list)
    for part in finished:
        done_rows[part.block].append(part.read()[0])
    nt = int(sum(part.lengths.sum() for part in rnas))
    with nt_progress() as bar:
        task = bar.add_task(f"embedding, 1 of {_world.size} processes", total=nt // _world.size)
        planned = 0
        for number, block in enumerate(_blocks(rnas)):
            nt -= int(block.lengths.sum())
            done, own = np.zeros(len(block), np.bool_), np.zeros(len(block), np.bool_)
            done[np.concatenate([np.empty(0, np.int64), *done_rows[number]])] = True
            if done.all():
                continue

            def choose(chunks: Sequence[Rows], done: Mask = done, own: Mask = own) -> list[int]:
                missing = [i for i, rows in enumerate(chunks) if not done[rows].all()]
                chosen = missing[_world.rank :: _world.size]
                for i in chosen:
                    own[chunks[i]] = True
                return chosen

            codes = [block.codes_of(row) for row in range(len(block))]
            matrix = embedder.embed_codes(codes, progress=lambda done: bar.advance(task, done), choose=choose)
            rows = np.flatnonzero(own)
            planned += int(block.lengths[rows].sum())
            bar.update(task, completed=planned, total=planned + nt // _world.size)
            path = folder / f"{number}-{attempt}-{_world.rank}.npz"
            with atomic_path(path) as partial, partial.open("wb") as stream:
                np.savez(stream, rows=rows, vectors=matrix[rows])


def _read_parts(rnas: Sequence[RnaTable], embedder: Embedder, folder: Path) -> Iterator[Embeddings]:
    for number, block in enumerate(_blocks(rnas)):
        matrix = np.empty((len(block), embedder.dim), np.float32)
        missing = np.ones(len(block), np.bool_)
        give_up = time.monotonic() + PATIENCE
        while True:
            for part in _Part.listed(folder):
                if part.block == number:
                    rows, matrix[rows] = part.read()
                    missing[rows] = False
            if not missing.any():
                break
            if time.monotonic() > give_up:
                raise InputError(
                    f"{folder}: lacks vectors of {missing.sum():,} RNAs; expected a folder that all machines share"
                )
            time.sleep(1)
        yield Embeddings(block.table, matrix, embedder.meta)


def _identity(rnas: Sequence[RnaTable], embedder: Embedder) -> str:
    """Distinguishes jobs whose parts must not be mixed: a digest of the model and of all RNAs."""
    digest = hashlib.sha256(repr(sorted(embedder.meta.items())).encode())
    for part in rnas:
        digest.update("\0".join(part.table["transcript_id"]).encode())
        for array in (part.starts, part.lengths, part.codes):
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]
