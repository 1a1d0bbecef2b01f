"""Effects of variants in the UTRs, compared with simple baselines and the published predictors.

    python -m benchmarks.variant_effects --model isoclr-s --data ../shared/data --folder OUT

- **5' UTR** (Sample 2019): heads for the mean ribosome load are fitted on 20,000 random 5' UTRs of 50 nt and predict
  human 5' UTRs and the difference that 2,135 single-nucleotide variants make. Published: Optimus 5-Prime and MTtrans.
- **3' UTR** (Siegel 2022, Jurkat): 17,841 pairs of variant and control in their construct. Heads are fitted on the
  reporters of other families of inserts (those that share no 24 nt), or, ``zero-shot``, on half-lives of human mRNAs.
  Published: Saluki.
- **3' UTR** (Griesemer 2021): pairs in six cell types, predicted by the head of all Siegel's reporters.

A *read-out* is the part of the mRNA that is embedded, as an RNA of its own: the whole, a region around the insert, or
the insert alone. An average over the whole mRNA hardly changes with one base. Intervals are bootstrapped over families
of inserts. Embeddings and features are kept in the folder OUT.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

import isoclr
from benchmarks import harness
from benchmarks.strong_baselines import FeatureBlocks, components, fit_predict_kernel, standardized, strong
from isoclr._console import nt_progress
from isoclr.embedding.embed import added_features, crop
from isoclr.embedding.io import read_embeddings
from isoclr.genomics.encoding import Codes
from isoclr.genomics.features import upstream_features
from isoclr.models.encoder import Precision
from isoclr.probing.blocks import BlockRidge, fit_blocks
from isoclr.probing.head import load_head
from isoclr.probing.linear import fit_ridge, in_raw_units, standardize
from isoclr.probing.resolve import find_head
from isoclr.tasks.metrics import bootstrap, pearson
from isoclr.tasks.reporter import Construct, families
from isoclr.tasks.splits import Split, group_folds
from isoclr.tasks.task import read_label_task

Array = NDArray[np.float64]
Features = NDArray[np.float32]
BEYOND = 60
"""nt of the coding sequence in the read-out of a 5' UTR."""
FLANK = 48
"""nt on both sides of an insert in the read-out of a region."""
FOLDS = 5
FAMILY_NT = 24
FEW = 4000
"""Random 5' UTRs whose whole mRNAs are embedded too, for comparison."""
CELLS = ("HEK293FT", "HEPG2", "HMEC", "K562", "GM12878", "SKNSH")
ELEMENT = "ATTTA"
"""Core of the AU-rich element, whose number is the simplest predictor of decay."""


class Study:
    """Features of inserts in their constructs, computed once and kept in a folder."""

    def __init__(self, model: str, folder: Path, precision: Precision, share: float = 1) -> None:
        self.encoder, self.precision, self.share = isoclr.load(model), precision, share
        self.folder = folder / f"{self.encoder.sha256[:12]}-{share:g}"
        self.folder.mkdir(parents=True, exist_ok=True)

    def some(self, groups: Sequence[str]) -> NDArray[np.bool_]:
        """Which rows to use: whole groups at random, about the study's share of them."""
        names, numbers = np.unique(np.asarray(groups), return_inverse=True)
        chosen = np.random.default_rng(0).random(len(names)) < self.share
        return np.asarray(chosen[numbers]) if self.share < 1 else np.ones(len(numbers), bool)

    def kept(self, name: str, make: Callable[[], Features]) -> Features:
        """The array of a name."""
        path = self.folder / f"{name}.npy"
        if not path.exists():
            np.save(path, make())
        return np.asarray(np.load(path), np.float32)

    def embed(self, name: str, codes: Sequence[Codes]) -> Features:
        """Embeddings of RNAs."""

        def make() -> Features:
            with nt_progress() as bar:
                task = bar.add_task(name, total=sum(map(len, codes)))
                return self.encoder.embed_codes(codes, precision=self.precision, progress=partial(bar.advance, task))

        return self.kept(name, make)

    def read_out(self, name: str, codes: Sequence[Codes]) -> FeatureBlocks:
        """Leading principal components of embeddings of RNAs."""
        return components(self.embed(name, codes))


