#!/usr/bin/env bash
# Everything in the real data set: build → pretrain → embed → probe half-life (human, mouse) and translation efficiency.
#
#   DATA=../shared/data MINUTES=95 bash runs/real_data.sh OUT
#
# Stopped at any moment, the same command goes on. THREADS=1 is what the committed numbers were made with.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:?"usage: bash runs/real_data.sh OUT"}
data=${DATA:-../shared/data}
minutes=${MINUTES:-95}
threads=${THREADS:-1}

[ -e "$out/corpus" ] || isoclr build --out "$out/corpus" runs/real_data.toml
[ -e "$out/run/model.safetensors" ] || isoclr pretrain "$out/corpus" --model isoclr-s --out "$out/run" --resume \
  --minutes "$minutes" --threads "$threads" --seed 0 --batch-size 256 --learning-rate 0.005 --min-transcripts 2 \
  --chunk-nt 32768 --recompute off --validate-every 50 --checkpoint-minutes 5
[ -e "$out/embeddings.parquet" ] || isoclr embed "$out/corpus" --model "$out/run" -o "$out/embeddings.parquet" --precision bf16

probe() {  # name, species, labels, split
  isoclr probe "$out/embeddings.parquet" "$data/labels/$3" --species "$2" --split "$4" --rnas coding --model ridge \
    --corpus "$out/corpus" --baselines --json "$out/$1.json" --plot "$out/$1.png"
}
probe half_life_human human rna_half_life_human.tsv.gz fold
probe half_life_mouse mouse rna_half_life_mouse.tsv.gz fold
probe translation_efficiency human translation_efficiency_hela.tsv.gz homology
