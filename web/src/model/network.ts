/**
 * The encoder: codes of an RNA → its embedding, as `isoclr.models.inference` computes it.
 *
 * Activations are rows of channels, with rows of zeros before the first and after the last position, so that a
 * convolution needs no bounds. Sums are in double precision, activations in single.
 */
import { EncoderSection, Layer, tensorsOf } from "./shard";

/** Added to a mean, and its square to a variance, before the root (`isoclr.models.pooling`). */
const EPSILON = 1e-3;
/** Code of padding, and the bits of a code that hold the nucleotide. */
const PAD = 5;
const NUCLEOTIDE_BITS = 7;
const NUM_CODES = 32;
/** nt computed at a time; a multiple of the 32 nt of an output position. */
export const TILE_NT = 32_768;

interface Convolution {
  /** `(c_out / 4, taps, c_in, 4)`: four output channels side by side; zeros fill the last four up. */
  weight: Float32Array;
  /** `(c_out)` rounded up to four. */
  bias: Float32Array;
  c_in: number;
  c_out: number;
  taps: number;
  dilation: number;
}

interface Norm {
  scale: Float32Array;
  shift: Float32Array;
}

interface Block extends Layer {
  conv1: Convolution;
  norm1: Norm;
  conv2: Convolution;
  norm2: Norm;
  /** With its batch norm folded in. */
  projection: Convolution | null;
}

/** Sums of an RNA's activations after one block. */
interface Sums {
  x: Float64Array;
  squares: Float64Array;
}

/** An encoder with its weights. */
export class Network {
  private readonly first: Float32Array;
  private readonly second: Float32Array;
  private readonly blocks: Block[];
  /** Rows of zeros at either end of the activations. */
  private readonly margin: number;

  constructor(private readonly spec: EncoderSection) {
    const tensors = tensorsOf(spec);
    this.first = tensors["stem.first"];
    this.second = tensors["stem.second"];
    this.blocks = spec.layers.map((layer, i) => {
      const { c_in, c_out, dilation } = layer;
      const taps = spec.tensors[`${i}.conv1.weight`].shape[1];
      const conv = (name: string, from: number, width: number) =>
        convolution(tensors[`${i}.${name}.weight`], tensors[`${i}.${name}.bias`], from, c_out, width, dilation);
      const norm = (name: string) => ({ scale: tensors[`${i}.${name}.scale`], shift: tensors[`${i}.${name}.shift`] });
      return {
        ...layer,
        conv1: conv("conv1", c_in, taps),
        norm1: norm("norm1"),
        conv2: conv("conv2", c_out, taps),
        norm2: norm("norm2"),
        projection: layer.shortcut ? conv("shortcut", c_in, 1) : null,
      };
    });
    this.margin = Math.max(...this.blocks.map(({ conv1 }) => (conv1.taps - 1) * conv1.dilation));
  }

  /** The embedding of one RNA of any length, given as byte codes; tiles overlap by the receptive field. */
  embed(codes: Uint8Array, tileNt = TILE_NT): Float32Array {
    const { reach } = this.spec;
    const totals = this.blocks.map(({ c_out }) => ({ x: new Float64Array(c_out), squares: new Float64Array(c_out) }));
    const strides: number[] = [];
    for (let start = 0; start < codes.length; start += tileNt) {
      const end = Math.min(start + tileNt, codes.length);
      const first = Math.max(start - reach, 0);
      this.addTile(codes.subarray(first, end + reach), start - first, end - first, totals, strides);
    }
    const columns = totals.flatMap((sums, i) =>
      this.reads(i) ? this.columns(sums, Math.ceil(codes.length / strides[i])) : [],
    );
    return Float32Array.from(columns);
  }

  private reads(block: number): boolean {
    return this.spec.readout.blocks === "all" || block === this.blocks.length - 1;
  }

  /** Add the activations over the nucleotides from `start` to `end` of a tile. */
  private addTile(codes: Uint8Array, start: number, end: number, totals: Sums[], strides: number[]): void {
    let n = Math.ceil(codes.length / 2);
    let x = this.stem(codes, n);
    let stride = 2;
    this.blocks.forEach((block, i) => {
      x = this.run(block, x, n);
      if (block.pools) {
        n = Math.ceil(n / 2);
        stride *= 2;
      }
      strides[i] = stride;
      if (this.reads(i)) this.addPositions(x, block.c_out, start / stride, Math.ceil(end / stride), totals[i]);
    });
  }

  private addPositions(x: Float32Array, channels: number, first: number, last: number, sums: Sums): void {
    for (let l = first, at = (this.margin + first) * channels; l < last; l++) {
      for (let c = 0; c < channels; c++, at++) {
        sums.x[c] += x[at];
        sums.squares[c] += x[at] * x[at];
      }
    }
  }

  /** An embedding's columns of one block. */
  private columns(sums: Sums, positions: number): number[] {
    const { statistics, transform } = this.spec.readout;
    const root = transform === "sqrt";
    const means = Array.from(sums.x, (sum) => sum / positions);
    const columns = root ? means.map((mean) => Math.sqrt(mean + EPSILON)) : means;
    if (statistics === "mean") return columns;
    const deviations = means.map((mean, c) => {
      const variance = Math.max(sums.squares[c] / positions - mean * mean, 0);
      const deviation = Math.sqrt(variance + EPSILON * EPSILON);
      return root ? Math.sqrt(deviation) : deviation;
    });
    return [...columns, ...deviations];
  }