def upstream(codes: Sequence[Codes]) -> FeatureBlocks:
    """Upstream AUGs and reading frames."""
    values = np.stack([upstream_features(one) for one in codes]).astype(np.float32)
    return FeatureBlocks(standardized(values), (values.shape[1],))


def fitted(features: FeatureBlocks, values: Array) -> BlockRidge:
    """A ridge regression of standardized values."""
    return fit_blocks(features.values, values / values.std(), features.widths, scale=False)


def held_out(features: FeatureBlocks, values: Array, folds: Sequence[Split]) -> Array:
    """Predictions for every fold by a ridge regression on the others."""
    predicted = np.empty(len(values))
    for fold in folds:
        head = fitted(features.of(fold.train), values[fold.train])
        predicted[fold.test] = head.predict(features.values[fold.test])
    return predicted


def table(data: Path, name: str) -> pl.DataFrame:
    """A table of labels."""
    return pl.read_csv(data / "labels_extra" / name, separator="\t", null_values=["NA"], infer_schema_length=None)


def line(
    study: str, what: str, method: str, true: Array, predicted: Array, groups: NDArray[np.str_]
) -> dict[str, object]:
    """Pearson R with its interval."""
    known = np.isfinite(true) & np.isfinite(predicted)
    a, b, g = true[known], predicted[known], groups[known]
    interval = bootstrap(lambda rows: pearson(a[rows], b[rows]), g, resamples=200)
    print(f"{study:10} {what:34} {method:48} {interval}", flush=True)
    row: dict[str, object] = {"study": study, "what": what, "method": method, "metric": "pearson"}
    ends = {"value": interval.mean, "low": interval.low, "high": interval.high}
    return row | {key: round(value, 4) for key, value in ends.items()} | {"n": int(known.sum())}


# --- 5' UTR ---


