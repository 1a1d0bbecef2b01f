#!/usr/bin/env bash
# The paper's whole evaluation at full scale, on a node with a GPU. It has not been run yet.
#
#   CORPUS=ten_species DATA=data MODEL_S=runs/s MODEL_M=runs/m bash runs/paper_full.sh OUT [--only ablations] [--dry-run]
#
# CORPUS is made by isoclr build, and the models by isoclr pretrain on it. DATA needs the files of isoclr download:
# ids/human.tsv, ids/mouse.tsv, labels/half_life_human.tsv, labels/half_life_mouse.tsv (or labels/rna_half_life_human.tsv.gz
# and labels/rna_half_life_mouse.tsv.gz), and the GENCODE annotations human/gencode.v41.annotation.gtf.gz and
# mouse/gencode.vM25.annotation.gtf.gz, which give the chromosomes. HUMAN_GENES and MOUSE_GENES name other annotations or
# tables with gene_id and chromosome. DATA also needs labels/translation_efficiency_hela.tsv.gz,
# labels/mrl_5utr_varlen.tsv.gz, go/go.obo.gz and go/gene2go.gz, which isoclr download does not make; the task files in
# src/isoclr/tasks/builtin cite their sources.
#
# To continue an interrupted run, give the same command. Nodes that share OUT can each run one study: --only main low_data
# on one, --only ablations on another.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:?"usage: bash runs/paper_full.sh OUT"}
shift
for name in CORPUS DATA MODEL_S MODEL_M; do
  path=${!name:?"set $name, see the head of this script"}
  [ ! -d "$path" ] || export "$name=$(cd "$path" && pwd)"
done
export HUMAN_GENES=${HUMAN_GENES:-$DATA/human/gencode.v41.annotation.gtf.gz}
export MOUSE_GENES=${MOUSE_GENES:-$DATA/mouse/gencode.vM25.annotation.gtf.gz}
for name in HUMAN_GENES MOUSE_GENES; do
  path=${!name}
  [ ! -f "$path" ] || export "$name=$(cd "$(dirname "$path")" && pwd)/$(basename "$path")"
done
isoclr evaluate runs/paper_full.toml --out "$out" "$@"
