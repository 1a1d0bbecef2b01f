#!/usr/bin/env bash
# Isoforms to predictions in minutes: build → pretrain → embed → probe, on a simulated world or on real data.
#
#   bash runs/quickstart.sh            a simulated world of two species
#   bash runs/quickstart.sh DATA       human transcripts, annotation and half-lives in the folder DATA
#
# Everything is written to quickstart-out/ and made anew each time.
set -euo pipefail
cd "$(dirname "$0")/.."

data=${1:-}
minutes=${MINUTES:-1.5}
out=quickstart-out
rm -rf "$out"
mkdir -p "$out"

step() { printf '\n== %s\n' "$*" >&2; }

if [ -n "$data" ]; then
  step "build: human chromosome 19 and RefSeq transcripts → a corpus of isoforms in gene sets"
  isoclr build --out "$out/corpus" --homology "$data/homology/homologene.data.gz" \
    --gene-ids "human=$data/ids/human.tsv.gz" \
    --input "species=human,transcripts=$data/transcripts/human_chr19.cdna.fa.gz,annotation=$data/transcripts/human_chr19.gencode24.gtf.gz" \
    --input "species=human,transcripts=$data/transcripts/human_refseq.fa.gz,annotation=$data/transcripts/human_refseq.hg19.bed.gz"
  labels=$data/labels/rna_half_life_human.tsv.gz
  species=human
else
  step "simulate: a small world of two species whose truth is known"
  isoclr simulate --out "$out/world"
  step "build: genomes and annotations → a corpus of isoforms in gene sets"
  isoclr build --out "$out/corpus" "$out/world/inputs.toml"
  labels=$(ls "$out"/world/labels/*.tsv* | head -n 1)
  species=$(basename "$labels" | sed 's/^half_life_//; s/\.tsv.*//')
fi

step "inspect: what is in the corpus"
isoclr inspect "$out/corpus" --plot "$out/corpus.png"

step "pretrain: learn which transcripts belong together, and what they are made of, for $minutes minutes"
isoclr pretrain "$out/corpus" --out "$out/model" --minutes "$minutes" \
  --batch-size 32 --learning-rate 0.005 --min-transcripts 2 --recompute off --chunk-nt 32768 \
  --pooling all --project last --composition 30

step "embed: one vector for every RNA of the corpus"
isoclr embed "$out/corpus" --model "$out/model" --out "$out/embeddings.parquet"

step "probe: how well does a linear model on the embedding predict half-life?"
isoclr probe "$out/embeddings.parquet" "$labels" --species "$species" --split fold \
  --model ridge --corpus "$out/corpus" --baselines --json "$out/probe.json" --plot "$out/probe.png"

printf '\nThe pictures are %s and %s.\n' "$out/probe.png" "$out/corpus.png" >&2
