#!/usr/bin/env bash
# The paper's whole evaluation on the real data, on a small scale: all tables and figures and the HTML page, in some
# hours on two cores.
#
#   DATA=../shared/data MODEL=isoclr-s bash runs/paper_small.sh OUT [--only main latent] [--dry-run]
#
# MODEL is the directory of a trained model or the name of one that ships. CORPUS is an existing corpus; by default one is
# built from ../shared/data (runs/real_data.toml). To continue an interrupted run, give the same command: nothing is
# computed twice.
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

fail() {
  echo "paper_small.sh: $1" >&2
  exit 2
}
if [ -n "${CORPUS:-}" ]; then
  corpus=$(cd "$CORPUS" && pwd -P)
  [ -e "$OUT/corpus" ] || ln -s "$corpus" "$OUT/corpus"
  [ "$(cd "$OUT/corpus" && pwd -P)" = "$corpus" ] ||
    fail "$OUT/corpus is not CORPUS=$CORPUS; choose another OUT or remove $OUT/corpus"
elif [ ! -e "$OUT/corpus" ]; then
  [ "$DATA" = "$(cd ../shared/data 2>/dev/null && pwd)" ] ||
    fail "runs/real_data.toml builds from ../shared/data, not from DATA=$DATA; set CORPUS to a corpus of that data"
  isoclr build runs/real_data.toml --out "$OUT/corpus"
fi
isoclr evaluate runs/paper_small.toml --out "$OUT/benchmark" "$@"
