"""Embedding as it is done without isoclr: FASTA → Parquet through the plain encoder, in three ways.

``python -m benchmarks.plain_embed FASTA --model DIR --out P --how padded`` is one run in a process of its own, as
:mod:`benchmarks.embed` starts it. Reading, ORFs and writing are done for every record with the package's own
readers, so that only the encoder differs; the encoder is run on a random sample of the records, because the
padded way takes minutes for all of them. What it took is printed as JSON.

``padded``: the original procedure, every RNA padded to 12,288 nt (a longer one is cropped);
``single``: one RNA at a time;  ``sorted``: by length, padded to the longest of the batch.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from benchmarks.harness import timed
from benchmarks.plain import PlainEncoder, load_weights
from isoclr.genomics.encoding import TRACKS, Codes, encode, longest_orf
from isoclr.genomics.fasta import read_transcripts

WIDTH = 12_288
WAYS = ("padded", "single", "sorted")
BATCHES = {"padded": (1, 4, 16), "single": (1,), "sorted": (1, 4, 16, 32)}
TRIED = 32
"""RNAs on which batch sizes are tried."""


def read_codes(fasta: Path) -> tuple[list[str], list[Codes]]:
    """Names and codes of all mRNAs of a FASTA, the longest ORF marked where the header names no CDS."""
    found = read_transcripts(fasta)
    known = found.table.select("cds_start", "cds_end").rows()
    codes = []
    for i, (start, end) in enumerate(known):
        bases = found.codes_of(i)
        codes.append(encode(bases, cds=(start, end) if start >= 0 else longest_orf(bases)))
    return found.table["transcript_id"].to_list(), codes


def batch_of(codes: Sequence[Codes], width: int) -> tuple[Tensor, Tensor]:
    """Tracks ``(b, 6, width)`` float32, zero beyond each RNA, and lengths."""
    tracks = np.zeros((len(codes), TRACKS.shape[1], width), np.float32)
    for row, each in zip(tracks, codes, strict=True):
        row[:, : len(each)] = TRACKS[each].T[:, :width]
    lengths = [min(len(each), width) for each in codes]
    return torch.from_numpy(tracks), torch.tensor(lengths)


@torch.inference_mode()
def embed(
    network: PlainEncoder, codes: Sequence[Codes], how: str, batch: int
) -> NDArray[np.float32]:
    """Embeddings of RNAs in their order, by one of :data:`WAYS`."""
    order = sorted(range(len(codes)), key=lambda i: len(codes[i]) if how == "sorted" else 0)
    rows: dict[int, NDArray[np.float32]] = {}
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        part = [codes[i] for i in chosen]
        width = WIDTH if how == "padded" else max(map(len, part))
        found = network(*batch_of(part, width)).numpy()
        rows.update(zip(chosen, found, strict=True))
    return np.stack([rows[i] for i in range(len(codes))])


def best_batch(network: PlainEncoder, codes: Sequence[Codes], how: str) -> int:
    """The fastest batch size of a few, on some of the RNAs."""
    if len(BATCHES[how]) == 1:
        return BATCHES[how][0]
    embed(network, codes[:1], how, 1)
    part = codes[:TRIED]
    return min(BATCHES[how], key=lambda b: timed(lambda: embed(network, part, how, b))[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("fasta", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--how", choices=WAYS, required=True)
    parser.add_argument("--sample", type=int, required=True, help="RNAs to embed, drawn at random")
    parser.add_argument("--batch", type=int, help="RNAs in a batch; the best of a few by default")
    options = parser.parse_args()
    network = PlainEncoder().eval()
    load_weights(network, load_file(options.model / "model.safetensors"))
    names, codes = read_codes(options.fasta)
    count = min(options.sample, len(codes))
    rows = (
        np.random.default_rng(0).permutation(len(codes))[:count].tolist()
    )  # small in large samples
    chosen = [codes[i] for i in rows]
    batch, choosing = timed(lambda: options.batch or best_batch(network, chosen, options.how))
    matrix, embedding = timed(lambda: embed(network, chosen, options.how, batch))
    table = pl.DataFrame({"transcript_id": [names[i] for i in rows], "embedding": matrix})
    table.write_parquet(options.out)
    facts = {
        "choosing": choosing,
        "embedding": embedding,
        "batch": batch,
        "rnas": len(codes),
        "nt": sum(map(len, codes)),
        "sample": count,
        "sample_nt": sum(map(len, chosen)),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