def utr5(study: Study, data: Path) -> list[dict[str, object]]:
    """Mean ribosome load of 5' UTRs, and what variants change of it."""
    reporter = read_label_task("mrl-5utr", data).require_construct()
    random, human = (
        whole.filter(pl.Series(study.some(whole["utr5"].to_list())))
        for whole in (table(data, "mrl_5utr_50nt_random_test.tsv.gz"), table(data, "mrl_5utr_50nt_human.tsv.gz"))
    )
    snvs = table(data, "utr5_variants_sample2019.tsv.gz").filter(pl.col("allele") == "variant")
    inserts = list(dict.fromkeys([*random["utr5"], *human["utr5"], *snvs["utr5"], *snvs["mother"]]))
    place = {insert: row for row, insert in enumerate(inserts)}
    where = {
        "random": np.array([place[one] for one in random["utr5"]]),
        "human": np.array([place[one] for one in human["utr5"]]),
        "variant": np.array([place[one] for one in snvs["utr5"]]),
        "reference": np.array([place[one] for one in snvs["mother"]]),
    }
    codes = [reporter.codes(one, f"5' UTR {row}") for row, one in enumerate(inserts)]
    cut = [one[: reporter.cds_span(insert)[0] + BEYOND] for one, insert in zip(codes, inserts, strict=True)]
    read_out = study.read_out("utr5-region", cut)
    frames = upstream(codes)
    features = {
        "strong features": (simple := strong(cut)),
        "upstream AUGs and frames": frames,
        f"embedding, 5' UTR + {BEYOND} nt": read_out,
        f"embedding, 5' UTR + {BEYOND} nt, + upstream AUGs": read_out.joined(frames),
        "all of these": read_out.joined(simple),
    }
    load = random["mean_ribosome_load"].to_numpy()
    groups = np.array(inserts)
    measured, change = human["mean_ribosome_load"].to_numpy(), snvs["obs_diff"].to_numpy()
    genes = snvs["gene_symbol"].fill_null("").to_numpy().astype(np.str_)
    few = where["random"][:FEW]
    some = np.unique(np.concatenate([few, where["variant"], where["reference"]]))
    row_of = np.full(len(inserts), -1)
    row_of[some] = np.arange(len(some))
    whole = study.read_out("utr5-whole", [codes[row] for row in some])
    of_human = groups[where["human"]]
    rows = []

    def add_human(name: str, predicted: Array) -> None:
        rows.append(line("utr5", "human 5' UTRs", name, measured, predicted, of_human))

    def add_snvs(name: str, effect: Array) -> None:
        rows.append(line("utr5", "SNVs", name, change, effect, genes))

    for name, features_ in (("whole mRNA", whole), (f"5' UTR + {BEYOND} nt", read_out.of(some))):
        head = fitted(features_.of(row_of[few]), load[: len(few)])
        value = {key: head.predict(features_.values[row_of[where[key]]]) for key in ("variant", "reference")}
        add_snvs(f"embedding, {name}, {len(few):,} labels", value["variant"] - value["reference"])
    folds = group_folds(groups[where["random"]], FOLDS, 0)
    for name, blocks in features.items():
        own = blocks.of(where["random"])
        predicted = held_out(own, load, folds)
        rows.append(line("utr5", "random 5' UTRs, held out", name, load, predicted, groups[where["random"]]))
        head = fitted(own, load)
        value = {key: head.predict(blocks.values[numbers]) for key, numbers in where.items()}
        add_human(name, value["human"])
        add_snvs(name, value["variant"] - value["reference"])
    together, labels = read_out.joined(frames), np.full(len(inserts), np.nan)
    labels[where["random"]] = load
    everything, widths = np.arange(len(inserts)), together.widths
    predicted = fit_predict_kernel(together.values, labels, groups, where["random"], everything, widths)
    name = f"embedding, 5' UTR + {BEYOND} nt, + upstream AUGs, kernel"
    add_human(name, predicted[where["human"]])
    add_snvs(name, predicted[where["variant"]] - predicted[where["reference"]])
    shipped = load_head(find_head("mean-ribosome-load", "human"))
    if shipped.model["sha256"] == study.encoder.sha256:
        regions = [crop(one, shipped.region) for one in codes]
        vectors = study.embed("utr5-shipped", regions)
        seen = np.hstack([vectors, added_features(regions, shipped.region)])
        value = {key: shipped.predict(seen[numbers]).value for key, numbers in where.items()}
        name = "isoclr predict --task mean-ribosome-load"
        add_human(name, value["human"])
        add_snvs(name, value["variant"] - value["reference"])
    add_human("MTtrans", human["mttrans_prediction"].to_numpy())
    add_snvs("Optimus 5-Prime, retrained", snvs["ret_pred_diff"].to_numpy())
    add_snvs("Optimus 5-Prime", snvs["old_pred_diff"].to_numpy())
    return rows


# --- 3' UTR ---


def count(inserts: Sequence[str], element: str = ELEMENT) -> Array:
    """How often an element occurs, overlaps included."""
    return np.array([sum(one.startswith(element, i) for i in range(len(one))) for one in inserts], np.float64)


def around(reporter: Construct, insert: str, name: str, flank: int = FLANK) -> Codes:
    """The insert in the 3' UTR with its flanks."""
    codes = reporter.codes(insert, name)
    start = len(reporter.before) + len(reporter.cds) + reporter.after.index("*")
    return codes[start - flank : start + len(insert) + flank]


