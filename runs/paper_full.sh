#!/usr/bin/env bash
# The paper's whole evaluation at full scale, on a node with a GPU. It has not been run yet.
#
#   CORPUS=ten_species DATA=data MODEL_S=runs/s MODEL_M=runs/m bash runs/paper_full.sh OUT [--only ablations] [--list]
#
# DATA is the folder that isoclr download fills (labels, go, ids); CORPUS comes of isoclr build, the models of isoclr pretrain
# on it. Stopped at any moment, the same command goes on. Several studies may run on several nodes that share OUT, one
# study a node: --only main low_data on one, --only ablations on another.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:?"usage: bash runs/paper_full.sh OUT"}
shift
for name in CORPUS DATA MODEL_S MODEL_M; do
  path=${!name:?"set $name, see the head of this script"}
  [ ! -d "$path" ] || export "$name=$(cd "$path" && pwd)"
done
isoclr benchmark runs/paper_full.toml --out "$out" "$@"
