#!/usr/bin/env bash
# How the weights and heads that ship were made: build → pretrain → embed → probe → fit, on everything in the real data set.
#
#   DATA=../shared/data THREADS=2 bash runs/isoclr_s.sh OUT
#
# Stopped at any moment, the same command goes on. MODEL=isoclr-s leaves the training out and measures that model;
# SHIP=1 copies the model and its heads into src/isoclr/weights.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:?"usage: bash runs/isoclr_s.sh OUT"}
data=${DATA:-../shared/data}
threads=${THREADS:-2}
labels=$data/labels
mkdir -p "$out"

[ -e "$out/corpus" ] || isoclr build --out "$out/corpus" runs/real_data.toml

stretch() {  # directory, options …
  local directory=$out/$1
  shift
  [ -e "$directory/model.safetensors" ] || isoclr pretrain "$out/corpus" --model isoclr-s --out "$directory" --resume \
    --threads "$threads" --learning-rate 0.005 --min-transcripts 2 --recompute off --checkpoint-minutes 5 "$@"
}
# the contrast alone, then the contrast of the last block beside the composition read off all blocks
compose=(--batch-size 64 --pooling all --project last --composition 30 --drop-splice 0.15 --drop-tracks 0.15)
model=${MODEL:-$out/run}
if [ -z "${MODEL:-}" ]; then
  stretch contrast --seed 0 --steps 811 --batch-size 256
  stretch run --seed 1 --steps 6389 --init "$out/contrast" --validate-every 250 "${compose[@]}"
fi
[ -e "$out/embeddings.parquet" ] || isoclr embed "$out/corpus" --model "$model" -o "$out/embeddings.parquet" --precision bf16

probe() {  # name, species, labels, split
  [ -e "$out/$1.json" ] || isoclr probe "$out/embeddings.parquet" "$labels/$3" --species "$2" --split "$4" --rnas coding \
    --model ridge --corpus "$out/corpus" --baselines --json "$out/$1.json" --plot "$out/$1.png"
}
probe half_life_human human rna_half_life_human.tsv.gz fold
probe half_life_mouse mouse rna_half_life_mouse.tsv.gz fold
probe translation_efficiency human translation_efficiency_hela.tsv.gz homology

head() {  # directory, name, species, labels, what decides the folds …
  local directory=$1 name=$2 species=$3 table=$4
  shift 4
  [ -e "$out/heads/$directory" ] || isoclr fit "$out/embeddings.parquet" "$labels/$table" -o "$out/heads/$directory" \
    --name "$name" --species "$species" --rnas coding "$@"
}
mkdir -p "$out/heads"
head half-life-human half-life human rna_half_life_human.tsv.gz --split fold --units "z-score"
head half-life-mouse half-life mouse rna_half_life_mouse.tsv.gz --split fold --units "z-score"

if [ -n "${SHIP:-}" ]; then
  shelf=src/isoclr/weights/isoclr-s.v1
  rm -rf "$shelf"
  mkdir -p "$shelf"
  cp "$out/run/config.json" "$out/run/model.safetensors" "$shelf"
  cp -r "$out/heads" "$shelf/heads"
fi
