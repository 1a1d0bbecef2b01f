#!/usr/bin/env bash
# The paper's whole evaluation at full scale, on a node with a GPU. It has not been run yet.
#
#   CORPUS=ten_species DATA=data MODEL_S=runs/s MODEL_M=runs/m bash runs/paper_full.sh OUT [--only ablations] [--list]
#
# DATA must hold what isoclr download makes: ids/human.tsv, ids/mouse.tsv, labels/half_life_human.tsv, labels/half_life_mouse.tsv
# (instead of these, labels/rna_half_life_human.tsv.gz and …_mouse.tsv.gz are taken where they are), and GENCODE's annotations,
# which tell chromosomes: human/gencode.v41.annotation.gtf.gz and mouse/gencode.vM25.annotation.gtf.gz, or HUMAN_GENES and
# MOUSE_GENES name others (GTF, GFF3, …, or a table with gene_id and chromosome). It does not make these:
#   labels/translation_efficiency_hela.tsv.gz, labels/mrl_5utr_varlen.tsv.gz, go/go.obo.gz, go/gene2go.gz.
# The task files in src/isoclr/tasks/shelf cite whose they are.
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
export HUMAN_GENES=${HUMAN_GENES:-$DATA/human/gencode.v41.annotation.gtf.gz}
export MOUSE_GENES=${MOUSE_GENES:-$DATA/mouse/gencode.vM25.annotation.gtf.gz}
for name in HUMAN_GENES MOUSE_GENES; do
  path=${!name}
  [ ! -f "$path" ] || export "$name=$(cd "$(dirname "$path")" && pwd)/$(basename "$path")"
done
isoclr benchmark runs/paper_full.toml --out "$out" "$@"
