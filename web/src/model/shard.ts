/** The file of weights that `isoclr.atlas.browser_model` writes: JSON with tensors in base64. */

/** How a tensor lies in the data of its section. */
export interface TensorSpec {
  /** Integers are multiples of a step, one per row; the steps come first, in float32. */
  dtype: "float32" | "int24" | "int16";
  shape: number[];
  /** First byte. */
  offset: number;
}

/** A part of a shard: its tensors by name, and their bytes in base64. */
export interface Section {
  tensors: Record<string, TensorSpec>;
  data: string;
}

/** A residual block. */
export interface Layer {
  c_in: number;
  c_out: number;
  dilation: number;
  /** Whether it ends in max-pooling by two. */
  pools: boolean;
  /** Whether its shortcut is a convolution; otherwise it is the identity. */
  shortcut: boolean;
}

/** The encoder. */
export interface EncoderSection extends Section {
  name: string;
  /** SHA-256 of the weights in Python. */
  sha256: string;
  /** Size of an embedding. */
  dim: number;
  /** How many nt to either side influence an output position, at most. */
  reach: number;
  layers: Layer[];
  readout: { blocks: "last" | "all"; statistics: "mean" | "mean+std"; transform: "none" | "sqrt" };
  /** Length (nt) of the shortest open reading frame to call. */
  orf_min_length: number;
}

/** The predictor of one label; its tensors have its number as prefix. */
export interface Target {
  name: string;
  units: string;
  kind: "quantity" | "class";
  /** Lengths (nt) of the shortest and longest training RNA. */
  lengths: [number, number];
  intercept: number;
  /** The fold models of a quantity. */
  members: { intercepts: [number, number]; narrowest: number; widest: number; scores: number }[];
  /** Standard deviation along the directions without an axis, and the limit of the distance. */
  rest: number;
  limit: number;
}

/** A head. */
export interface HeadSection extends Section {
  name: string;
  species: string[];
  /** Default coverage of the intervals. */
  coverage: number;
  rnas: "all" | "coding" | "annotated";
  targets: Target[];
}

/** Content of the file. */
export interface Shard {
  format: "isoclr-browser-model";
  schema: 1;
  encoder: EncoderSection;
  heads: HeadSection[];
}

/** An input that cannot be used; the message is one line for the user. */
export class InputError extends Error {
  name = "InputError";
}

/** Check that a value is a shard of this version. */
export function checkShard(shard: unknown): Shard {
  const { format, schema } = (shard ?? {}) as Partial<Shard>;
  if (format !== "isoclr-browser-model" || schema !== 1) {
    throw new InputError("the file of weights is missing, or another version of isoclr wrote it");
  }
  return shard as Shard;
}

/** The tensors of a section, as flat arrays in row-major order. */
export function tensorsOf(section: Section): Record<string, Float32Array> {
  const text = atob(section.data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  const view = new DataView(bytes.buffer);
  const tensors: Record<string, Float32Array> = {};
  for (const [name, { dtype, shape, offset }] of Object.entries(section.tensors)) {
    const size = shape.reduce((product, n) => product * n, 1);
    const values = new Float32Array(size);
    if (dtype === "float32") {
      for (let i = 0; i < size; i++) values[i] = view.getFloat32(offset + 4 * i, true);
    } else {
      const [rows] = shape;
      const width = dtype === "int24" ? 3 : 2;
      for (let i = 0, at = offset + 4 * rows; i < size; i++, at += width) {
        const high = view.getInt8(at + width - 1) << (8 * width - 8);
        const low = width === 3 ? view.getUint16(at, true) : bytes[at];
        values[i] = (high + low) * view.getFloat32(offset + 4 * Math.floor((i * rows) / size), true);
      }
    }
    tensors[name] = values;
  }
  return tensors;
}
