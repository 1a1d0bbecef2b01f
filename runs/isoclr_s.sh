#!/usr/bin/env bash
# The shipped weights and heads: build → pretrain → embed → probe → fit on all real data.
#
#   DATA=../shared/data THREADS=2 bash runs/isoclr_s.sh OUT
#
# To continue an interrupted run, give the same command. MODEL=isoclr-s skips pre-training and evaluates that model.
# SHIP=1 copies the model and its heads into src/isoclr/weights.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:?"usage: bash runs/isoclr_s.sh OUT"}
data=${DATA:-../shared/data}
threads=${THREADS:-2}
labels=$data/labels
mkdir -p "$out"

[ -e "$out/corpus" ] || isoclr build runs/real_data.toml --out "$out/corpus"

pretrain() {  # directory, recipe, options …
  local directory=$out/$1 recipe=$2
  shift 2
  [ -e "$directory/model.safetensors" ] || isoclr pretrain "$out/corpus" --config "$recipe" --out "$directory" --resume \
    --threads "$threads" --activation-checkpointing off --checkpoint-minutes 5 "$@"
}
model=${MODEL:-$out/run}
if [ -z "${MODEL:-}" ]; then
  pretrain contrast isoclr-s.v1-contrast
  pretrain run isoclr-s.v1 --init "$out/contrast"
fi
[ -e "$out/embeddings.parquet" ] || isoclr embed "$out/corpus" --model "$model" -o "$out/embeddings.parquet" --precision bf16

probe() {  # name, species, label table, split
  [ -e "$out/$1.json" ] || isoclr probe "$out/embeddings.parquet" "$labels/$3" --species "$2" --split "$4" --rnas coding \
    --corpus "$out/corpus" --baselines --json "$out/$1.json" --plot "$out/$1.png"
}
probe half_life_human human rna_half_life_human.tsv.gz fold
probe half_life_mouse mouse rna_half_life_mouse.tsv.gz fold
probe translation_efficiency human translation_efficiency_hela.tsv.gz homology

fit() {  # directory, name, species, label table
  [ -e "$out/heads/$1" ] || isoclr fit "$out/embeddings.parquet" "$labels/$4" -o "$out/heads/$1" \
    --name "$2" --species "$3" --rnas coding --split fold --units "z-score"
}
mkdir -p "$out/heads"
fit half-life-human half-life human rna_half_life_human.tsv.gz
fit half-life-mouse half-life mouse rna_half_life_mouse.tsv.gz

if [ -n "${SHIP:-}" ]; then
  weights=src/isoclr/weights/isoclr-s.v1
  rm -rf "$weights"
  mkdir -p "$weights"
  cp "$out/run/config.json" "$out/run/model.safetensors" "$weights"
  cp -r "$out/heads" "$weights/heads"
fi
