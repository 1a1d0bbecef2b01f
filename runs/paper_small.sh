#!/usr/bin/env bash
# The paper's whole evaluation on the real data set, small: every table and figure, and one page, within an hour on two cores.
#
#   DATA=../shared/data MODEL=isoclr-s bash runs/paper_small.sh OUT [--only main latent] [--list]
#
# MODEL is the directory of a trained model or the name of one that ships. CORPUS is a corpus that is there already; without
# it one is built, from ../shared/data and nothing else (runs/real_data.toml). Stopped at any moment, the same command goes on; nothing is computed twice.
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

refuse() {
  echo "paper_small.sh: $1" >&2
  exit 2
}
if [ -n "${CORPUS:-}" ]; then
  corpus=$(cd "$CORPUS" && pwd -P)
  [ -e "$OUT/corpus" ] || ln -s "$corpus" "$OUT/corpus"
  [ "$(cd "$OUT/corpus" && pwd -P)" = "$corpus" ] ||
    refuse "$OUT/corpus is another corpus than CORPUS=$CORPUS; expected another OUT, or no $OUT/corpus"
elif [ ! -e "$OUT/corpus" ]; then
  [ "$DATA" = "$(cd ../shared/data 2>/dev/null && pwd)" ] ||
    refuse "runs/real_data.toml builds from ../shared/data, not from DATA=$DATA; expected CORPUS, a corpus of yours"
  isoclr build --out "$OUT/corpus" runs/real_data.toml
fi
isoclr benchmark runs/paper_small.toml --out "$OUT/benchmark" "$@"
