"""One command of every verb, as its help shows it."""

EXAMPLES = {
    "download": "isoclr download human mouse homology labels -o data",
    "simulate": "isoclr simulate --size small -o world",
    "build": "isoclr build world/inputs.toml -o corpus",
    "merge": "isoclr merge shard1 shard2 -o corpus",
    "subset": "isoclr subset corpus -o human --species human",
    "inspect": "isoclr inspect corpus --plot corpus.png",
    "pretrain": "isoclr pretrain corpus -o run --epochs 50",
    "push": "isoclr push run user/name --revision v1",
    "models": "isoclr models",
    "embed": "isoclr embed mrnas.fa.gz -o embeddings.parquet",
    "convert": "isoclr convert orthrus.npz --rnas mrnas.fa.gz -o orthrus.parquet",
    "tasks": "isoclr tasks half-life-human",
    "probe": "isoclr probe embeddings.parquet labels.tsv --split homology --corpus corpus --baselines",
    "finetune": "isoclr finetune labels.tsv --corpus corpus --model run --tune full --split homology -o tuned",
    "fit": "isoclr fit embeddings.parquet labels.tsv --corpus corpus -o head",
    "predict": "isoclr predict mrnas.fa.gz --task half-life --species human -o half_life.tsv",
    "ontology": "isoclr ontology embeddings.parquet gene-ontology-human --corpus corpus --csv terms.csv",
    "neighbours": "isoclr neighbours embeddings.parquet --corpus corpus -o neighbours.tsv",
    "map": "isoclr map embeddings.parquet -o map.png --color species labels.tsv:half_life",
    "mutate": "isoclr mutate mrna.fa --task half-life --species human -o effects.tsv --plot effects.png",
    "motifs": "isoclr motifs corpus --task half-life --species human -o motifs.tsv",
    "benchmark": "isoclr benchmark plan.toml -o results",
}
"""Verb → command."""
