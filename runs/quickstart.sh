#!/usr/bin/env bash
# The whole path in minutes, on real human mRNAs: build → embed → probe → predict → mutate → pre-train.
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

step() { printf '\n== %s\n' "$*" >&2; }

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

step "probe: half-life from the embeddings, beside simple baselines, on genes held out"
isoclr probe "$out/embeddings.parquet" "$labels" --species human --split fold --corpus "$out/corpus" \
  --baselines --json "$out/probe.json" --plot "$out/probe.png"

step "predict: half-life with 90 % intervals, by the head that ships (it was fitted to labels of these genes)"
isoclr predict "$out/embeddings.parquet" --task half-life --species human --out "$out/predictions.tsv"
head -n 4 "$out/predictions.tsv"

step "mutate: the effect of every point mutation of $rna on its half-life"
isoclr mutate "$out/corpus" --transcripts "$rna" --task half-life --species human \
  --out "$out/mutations.tsv" --plot "$out/mutations.png"

# isoclr atlas "$out/embeddings.parquet" --corpus "$out/corpus" --out "$out/atlas"  # enable when the command lands

step "pretrain: an encoder of your own for $minutes minutes, stopped on the way and resumed"
pretrain=(isoclr pretrain "$out/corpus" --config isoclr-s.v1 --minutes "$minutes" --out "$out/model"
  --batch-size 16 --min-transcripts 1)
"${pretrain[@]}" &
pid=$!
log=$out/model/log.jsonl
while kill -0 "$pid" 2> /dev/null && ! { [ -f "$log" ] && [ "$(wc -l < "$log")" -ge 2 ]; }; do
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
best = max(simple, key=lambda one: one["summary"][probe["metric"]]["mean"])
score = {one["name"]: one["summary"][probe["metric"]]["mean"] for one in methods}
difference = best["embedding_minus_this"]
clear = difference["low"] is not None and difference["low"] > 0
print(f"""\
half-life of held-out genes, Pearson R: embedding {score["embedding"]:.3f}, best simple baseline \
({best["name"]}) {score[best["name"]]:.3f}
embedding minus baseline: {difference["mean"]:+.3f} [{difference["low"]:.3f}, {difference["high"]:.3f}], \
{"clearly above" if clear else "not clearly above"} it with {probe["counts"]["samples"]:,} RNAs

{out}/corpus.png        lengths and gene sets
{out}/probe.png         the comparison, and predicted over measured half-life
{out}/mutations.png     a map of point mutations
{out}/predictions.tsv   half-life of every RNA, with intervals
{out}/model             the encoder that you trained; so short a run only shows that it works

next: your own FASTA   isoclr predict mrnas.fa.gz --task half-life --species human -o predictions.tsv
      your own labels  isoclr embed mrnas.fa.gz -o e.parquet; isoclr probe e.parquet labels.tsv
      more             docs/guide.md""")
PY
