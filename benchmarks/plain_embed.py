"""Embedding without isoclr: FASTA → Parquet through the plain encoder, in one of three ways.

``python -m benchmarks.plain_embed FASTA --model DIR --out P --method padded`` is one run in a fresh process;
:mod:`benchmarks.embed` starts it. The package's own readers find the records and their ORFs, so that only the encoder
differs. The encoder runs on a random sample of the records, because the padded method takes minutes for all. Timings
are printed as JSON.

``padded``: the original procedure, every RNA padded to 12,288 nt (longer ones are cropped);
``single``: one RNA at a time; ``sorted``: sorted by length, padded to the longest RNA of the batch.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from benchmarks.harness import options_of, timed
from benchmarks.plain import PlainEncoder, load_weights
from isoclr.genomics.encoding import TRACKS, Codes, encode, longest_orf
from isoclr.genomics.fasta import read_transcripts

WIDTH = 12_288
METHODS = ("padded", "single", "sorted")
BATCH_SIZES = {"padded": (1, 4, 16), "single": (1,), "sorted": (1, 4, 16, 32)}
TRIALS = 32
"""Number of RNAs on which batch sizes are compared."""


def read_codes(fasta: Path) -> tuple[list[str], list[Codes]]:
    """Names and codes of all mRNAs of a FASTA file; the longest ORF is the CDS where the header gives none."""
    rnas = read_transcripts(fasta)
    codes = []
    for row, (start, end) in enumerate(rnas.table.select("cds_start", "cds_end").rows()):
        bases = rnas.codes_of(row)
        codes.append(encode(bases, cds=(start, end) if start >= 0 else longest_orf(bases)))
    return rnas.table["transcript_id"].to_list(), codes


def make_batch(codes: Sequence[Codes], width: int) -> tuple[Tensor, Tensor]:
    """Tracks ``(b, 6, width)`` float32, zero beyond each RNA, and lengths."""
    tracks = np.zeros((len(codes), TRACKS.shape[1], width), np.float32)
    for row, rna in zip(tracks, codes, strict=True):
        row[:, : len(rna)] = TRACKS[rna].T[:, :width]
    lengths = [min(len(rna), width) for rna in codes]
    return torch.from_numpy(tracks), torch.tensor(lengths)


@torch.inference_mode()
def embed(network: PlainEncoder, codes: Sequence[Codes], method: str, batch: int) -> NDArray[np.float32]:
    """Embeddings of RNAs, in their order, by one of :data:`METHODS`."""
    order = sorted(range(len(codes)), key=lambda i: len(codes[i]) if method == "sorted" else 0)
    rows: dict[int, NDArray[np.float32]] = {}
    for start in range(0, len(order), batch):
        indices = order[start : start + batch]
        part = [codes[i] for i in indices]
        width = WIDTH if method == "padded" else max(map(len, part))
        embeddings = network(*make_batch(part, width)).numpy()
        rows.update(zip(indices, embeddings, strict=True))
    return np.stack([rows[i] for i in range(len(codes))])


def best_batch(network: PlainEncoder, codes: Sequence[Codes], method: str) -> int:
    """The fastest of a few batch sizes on some of the RNAs."""
    if len(BATCH_SIZES[method]) == 1:
        return BATCH_SIZES[method][0]
    embed(network, codes[:1], method, 1)
    part = codes[:TRIALS]
    return min(BATCH_SIZES[method], key=lambda b: timed(lambda: embed(network, part, method, b))[1])


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("fasta", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--method", choices=METHODS, required=True)
    parser.add_argument("--sample", type=int, required=True, help="random RNAs to embed")
    parser.add_argument("--batch", type=int, help="RNAs per batch (default: the best of a few)")
    options = parser.parse_args()
    network = PlainEncoder().eval()
    load_weights(network, load_file(options.model / "model.safetensors"))
    names, codes = read_codes(options.fasta)
    count = min(options.sample, len(codes))
    # a small sample is part of a large one
    rows = np.random.default_rng(0).permutation(len(codes))[:count].tolist()
    sample = [codes[row] for row in rows]
    batch, choosing = timed(lambda: options.batch or best_batch(network, sample, options.method))
    matrix, embedding = timed(lambda: embed(network, sample, options.method, batch))
    table = pl.DataFrame({"transcript_id": [names[row] for row in rows], "embedding": matrix})
    table.write_parquet(options.out)
    timings = {
        "choosing": choosing,
        "embedding": embedding,
        "batch": batch,
        "rnas": len(codes),
        "nt": sum(map(len, codes)),
        "sample": count,
        "sample_nt": sum(map(len, sample)),
    }
    print(json.dumps(timings))


if __name__ == "__main__":
    main()
