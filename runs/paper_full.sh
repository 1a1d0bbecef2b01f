#!/usr/bin/env bash
# The paper's whole evaluation at full scale, on a node with a GPU. It has not been run yet.
#
#   CORPUS=ten_species DATA=data MODEL_S=runs/s MODEL_M=runs/m bash runs/paper_full.sh OUT [--only ablations] [--list]
#
# DATA must hold
#   ids/human.tsv, ids/mouse.tsv (or .tsv.gz), which isoclr download makes, and these, which it does not make:
#   labels/rna_half_life_human.tsv.gz, labels/rna_half_life_mouse.tsv.gz (with a column fold),
#   labels/translation_efficiency_hela.tsv.gz, labels/mrl_5utr_varlen.tsv.gz, go/go.obo.gz, go/gene2go.gz.
# The task files in src/isoclr/tasks/shelf cite whose they are. The half-lives that isoclr download makes
# (labels/half_life_*.tsv) do as well, without folds: take "fold" out of the plan's splits then.
#
# CORPUS comes of isoclr build, the models of isoclr pretrain on it. Stopped at any moment, the same command goes on.
# Several studies may run on several nodes that share OUT, one study a node: --only main low_data on one, --only ablations on another.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:?"usage: bash runs/paper_full.sh OUT"}
shift
for name in CORPUS DATA MODEL_S MODEL_M; do
  path=${!name:?"set $name, see the head of this script"}
  [ ! -d "$path" ] || export "$name=$(cd "$path" && pwd)"
done
isoclr benchmark runs/paper_full.toml --out "$out" "$@"
