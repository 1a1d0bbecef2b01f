/** Prediction heads: an embedding → values with intervals, as `isoclr.probing.head` computes them. */
import { HeadSection, InputError, Target, tensorsOf } from "./shard";

/** What a prediction needs to know of the RNA besides its embedding. */
export interface RnaFacts {
  /** nt. */
  length: number;
  cdsSource: "annotated" | "orf" | "none";
}

/** The prediction of one label. */
export interface Prediction {
  /** Name of the label. */
  name: string;
  /** Name of its head's task. */
  head: string;
  /** Species of the training RNAs. */
  species: string[];
  unit: string;
  /** In the label's units; for a label of two classes the probability of class 1. */
  value: number;
  /** Ends of the interval; null for classes. */
  lower: number | null;
  upper: number | null;
  /** Coverage of the interval. */
  coverage: number;
  /** Whether the RNA is unlike the training RNAs, so that the coverage does not hold. */
  extrapolating: boolean;
}

type Tensors = Record<string, Float32Array>;

/** A head with its coefficients. */
export class Head {
  private readonly tensors: Tensors[];

  constructor(private readonly spec: HeadSection) {
    const all = tensorsOf(spec);
    this.tensors = spec.targets.map((_, i) => {
      const own = Object.entries(all).filter(([key]) => key.startsWith(`${i}.`));
      return Object.fromEntries(own.map(([key, tensor]) => [key.slice(`${i}.`.length), tensor]));
    });
  }

  /**
   * Predictions of all labels.
   *
   * Without facts of the RNA only its embedding decides whether it is unlike the training RNAs.
   */
  predict(embedding: Float32Array, rna?: RnaFacts, coverage = this.spec.coverage): Prediction[] {
    const { name: head, species } = this.spec;
    return this.spec.targets.map((target, i) => {
      const tensors = this.tensors[i];
      const linear = dot(embedding, tensors.coefficients, 0) + target.intercept;
      const isClass = target.kind === "class";
      const value = isClass ? 1 / (1 + Math.exp(-linear)) : linear;
      const [lower, upper] = isClass ? [null, null] : interval(embedding, value, target, tensors, coverage);
      const extrapolating = this.isOutside(target, rna) || isUnlike(embedding, target, tensors);
      return { name: target.name, head, species, unit: target.units, value, lower, upper, coverage, extrapolating };
    });
  }

  /** Whether an RNA's length or coding sequence is unlike that of the training RNAs. */
  private isOutside(target: Target, rna: RnaFacts | undefined): boolean {
    if (rna === undefined) return false;
    const [shortest, longest] = target.lengths;
    const required = { all: true, coding: rna.cdsSource !== "none", annotated: rna.cdsSource === "annotated" };
    return rna.length < shortest || rna.length > longest || !required[this.spec.rnas];
  }
}

function dot(x: Float32Array | Float64Array, y: Float32Array, from: number): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * y[from + i];
  return sum;
}

/** Both ends of a CV+ interval (`isoclr.probing.conformal`). */
function interval(
  x: Float32Array,
  value: number,
  target: Target,
  { members, scores }: Tensors,
  coverage: number,
): [number, number] {
  const n = scores.length;
  if (!(coverage > 0 && coverage <= n / (n + 1))) {
    throw new InputError(`coverage ${coverage}: expected more than 0 and at most ${(n / (n + 1)).toPrecision(4)}`);
  }
  const rank = Math.ceil(coverage * (n + 1) - 1e-9);
  const lower = new Float64Array(n);
  const upper = new Float64Array(n);
  let at = 0;
  target.members.forEach(({ intercepts, narrowest, widest, scores: count }, k) => {
    const center = dot(x, members, 2 * k * x.length) + intercepts[0];
    const raw = dot(x, members, (2 * k + 1) * x.length) + intercepts[1];
    const error = Math.min(Math.max(raw, narrowest), widest);
    for (const end = at + count; at < end; at++) {
      lower[at] = center - error * scores[at];
      upper[at] = center + error * scores[at];
    }
  });
  return [Math.min(lower.sort()[n - rank], value), Math.max(upper.sort()[rank - 1], value)];
}

/** Whether an embedding is farther from the training embeddings than 99.9 % of them (`isoclr.probing.ood`). */
function isUnlike(x: Float32Array, target: Target, tensors: Tensors): boolean {
  const { mean, scale, low, high, axes, spread } = tensors;
  const standard = Float64Array.from(x, (value, i) => (value - mean[i]) * scale[i]);
  if (x.some((value, i) => value < low[i] || value > high[i])) return true;
  let total = 0;
  for (const value of standard) total += value * value;
  let squared = 0;
  let explained = 0;
  for (let j = 0; j < spread.length; j++) {
    const along = dot(standard, axes, j * x.length);
    squared += along ** 2;
    explained += (along * spread[j]) ** 2;
  }
  if (target.rest) squared += Math.max(total - explained, 0) / target.rest ** 2;
  return Math.sqrt(squared) > target.limit;
}
