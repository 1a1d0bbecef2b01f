#!/usr/bin/env bash
# Contrastive pre-training on all real data: build → pretrain → embed → probe half-life (human, mouse) and translation
# efficiency.
#
#   DATA=../shared/data THREADS=1 bash runs/real_data.sh OUT
#
# To continue an interrupted run, give the same command.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:?"usage: bash runs/real_data.sh OUT"}
data=${DATA:-../shared/data}
threads=${THREADS:-1}

[ -e "$out/corpus" ] || isoclr build runs/real_data.toml --out "$out/corpus"
[ -e "$out/run/model.safetensors" ] || isoclr pretrain "$out/corpus" --config isoclr-s.v1-contrast --out "$out/run" \
  --resume --threads "$threads" --activation-checkpointing off --validate-every 50 --checkpoint-minutes 5
[ -e "$out/embeddings.parquet" ] || isoclr embed "$out/corpus" --model "$out/run" -o "$out/embeddings.parquet" --precision bf16

probe() {  # name, species, label table, split
  isoclr probe "$out/embeddings.parquet" "$data/labels/$3" --species "$2" --split "$4" --rnas coding \
    --corpus "$out/corpus" --baselines --json "$out/$1.json" --plot "$out/$1.png"
}
probe half_life_human human rna_half_life_human.tsv.gz fold
probe half_life_mouse mouse rna_half_life_mouse.tsv.gz fold
probe translation_efficiency human translation_efficiency_hela.tsv.gz homology
