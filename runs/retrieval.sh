#!/usr/bin/env bash
# Is the nearest neighbour of an RNA its isoform, a paralog, the ortholog? Among the RNAs of all gene sets that several
# species have, with and without whitening, compared with the baselines.
#
#   CORPUS=OUT/corpus bash runs/retrieval.sh MODEL OUT
#
# CORPUS is by default OUT/corpus, built from runs/real_data.toml if it does not exist. The results are
# OUT/retrieval.csv and OUT/retrieval-whitened.csv.
set -euo pipefail
cd "$(dirname "$0")/.."

usage="usage: bash runs/retrieval.sh MODEL OUT"
model=${1:?"$usage"}
out=${2:?"$usage"}
threads=${THREADS:-2}
corpus=${CORPUS:-$out/corpus}
mkdir -p "$out"

[ -e "$corpus" ] || isoclr build runs/real_data.toml --out "$corpus"
if [ ! -e "$out/homologs" ]; then
  python -c 'import sys, isoclr; from benchmarks.contrast_and_composition import homologs
print(*homologs(isoclr.open_corpus(sys.argv[1])), sep="\n")' "$corpus" > "$out/homologs.txt"
  isoclr subset "$corpus" --out "$out/homologs" --transcripts "$out/homologs.txt"
fi
[ -e "$out/homologs.parquet" ] || isoclr embed "$out/homologs" --model "$model" -o "$out/homologs.parquet" \
  --precision float32 --threads "$threads"

retrieve() {  # name, option
  isoclr retrieval "$out/homologs.parquet" --corpus "$out/homologs" --baselines "$2" --sample 4000 \
    --threads "$threads" -o "$out/$1.csv" --overwrite
}
retrieve retrieval --no-whiten
retrieve retrieval-whitened --whiten
