#!/usr/bin/env bash
# All heads for one encoder: embed → fit.
#
#   DATA=../shared/data CORPUS=OUT/corpus bash runs/heads.sh MODEL OUT
#
# MODEL is the directory of a trained model or the name of one that ships. CORPUS is by default OUT/corpus, built from
# runs/real_data.toml if it does not exist. EMBEDDINGS are those of the corpus by MODEL, if they have been made already.
# A head's directory is named TASK-SPECIES, as `isoclr predict` looks for it. Heads of half-life use the label files'
# folds; of the others, folds keep gene sets together, and FOLDS is their number. What has been made is not made again.
# PRECISION=bf16 is faster on processors that support it, and much slower on others. SHIP=DIRECTORY copies the heads to
# DIRECTORY/heads.
set -euo pipefail
cd "$(dirname "$0")/.."

usage="usage: bash runs/heads.sh MODEL OUT"
model=${1:?"$usage"}
out=${2:?"$usage"}
export ISOCLR_DATA=${DATA:-../shared/data}
folds=${FOLDS:-5}
threads=${THREADS:-1}
corpus=${CORPUS:-$out/corpus}
embeddings=${EMBEDDINGS:-$out/embeddings.parquet}
precision=${PRECISION:-float32}
mkdir -p "$out/heads"

[ -e "$corpus" ] || isoclr build runs/real_data.toml --out "$corpus"

embed() {  # RNAs, embeddings, options …
  local rnas=$1 vectors=$2
  shift 2
  [ -e "$vectors" ] || isoclr embed "$rnas" --model "$model" -o "$vectors" --precision "$precision" \
    --threads "$threads" "$@"
}
embed "$corpus" "$embeddings"
[ -e "$out/mrl-5utr.fa" ] || isoclr tasks mrl-5utr --fasta "$out/mrl-5utr.fa"
embed "$out/mrl-5utr.fa" "$out/mrl-5utr.parquet" --region utr5

fit() {  # name, embeddings, task, options …
  local name=$1 vectors=$2 task=$3
  shift 3
  [ -e "$out/heads/$name" ] || isoclr fit "$vectors" "$task" -o "$out/heads/$name" "$@"
}
fit half-life-human "$embeddings" half-life-human --name half-life --split fold --units z-score
fit half-life-mouse "$embeddings" half-life-mouse --name half-life --split fold --units z-score
fit translation-efficiency-human "$embeddings" translation-efficiency-hela --corpus "$corpus" --folds "$folds"
fit protein-to-mrna-ratio-human "$embeddings" protein-to-mrna-ratio --corpus "$corpus" --folds "$folds"
fit localisation-human "$embeddings" mrna-localisation --name localisation --corpus "$corpus" --folds "$folds"
fit mean-ribosome-load-human "$out/mrl-5utr.parquet" mrl-5utr --name mean-ribosome-load --species human --folds "$folds"

if [ -n "${SHIP:-}" ]; then
  mkdir -p "$SHIP"
  cp -r "$out/heads" "$SHIP/"
fi