def utr3(study: Study, data: Path) -> list[dict[str, object]]:
    """Siegel's reporters and pairs, and Griesemer's pairs."""
    task = read_label_task("utr3-reporter-siegel", data)
    reporter = task.require_construct()
    levels = table(data, "utr3_fastutr_siegel.tsv.gz")
    pairs = table(data, "utr3_variants_siegel_jurkat.tsv.gz")
    family = families(levels["sequence"].to_list(), FAMILY_NT).astype(np.str_)
    levels = levels.filter(pl.Series(study.some(family.tolist())))
    inserts = levels["sequence"].to_list()
    pairs = pairs.filter(pl.col("control_sequence").is_in(inserts))
    place = {insert: row for row, insert in enumerate(inserts)}
    variant = np.array([place[one] for one in pairs["variant_sequence"]])
    control = np.array([place[one] for one in pairs["control_sequence"]])
    stability, change = levels["stability_jurkat"].to_numpy(), pairs["delta_stability"].to_numpy()
    family = families(inserts, FAMILY_NT).astype(np.str_)
    of_pair = family[control]
    elements = count(inserts)
    rows = [
        line("utr3", "Siegel, pairs", "Saluki", change, pairs["saluki_delta"].to_numpy(), of_pair),
        line("utr3", "Siegel, pairs", f"fewer {ELEMENT}", change, elements[control] - elements[variant], of_pair),
        line("utr3", "Siegel, levels", "Saluki", stability, levels["saluki"].to_numpy(), family),
        line("utr3", "Siegel, levels", f"fewer {ELEMENT}", stability, -elements, family),
    ]
    other = table(data, "utr3_variants_griesemer.tsv.gz")
    other = other.filter(pl.Series(study.some(other["variant"].to_list())))
    plasmid = _pmirglo(data, reporter)
    others = list(dict.fromkeys([*other["ref_sequence"], *other["alt_sequence"]]))
    place = {insert: row for row, insert in enumerate(others)}
    ref, alt = (np.array([place[one] for one in other[f"{key}_sequence"]]) for key in ("ref", "alt"))
    variants = other["variant"].to_numpy().astype(np.str_)
    skew = {cell: other[f"log2FoldChange_Skew_{cell}"].to_numpy() for cell in CELLS}
    fewer = count(others)
    published = (other["saluki_alt"] - other["saluki_ref"]).to_numpy()
    for cell in CELLS:
        rows.append(line("utr3", f"Griesemer, {cell}", "Saluki", skew[cell], published, variants))
        rows.append(
            line("utr3", f"Griesemer, {cell}", f"fewer {ELEMENT}", skew[cell], fewer[ref] - fewer[alt], variants)
        )
    own, first = np.arange(len(inserts)), len(inserts)
    both = [(reporter, one) for one in inserts] + [(plasmid, one) for one in others]
    codes, alone = ([around(where, one, one[:20], flank) for where, one in both] for flank in (FLANK, 0))
    folds = group_folds(family, FOLDS, 0)
    embedded, simple = study.read_out("utr3-region", codes), strong(alone)
    for name, features in {
        "strong features": simple,
        f"embedding, insert ± {FLANK} nt": embedded,
        f"embedding, insert ± {FLANK} nt, + strong features": embedded.joined(simple),
    }.items():
        siegel = features.of(own)
        predicted = held_out(siegel, stability, folds)
        rows.append(line("utr3", "Siegel, levels", name, stability, predicted, family))
        effect = predicted[variant] - predicted[control]
        rows.append(line("utr3", "Siegel, pairs", name, change, effect, of_pair))
        value = fitted(siegel, stability).predict(features.values[first:])
        for cell in CELLS:
            effect = value[alt] - value[ref]
            rows.append(line("utr3", f"Griesemer, {cell}", name, skew[cell], effect, variants))
    return rows


def _pmirglo(data: Path, like: Construct) -> Construct:
    """The construct of Griesemer's assay."""
    file = data / "labels_extra" / "Sabeti_testSet.pmirGLO_construct.txt"
    parts = dict(row.split("\t") for row in file.read_text().splitlines())
    after = f"{parts['3utr.1']}*{parts['3utr.2']}"
    return Construct(like.insert, parts["5utr"], parts["orf"], after)


