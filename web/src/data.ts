/** The atlas's data: what the map needs at once, and the rest when it is asked for. */

import { Lines } from "./lines";
import { loadShard, Numbers } from "./shards";

export interface ColumnInfo {
  name: string;
  group: string;
  units: string;
  kind: "class" | "number";
  known: number;
  /** Classes, the most common first, and their sizes. */
  classes: string[];
  sizes: number[];
  /** Number of the class that is drawn in gray behind the others. */
  muted?: number;
  /** Range of a number, that of its central 98 %, and whether it is a logarithm to base 10. */
  low: number;
  high: number;
  inner: [number, number];
  log: boolean;
}

export interface About {
  title: string;
  isoclr: string;
  model: string;
  k: number;
  recall: number;
  /** Method that placed the RNAs. */
  layout: string;
  /** Number of Gene Ontology terms. */
  terms: number;
  mutations: number[];
  own: boolean;
  predictions: { name: string; units: string; coverage: number }[];
  labels: { name: string; group: string; units: string }[];
  rnas: number;
  genes: number;
  columns: ColumnInfo[];
  shards: number[];
}

export interface Names {
  transcripts: Lines;
  geneIds: Lines;
  symbols: Lines;
  species: string[];
  starts: Uint32Array;
  sets: Uint32Array;
  speciesOf: Uint16Array;
  lengths: Uint32Array;
}

/** Value, lower and upper end, whether the RNA is unlike the training RNAs. */
export type Predicted = [number, number | null, number | null, number] | null;

export interface Isoform {
  /** Rows and distances (1/1,000) of nearest neighbours. */
  n: number[];
  d: number[];
  b: string;
  s: string;
  x?: number[];
  c?: [number, number];
  h?: number[];
  p?: Predicted[];
  t?: (number | string | null)[];
}

export interface Gene {
  i: Isoform[];
  d?: number[];
  r?: [number, number][];
  /** Two isoforms and the stretches in which they differ: start and end in the first, start and end in the second. */
  q?: [number, number, [number, number, number, number][]][];
}

/** Codes of a column: a class's number from 1, or a number's step, with a fraction where whole steps are too coarse. */
export type Codes = Uint8Array | Uint16Array | Float32Array;
export const MISSING = 65535;
const STEPS = 65534;

export class Atlas {
  names!: Names;
  private columns = new Map<number, Promise<Codes>>();

  private constructor(readonly about: About, readonly xy: Uint16Array) {}

  static async open(): Promise<Atlas> {
    const { values, arrays } = await loadShard<About>("map");
    return new Atlas(values, arrays.xy as Uint16Array);
  }

  async loadNames(): Promise<Names> {
    const { values, arrays } = await loadShard<any>("names");
    const { transcripts, geneIds, symbols, species } = values;
    const [rnas, genes] = [arrays.lengths.length, arrays.sets.length];
    const lists = { transcripts: new Lines(transcripts, rnas), geneIds: new Lines(geneIds, genes), symbols: new Lines(symbols, genes) };
    this.names = { ...lists, species, ...(arrays as any) };
    return this.names;
  }

  codes(column: number): Promise<Codes> {
    let codes = this.columns.get(column);
    if (!codes) {
      codes = loadShard(`column-${column}`).then((shard) => shard.arrays.codes as Codes);
      this.columns.set(column, codes);
    }
    return codes;
  }

  /** Add a column that was made here; its number. */
  addColumn(info: ColumnInfo, codes: Uint8Array): number {
    const known = this.about.columns.findIndex((one) => one.name === info.name && one.group === info.group);
    const number = known >= 0 ? known : this.about.columns.push(info) - 1;
    this.columns.set(number, Promise.resolve(codes));
    return number;
  }

  /** A column's value: a class or a rounded number, null if unknown. */
  value(info: ColumnInfo, code: number): string | number | null {
    if (info.kind === "class") return code ? info.classes[code - 1] : null;
    if (code === MISSING) return null;
    const value = valueOf(info, code);
    return info.log ? Math.round(value) : Number(value.toPrecision(3));
  }

  /** A column's value as text. */
  text(info: ColumnInfo, code: number): string {
    const value = this.value(info, code);
    if (typeof value !== "number") return value ?? "unknown";
    return value.toLocaleString("en", { maximumSignificantDigits: 6 }) + (info.units ? ` ${info.units}` : "");
  }

  /** The gene that an RNA belongs to. */
  geneOf(row: number): number {
    const { starts } = this.names;
    let low = 0;
    let high = starts.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= row) low = middle;
      else high = middle;
    }
    return low;
  }

  label(gene: number): string {
    return this.names.symbols.at(gene) || this.names.geneIds.at(gene) || this.names.transcripts.at(this.names.starts[gene]);
  }

  species(gene: number): string {
    return this.names.species[this.names.speciesOf[gene]];
  }

  rows(gene: number): [number, number] {
    return [this.names.starts[gene], this.names.starts[gene + 1]];
  }

  async gene(gene: number): Promise<Gene> {
    const { shards } = this.about;
    let number = 0;
    while (shards[number + 1] <= gene) number++;
    const { values, arrays } = await loadShard<{ first: number; genes: Gene[] }>(`genes-${number}`);
    const found = values.genes[gene - values.first];
    const { k } = this.about;
    const own = this.rows(gene)[0] - this.rows(values.first)[0];
    found.i.forEach((one, i) => {
      let distance = 0;
      one.n = Array.from({ length: k }, (_, j) => numberAt(arrays.rows, (own + i) * k + j, 4));
      one.d = one.n.map((_, j) => (distance += numberAt(arrays.farther, (own + i) * k + j, 2)));
    });
    return found;
  }

  /** Relation of one RNA's gene to another's. */
  relation(gene: number, other: number): "isoform" | "paralog" | "ortholog" | "" {
    const { sets, speciesOf } = this.names;
    if (gene === other) return "isoform";
    if (sets[gene] !== sets[other]) return "";
    return speciesOf[gene] === speciesOf[other] ? "paralog" : "ortholog";
  }
}

/** A number whose bytes are as far apart as there are numbers, the lowest first; four bytes have a sign. */
function numberAt(bytes: Numbers, at: number, width: number): number {
  const apart = bytes.length / width;
  let value = 0;
  for (let i = 0; i < width; i++) value |= bytes[at + i * apart] << (8 * i);
  return value;
}

export function valueOf(info: ColumnInfo, code: number): number {
  const value = info.low + (code / STEPS) * (info.high - info.low);
  return info.log ? 10 ** value : value;
}

export function stepOf(info: ColumnInfo, value: number): number {
  return ((value - info.low) / (info.high - info.low || 1)) * STEPS;
}
