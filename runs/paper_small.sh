#!/usr/bin/env bash
# The paper's whole evaluation on the real data set, small: every table and figure, and one page, within an hour on two cores.
#
#   DATA=../shared/data MODEL=isoclr-s bash runs/paper_small.sh OUT [--only main latent] [--list]
#
# MODEL is the directory of a trained model or the name of one that ships. CORPUS is a corpus that is there already; without
# it one is built. Stopped at any moment, the same command goes on; nothing is computed twice.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:?"usage: bash runs/paper_small.sh OUT"}
shift
mkdir -p "$out"
OUT=$(cd "$out" && pwd)
DATA=$(cd "${DATA:-../shared/data}" && pwd)
MODEL=${MODEL:-isoclr-s}
[ ! -d "$MODEL" ] || MODEL=$(cd "$MODEL" && pwd)
export OUT DATA MODEL

[ -e "$OUT/corpus" ] || [ -z "${CORPUS:-}" ] || ln -s "$(cd "$CORPUS" && pwd)" "$OUT/corpus"
[ -e "$OUT/corpus" ] || isoclr build --out "$OUT/corpus" runs/real_data.toml
isoclr benchmark runs/paper_small.toml --out "$OUT/benchmark" "$@"
