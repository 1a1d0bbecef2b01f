#!/usr/bin/env bash
# The whole path in minutes: build → pretrain → embed → probe.
#
#   bash runs/quickstart.sh            on a simulated data set of two species
#   bash runs/quickstart.sh DATA       on human transcripts, annotations and half-lives in the folder DATA
#
# DATA holds transcripts/human_chr19.cdna.fa.gz, transcripts/human_chr19.gencode24.gtf.gz,
# transcripts/human_refseq.fa.gz, transcripts/human_refseq.hg19.bed.gz, homology/homologene.data.gz, ids/human.tsv.gz
# and labels/rna_half_life_human.tsv.gz. MINUTES sets the time of pre-training. Everything is written to quickstart-out/,
# which is deleted first.
set -euo pipefail
cd "$(dirname "$0")/.."

minutes=${MINUTES:-1.5}
out=quickstart-out
rm -rf "$out"
mkdir -p "$out"

step() { printf '\n== %s\n' "$*" >&2; }

if [ -n "${1:-}" ]; then
  data=$(cd "$1" && pwd)
  cat > "$out/inputs.toml" <<TOML
homology = "$data/homology/homologene.data.gz"
gene_ids = { human = "$data/ids/human.tsv.gz" }

[[input]]
species = "human"
transcripts = "$data/transcripts/human_chr19.cdna.fa.gz"
annotation = "$data/transcripts/human_chr19.gencode24.gtf.gz"

[[input]]
species = "human"
transcripts = "$data/transcripts/human_refseq.fa.gz"
annotation = "$data/transcripts/human_refseq.hg19.bed.gz"
TOML
  inputs=$out/inputs.toml
  labels=$data/labels/rna_half_life_human.tsv.gz
  species=human
else
  step "simulate: two species with known ground truth"
  isoclr simulate --out "$out/simulated"
  inputs=$out/simulated/inputs.toml
  labels=$(ls "$out"/simulated/labels/*.tsv* | head -n 1)
  species=$(basename "$labels" | sed 's/^half_life_//; s/\.tsv.*//')
fi

step "build: annotations and sequences → a corpus of isoforms in gene sets"
isoclr build "$inputs" --out "$out/corpus"

step "inspect: what the corpus holds"
isoclr inspect "$out/corpus" --plot "$out/corpus.png"

step "pretrain: contrastive loss and auxiliary loss for $minutes minutes"
isoclr pretrain "$out/corpus" --out "$out/model" --minutes "$minutes" \
  --batch-size 32 --learning-rate 0.005 --min-transcripts 2 \
  --pooling all --contrast-on last --aux-weight 30 \
  --activation-checkpointing off --chunk-nt 32768

step "embed: one vector per RNA"
isoclr embed "$out/corpus" --model "$out/model" --out "$out/embeddings.parquet"

step "probe: how well a linear model predicts half-life from the embeddings"
isoclr probe "$out/embeddings.parquet" "$labels" --species "$species" --split fold \
  --corpus "$out/corpus" --baselines --json "$out/probe.json" --plot "$out/probe.png"

printf '\nFigures: %s and %s\n' "$out/probe.png" "$out/corpus.png" >&2
