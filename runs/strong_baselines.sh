#!/usr/bin/env bash
# Encoders against the strongest simple baselines, and effects of variants against published predictors, on all real
# data.
#
#   DATA=../shared/data CORPUS=OUT/corpus bash runs/strong_baselines.sh OUT NAME=MODEL [NAME=MODEL ...]
#
# MODEL is the directory of a trained model or the name of one that ships. Each is also read together with the strongest
# baseline, and without what the composition features explain of it. Writes results/strong_baselines.csv and
# results/variant_effects.csv. What has been made is not made again. PRECISION=bf16 is faster on processors that support
# it, and much slower on others. Kernel ridge regression runs on the tasks of KERNEL.
set -euo pipefail
cd "$(dirname "$0")/.."

usage="usage: bash runs/strong_baselines.sh OUT NAME=MODEL [NAME=MODEL ...]"
out=${1:?"$usage"}
shift
: "${1:?"$usage"}"
export ISOCLR_DATA=${DATA:-../shared/data}
corpus=${CORPUS:-$out/corpus}
precision=${PRECISION:-float32}
mkdir -p "$out"
[ -e "$corpus" ] || isoclr build runs/real_data.toml --out "$corpus"

assays=(mrl-5utr decay-rate-icodon utr3-reporter-siegel)
for task in "${assays[@]}"; do
  [ -e "$out/$task.fa" ] || isoclr tasks "$task" --fasta "$out/$task.fa"
done
if [ ! -e "$out/labelled" ]; then
  python -m benchmarks.strong_baselines "$corpus" --list "$out/labelled.txt"
  isoclr subset "$corpus" --out "$out/labelled" --transcripts "$out/labelled.txt"
fi

models=()
constructs=()
for pair in "$@"; do
  name=${pair%%=*}
  model=${pair#*=}
  for rnas in labelled "${assays[@]}"; do
    input=$out/$rnas
    [ -d "$input" ] || input=$input.fa
    file=$out/$rnas-$name.parquet
    [ -e "$file" ] || isoclr embed "$input" --model "$model" -o "$file" --precision "$precision" --threads "${THREADS:-1}"
    if [ "$rnas" = labelled ]; then models+=("$name=$file"); else constructs+=("$rnas:$name=$file"); fi
  done
  python -m benchmarks.variant_effects --model "$model" --name "$name" --folder "$out/variants" --precision "$precision" \
    --only utr5 utr3 zero-shot --half-life "$out/labelled-$name.parquet" \
    --constructs "$out/utr3-reporter-siegel-$name.parquet"
done
python -m benchmarks.strong_baselines "$out/labelled" --folder "$out/features" --models "${models[@]}" \
  --constructs "${constructs[@]}" --kernel ${KERNEL:-half-life-human half-life-mouse translation-efficiency-hela}
