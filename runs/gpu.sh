#!/usr/bin/env bash
# Pre-training on one GPU in 25 minutes: benchmark (5), IsoCLR-S (10), IsoCLR-M (10).
#
#   bash runs/gpu.sh CORPUS OUT [benchmark] [isoclr-s] [isoclr-m]
#
# CORPUS is a corpus, or a .tar.xz of its directory. OUT/isoclr-s and OUT/isoclr-m are runs, with a checkpoint every
# three minutes; OUT/gpu.csv has the benchmark. Without names, all three are done. The same command goes on with what
# was interrupted, and leaves out what is complete.
#
# Only gene sets with two or more transcripts are trained on, so a corpus of those alone is enough to carry. With
# GENE_SETS=--in-silico-isoforms all are, and those with one transcript get another in silico.
# MINUTES is the time of each run, PAIRS the batch, INIT a model to start IsoCLR-S from, DEVICE a torch device.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONPATH=$PWD/src:$PWD${PYTHONPATH:+:$PYTHONPATH}

usage="usage: bash runs/gpu.sh CORPUS OUT [benchmark] [isoclr-s] [isoclr-m]"
corpus=${1:?"$usage"}
out=${2:?"$usage"}
shift 2
[ $# -gt 0 ] || set -- benchmark isoclr-s isoclr-m
device=${DEVICE:-cuda}
mkdir -p "$out"

if [ -f "$corpus" ]; then
  [ -d "$out/corpus" ] || { mkdir "$out/unpacking" && tar -xJf "$corpus" -C "$out/unpacking" --strip-components 1 &&
    mv "$out/unpacking" "$out/corpus"; }
  corpus=$out/corpus
fi

train() {  # model, learning rate, options …
  local model=$1 rate=$2
  shift 2
  [ -e "$out/$model/model.safetensors" ] || python3 -m isoclr pretrain "$corpus" -o "$out/$model" --model "$model" \
    --pooling all-std-sqrt --contrast-on last --aux-weight 30 --drop-splice 0.05 --drop-tracks 0.05 \
    ${GENE_SETS:---min-transcripts 2} --batch-size "${PAIRS:-512}" --learning-rate "$rate" --warmup-steps 100 \
    --ema 0.999 --seed 5 --minutes "${MINUTES:-9}" --validate-every 500 --checkpoint-minutes 3 --device "$device" \
    --resume "$@"
}

for part in "$@"; do
  case $part in
    benchmark)
      [ -e "$out/gpu.csv" ] || python3 -m benchmarks.gpu --device "$device" --out "$out/gpu.csv" ${BENCHMARK:-} ;;
    isoclr-s) train isoclr-s 0.006 ${INIT:+--init "$INIT"} ;;
    isoclr-m) train isoclr-m 0.004 ;;
    *) echo "$part: $usage" >&2; exit 2 ;;
  esac
done