  private zeros(n: number, channels: number): Float32Array {
    return new Float32Array((n + 2 * this.margin) * channels);
  }

  /** Convolution of width two, batch norm, ReLU and max-pooling: look-ups of the two codes of every pair. */
  private stem(codes: Uint8Array, n: number): Float32Array {
    const channels = this.first.length / NUM_CODES;
    const x = this.zeros(n, channels);
    const code = (position: number) => (position < codes.length ? codes[position] : PAD);
    for (let l = 0, at = this.margin * channels; l < n; l++) {
      const [one, two, three] = [code(2 * l), code(2 * l + 1), code(2 * l + 2)];
      const single = (two & NUCLEOTIDE_BITS) === PAD; // the last position of an odd length
      for (let c = 0; c < channels; c++, at++) {
        const left = this.first[one * channels + c] + this.second[two * channels + c];
        const right = single ? 0 : this.first[two * channels + c] + this.second[three * channels + c];
        x[at] = Math.max(left, right, 0);
      }
    }
    return x;
  }

  /** `conv → ReLU → norm → ReLU → conv → ReLU → norm → + shortcut → ReLU (→ max-pool)`. */
  private run(block: Block, x: Float32Array, n: number): Float32Array {
    const { c_out: channels, norm1, norm2 } = block;
    const begin = this.margin * channels;
    const end = begin + n * channels;
    const h = this.zeros(n, channels);
    convolve(x, h, n, this.margin, block.conv1);
    for (let at = begin, c = 0; at < end; at++, c = c + 1 === channels ? 0 : c + 1) {
      h[at] = Math.max(Math.max(h[at], 0) * norm1.scale[c] + norm1.shift[c], 0);
    }
    const y = this.zeros(n, channels);
    convolve(h, y, n, this.margin, block.conv2);
    let residual = x;
    if (block.projection !== null) {
      residual = h; // no longer needed
      convolve(x, residual, n, this.margin, block.projection);
    }
    for (let at = begin, c = 0; at < end; at++, c = c + 1 === channels ? 0 : c + 1) {
      y[at] = Math.max(Math.max(y[at], 0) * norm2.scale[c] + norm2.shift[c] + residual[at], 0);
    }
    return block.pools ? this.pool(y, n, channels) : y;
  }

  /** The larger of each two neighbors; an odd last position stays alone. */
  private pool(x: Float32Array, n: number, channels: number): Float32Array {
    const half = Math.ceil(n / 2);
    const y = this.zeros(half, channels);
    const begin = this.margin * channels;
    for (let l = 0, at = begin; l < half; l++) {
      let from = begin + 2 * l * channels; // beyond the last position are zeros, and no activation is negative
      for (let c = 0; c < channels; c++, at++, from++) y[at] = Math.max(x[from], x[from + channels]);
    }
    return y;
  }
}

/** Arrange weights `(c_out, taps, c_in)` for :func:`convolve`. */
function convolution(
  weight: Float32Array,
  bias: Float32Array,
  c_in: number,
  c_out: number,
  taps: number,
  dilation: number,
): Convolution {
  const width = Math.ceil(c_out / 4) * 4;
  const arranged = new Float32Array(width * taps * c_in);
  for (let d = 0; d < c_out; d++) {
    for (let i = 0; i < taps * c_in; i++) {
      arranged[((d - (d % 4)) * taps * c_in + 4 * i) + (d % 4)] = weight[d * taps * c_in + i];
    }
  }
  const padded = new Float32Array(width);
  padded.set(bias);
  return { weight: arranged, bias: padded, c_in, c_out, taps, dilation };
}

/**
 * Convolution with 'same' padding, the odd one at the 3' end.
 *
 * Two positions and four output channels are computed at a time, so that eight products share six loads.
 */
function convolve(x: Float32Array, y: Float32Array, n: number, margin: number, conv: Convolution): void {
  const { weight, bias, c_in, c_out, taps, dilation } = conv;
  const left = ((taps - 1) * dilation) >> 1;
  for (let l = 0; l < n; l += 2) {
    const other = l + 1 < n ? 1 : 0; // the last position of an odd number is computed twice
    for (let d = 0, w = 0; d < c_out; d += 4) {
      let a0 = bias[d], a1 = bias[d + 1], a2 = bias[d + 2], a3 = bias[d + 3];
      let b0 = a0, b1 = a1, b2 = a2, b3 = a3;
      for (let tap = 0; tap < taps; tap++) {
        let p = (margin + l - left + tap * dilation) * c_in;
        const stop = p + c_in;
        for (let q = p + other * c_in; p < stop; p++, q++, w += 4) {
          const u = x[p], v = x[q];
          const w0 = weight[w], w1 = weight[w + 1], w2 = weight[w + 2], w3 = weight[w + 3];
          a0 += w0 * u;
          a1 += w1 * u;
          a2 += w2 * u;
          a3 += w3 * u;
          b0 += w0 * v;
          b1 += w1 * v;
          b2 += w2 * v;
          b3 += w3 * v;
        }
      }
      const a = (margin + l) * c_out + d;
      const b = a + other * c_out;
      y[a] = a0;
      y[b] = b0;
      if (d + 1 < c_out) {
        y[a + 1] = a1;
        y[b + 1] = b1;
      }
      if (d + 2 < c_out) {
        y[a + 2] = a2;
        y[b + 2] = b2;
      }
      if (d + 3 < c_out) {
        y[a + 3] = a3;
        y[b + 3] = b3;
      }
    }
  }
}