@cache
def half_life_head(path: Path, data: Path) -> Callable[[Features], Array]:
    """A ridge regression on the half-life of human mRNAs in a file of embeddings."""
    labels = pl.read_csv(data / "labels" / "rna_half_life_human.tsv.gz", separator="\t")
    read = read_embeddings(path)
    named = read.table.with_row_index("row").with_columns(gene_id=pl.col("gene_id").str.split(".").list.first())
    joined = labels.join(named, on="gene_id").unique("gene_id", keep="first", maintain_order=True)
    x = read.matrix[joined["row"].to_numpy()].astype(np.float64)
    mean, scale = standardize(x)
    ridge = fit_ridge((x - mean) * scale, joined["half_life"].to_numpy(), joined["gene_id"].to_numpy().astype(np.str_))
    return in_raw_units(ridge, mean, scale)


def zero_shot(constructs: Path, half_life: Path, data: Path, name: str) -> list[dict[str, object]]:
    """Siegel's pairs by a head for the half-life of human mRNAs, from embeddings of whole constructs."""
    head = half_life_head(half_life, data)
    read = read_embeddings(constructs)
    value = dict(zip(read.table["transcript_id"], head(read.matrix), strict=True))
    task = read_label_task("utr3-reporter-siegel", data)
    names = {insert: one for one, insert in task.inserts().items()}
    gene = dict(zip(task.inserts(), task.genes(), strict=True))
    pairs = table(data, "utr3_variants_siegel_jurkat.tsv.gz")
    ids = [(names[v], names[c]) for v, c in pairs.select("variant_sequence", "control_sequence").iter_rows()]
    keep = np.array([v in value and c in value for v, c in ids])
    predicted = np.array([value[v] - value[c] if ok else np.nan for (v, c), ok in zip(ids, keep, strict=True)])
    change, family = pairs["delta_stability"].to_numpy(), np.array([gene[c] for _, c in ids])
    where = "Siegel, pairs" if keep.all() else f"Siegel, {int(keep.sum()):,} pairs"
    rows = [line("utr3", where, f"zero-shot half-life, {name}", change, predicted, family)]
    if not keep.all():
        saluki = np.where(keep, pairs["saluki_delta"].to_numpy(), np.nan)
        rows.append(line("utr3", where, "Saluki", change, saluki, family))
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    parser = harness.options_of(__doc__, Path("results/variant_effects.csv"))
    parser.add_argument("--model", default="isoclr-s")
    parser.add_argument("--data", type=Path, default=harness.DATA)
    parser.add_argument("--folder", type=Path, required=True, help="keeps embeddings and features")
    parser.add_argument("--only", nargs="+", default=["utr5", "utr3"], choices=["utr5", "utr3", "zero-shot"])
    parser.add_argument("--half-life", type=Path, help="embeddings of human mRNAs, for zero-shot")
    parser.add_argument("--constructs", type=Path, help="embeddings of whole reporter mRNAs, for zero-shot")
    parser.add_argument("--share", type=float, default=1.0, help="use this share of the sequences")
    parser.add_argument("--precision", default="float32", choices=["float32", "bf16"])
    parser.add_argument("--name", default="embedding", help="of the model, in the rows")
    options = parser.parse_args(argv)
    rows: list[dict[str, object]] = []
    if "zero-shot" in options.only:
        rows += zero_shot(options.constructs, options.half_life, options.data, options.name)
    if "utr5" in options.only or "utr3" in options.only:
        study = Study(options.model, options.folder, options.precision, options.share)
        rows += utr5(study, options.data) if "utr5" in options.only else []
        rows += utr3(study, options.data) if "utr3" in options.only else []
    rows = [{"model": options.name, "share": options.share, **row} for row in rows]
    key = ("model", "share", "study", "what", "method")
    new = {tuple(row[k] for k in key) for row in rows}
    known = pl.read_csv(options.out).to_dicts() if options.out.exists() else []
    harness.write_csv(options.out, [r for r in known if tuple(r[k] for k in key) not in new] + rows)


if __name__ == "__main__":
    main()
