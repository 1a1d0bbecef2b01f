#!/usr/bin/env bash
# The whole path in minutes, on real human mRNAs: build → embed → probe → predict → mutate → atlas → pre-train.
#
#   bash runs/quickstart.sh            on the example set that ships: 607 mRNAs, 561 half-lives
#   bash runs/quickstart.sh DATA       on human transcripts, annotations and half-lives in the folder DATA
#
# DATA holds transcripts/human_chr19.cdna.fa.gz, transcripts/human_chr19.gencode24.gtf.gz,
# transcripts/human_refseq.fa.gz, transcripts/human_refseq.hg19.bed.gz, homology/homologene.data.gz, ids/human.tsv.gz
# and labels/rna_half_life_human.tsv.gz. MINUTES sets the time of pre-training, RNA the mRNA that is mutated.
# Everything is written to OUT (quickstart-out), which is deleted first.
set -euo pipefail
cd "$(dirname "$0")/.."

minutes=${MINUTES:-0.5}
out=${OUT:-quickstart-out}
rm -rf "$out"
mkdir -p "$out"

step() { printf '\n== %s (%d s)\n' "$*" "$SECONDS" >&2; }

if [ -n "${1:-}" ]; then
  data=$(cd "$1" && pwd)
  cat > "$out/inputs.toml" <<TOML
homology = "$data/homology/homologene.data.gz"
gene_ids = { human = "$data/ids/human.tsv.gz" }

[[input]]
species = "human"
transcripts = "$data/transcripts/human_chr19.cdna.fa.gz"
annotation = "$data/transcripts/human_chr19.gencode24.gtf.gz"

[[input]]
species = "human"
transcripts = "$data/transcripts/human_refseq.fa.gz"
annotation = "$data/transcripts/human_refseq.hg19.bed.gz"
TOML
  inputs=$out/inputs.toml
  labels=$data/labels/rna_half_life_human.tsv.gz
  rna=${RNA:-NM_000041}  # APOE
else
  example=$(python -c 'from isoclr.datasets import example; print(example().folder)')
  inputs=$example/inputs.toml
  labels=$example/half_life.tsv.gz
  rna=${RNA:-NM_003745}  # SOCS1, a short-lived mRNA
fi

step "build: sequences with exons and coding sequences → a corpus of RNAs in gene sets"
isoclr build "$inputs" --out "$out/corpus"
isoclr inspect "$out/corpus" --plot "$out/corpus.png" > "$out/corpus.txt"

step "embed: one vector per RNA, by the weights that ship"
isoclr embed "$out/corpus" --out "$out/embeddings.parquet"

step "probe: half-life from the embeddings and simple baselines, on genes held out"
isoclr probe "$out/embeddings.parquet" "$labels" --species human --split fold --corpus "$out/corpus" \
  --baselines --json "$out/probe.json" --plot "$out/probe.png"

step "predict: half-life with 90 % intervals, by the head that ships (it was fitted to labels of these genes)"
isoclr predict "$out/embeddings.parquet" --task half-life --species human --out "$out/predictions.tsv"
head -n 4 "$out/predictions.tsv"

step "mutate: the effect of every point mutation of $rna on its half-life"
isoclr mutate "$out/corpus" --transcripts "$rna" --task half-life --species human \
  --out "$out/mutations.tsv" --plot "$out/mutations.png"

step "atlas: a page to look at and search"
isoclr atlas "$out/embeddings.parquet" --corpus "$out/corpus" --task half-life --table "$labels" \
  --title "human mRNAs" --out "$out/atlas"

step "pretrain: an encoder of your own for $minutes minutes, stopped on the way and resumed"
pretrain=(isoclr pretrain "$out/corpus" --config isoclr-s.v1 --minutes "$minutes" --out "$out/model"
  --batch-size 8 --min-transcripts 1)
"${pretrain[@]}" &
pid=$!
log=$out/model/log.jsonl
while kill -0 "$pid" 2> /dev/null && ! { [ -f "$log" ] && [ -s "$log" ]; }; do
  sleep 0.5
done
kill -TERM "$pid" 2> /dev/null || true
code=0
wait "$pid" || code=$?
[ "$code" -eq 0 ] || [ "$code" -eq 143 ] || exit "$code"  # 143: stopped, with a checkpoint
"${pretrain[@]}" --resume

step "what you have"
python - "$out" <<'PY'
import json
import sys

out = sys.argv[1]
with open(f"{out}/probe.json", encoding="utf-8") as file:
    probe = json.load(file)
methods = probe["methods"]
simple = [one for one in methods[1:] if not one["name"].startswith("embedding +")]
score = {one["name"]: one["summary"][probe["metric"]]["mean"] for one in methods}
print(f"half-life, {probe['counts']['samples']:,} RNAs, genes held out; Pearson R of a linear probe")
print(f"  embedding {score['embedding']:.3f}")
for one in sorted(simple, key=lambda one: -score[one["name"]]):
    difference = one["embedding_minus_this"]
    low, high = difference["low"], difference["high"]
    verdict = "the embedding is better" if low > 0 else "it is worse" if high < 0 else "no clear difference"
    print(
        f"  {one['name']} {score[one['name']]:.3f}; embedding minus this "
        f"{difference['mean']:+.3f} [{low:.3f}, {high:.3f}]: {verdict}"
    )
print(f"""
{out}/corpus.png        lengths and gene sets
{out}/probe.png         the comparison, and predicted over measured half-life
{out}/mutations.png     a map of point mutations
{out}/predictions.tsv   half-life of every RNA, with intervals
{out}/model             the encoder that you trained; so short a run only shows that it works

next: your own FASTA   isoclr predict mrnas.fa.gz --task half-life --species human -o predictions.tsv
      your own labels  isoclr embed mrnas.fa.gz -o e.parquet; isoclr probe e.parquet labels.tsv
      more             docs/guide.md

open in a browser: {out}/atlas/index.html (a map, a search, and every gene with its isoforms)""")
PY
