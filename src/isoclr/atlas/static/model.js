// isoclr's encoder and heads in the browser. Built from web/src/model by `npm run build:model`.
// sources: sha256 d180b77b6586ce8635c59bdd1672c4c2ebe9453473126537c2dfefa64917fae9
function isoclrModelBundle() {
"use strict";
var isoclrModel = (() => {
  var __defProp = Object.defineProperty;
  var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
  var __getOwnPropNames = Object.getOwnPropertyNames;
  var __hasOwnProp = Object.prototype.hasOwnProperty;
  var __export = (target, all) => {
    for (var name in all)
      __defProp(target, name, { get: all[name], enumerable: true });
  };
  var __copyProps = (to, from, except, desc) => {
    if (from && typeof from === "object" || typeof from === "function") {
      for (let key of __getOwnPropNames(from))
        if (!__hasOwnProp.call(to, key) && key !== except)
          __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
    }
    return to;
  };
  var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);

  // src/model/index.ts
  var index_exports = {};
  __export(index_exports, {
    InputError: () => InputError,
    loadModel: () => loadModel,
    serve: () => serve
  });

  // src/model/shard.ts
  var InputError = class extends Error {
    constructor() {
      super(...arguments);
      this.name = "InputError";
    }
  };
  function checkShard(shard) {
    const { format, schema } = shard ?? {};
    if (format !== "isoclr-browser-model" || schema !== 1) {
      throw new InputError("the file of weights is missing, or another version of isoclr wrote it");
    }
    return shard;
  }
  function tensorsOf(section) {
    const text = atob(section.data);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
    const view = new DataView(bytes.buffer);
    const tensors = {};
    for (const [name, { dtype, shape, offset }] of Object.entries(section.tensors)) {
      const size = shape.reduce((product, n) => product * n, 1);
      const values = new Float32Array(size);
      if (dtype === "float32") {
        for (let i = 0; i < size; i++) values[i] = view.getFloat32(offset + 4 * i, true);
      } else {
        const [rows] = shape;
        const width = dtype === "int24" ? 3 : 2;
        for (let i = 0, at = offset + 4 * rows; i < size; i++, at += width) {
          const high = view.getInt8(at + width - 1) << 8 * width - 8;
          const low = width === 3 ? view.getUint16(at, true) : bytes[at];
          values[i] = (high + low) * view.getFloat32(offset + 4 * Math.floor(i * rows / size), true);
        }
      }
      tensors[name] = values;
    }
    return tensors;
  }

  // src/model/heads.ts
  var Head = class {
    constructor(spec) {
      this.spec = spec;
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
    predict(embedding, rna, coverage = this.spec.coverage) {
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
    isOutside(target, rna) {
      if (rna === void 0) return false;
      const [shortest, longest] = target.lengths;
      const required = { all: true, coding: rna.cdsSource !== "none", annotated: rna.cdsSource === "annotated" };
      return rna.length < shortest || rna.length > longest || !required[this.spec.rnas];
    }
  };
  function dot(x, y, from) {
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += x[i] * y[from + i];
    return sum;
  }
  function interval(x, value, target, { members, scores }, coverage) {
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
  function isUnlike(x, target, tensors) {
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

  // src/model/network.ts
  var EPSILON = 1e-3;
  var PAD = 5;
  var NUCLEOTIDE_BITS = 7;
  var NUM_CODES = 32;
  var TILE_NT = 32768;
  var Network = class {
    constructor(spec) {
      this.spec = spec;
      const tensors = tensorsOf(spec);
      this.first = tensors["stem.first"];
      this.second = tensors["stem.second"];
      this.blocks = spec.layers.map((layer, i) => {
        const { c_in, c_out, dilation } = layer;
        const taps = spec.tensors[`${i}.conv1.weight`].shape[1];
        const conv = (name, from, width) => convolution(tensors[`${i}.${name}.weight`], tensors[`${i}.${name}.bias`], from, c_out, width, dilation);
        const norm = (name) => ({ scale: tensors[`${i}.${name}.scale`], shift: tensors[`${i}.${name}.shift`] });
        return {
          ...layer,
          conv1: conv("conv1", c_in, taps),
          norm1: norm("norm1"),
          conv2: conv("conv2", c_out, taps),
          norm2: norm("norm2"),
          projection: layer.shortcut ? conv("shortcut", c_in, 1) : null
        };
      });
      this.margin = Math.max(...this.blocks.map(({ conv1 }) => (conv1.taps - 1) * conv1.dilation));
    }
    /** The embedding of one RNA of any length, given as byte codes; tiles overlap by the receptive field. */
    embed(codes, tileNt = TILE_NT) {
      const { reach } = this.spec;
      const totals = this.blocks.map(({ c_out }) => ({ x: new Float64Array(c_out), squares: new Float64Array(c_out) }));
      const strides = [];
      for (let start = 0; start < codes.length; start += tileNt) {
        const end = Math.min(start + tileNt, codes.length);
        const first = Math.max(start - reach, 0);
        this.addTile(codes.subarray(first, end + reach), start - first, end - first, totals, strides);
      }
      const columns = totals.flatMap(
        (sums, i) => this.reads(i) ? this.columns(sums, Math.ceil(codes.length / strides[i])) : []
      );
      return Float32Array.from(columns);
    }
    reads(block) {
      return this.spec.readout.blocks === "all" || block === this.blocks.length - 1;
    }
    /** Add the activations over the nucleotides from `start` to `end` of a tile. */
    addTile(codes, start, end, totals, strides) {
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
    addPositions(x, channels, first, last, sums) {
      for (let l = first, at = (this.margin + first) * channels; l < last; l++) {
        for (let c = 0; c < channels; c++, at++) {
          sums.x[c] += x[at];
          sums.squares[c] += x[at] * x[at];
        }
      }
    }
    /** An embedding's columns of one block. */
    columns(sums, positions) {
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
    zeros(n, channels) {
      return new Float32Array((n + 2 * this.margin) * channels);
    }
    /** Convolution of width two, batch norm, ReLU and max-pooling: look-ups of the two codes of every pair. */
    stem(codes, n) {
      const channels = this.first.length / NUM_CODES;
      const x = this.zeros(n, channels);
      const code = (position) => position < codes.length ? codes[position] : PAD;
      for (let l = 0, at = this.margin * channels; l < n; l++) {
        const [one, two, three] = [code(2 * l), code(2 * l + 1), code(2 * l + 2)];
        const single = (two & NUCLEOTIDE_BITS) === PAD;
        for (let c = 0; c < channels; c++, at++) {
          const left = this.first[one * channels + c] + this.second[two * channels + c];
          const right = single ? 0 : this.first[two * channels + c] + this.second[three * channels + c];
          x[at] = Math.max(left, right, 0);
        }
      }
      return x;
    }
    /** `conv → ReLU → norm → ReLU → conv → ReLU → norm → + shortcut → ReLU (→ max-pool)`. */
    run(block, x, n) {
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
        residual = h;
        convolve(x, residual, n, this.margin, block.projection);
      }
      for (let at = begin, c = 0; at < end; at++, c = c + 1 === channels ? 0 : c + 1) {
        y[at] = Math.max(Math.max(y[at], 0) * norm2.scale[c] + norm2.shift[c] + residual[at], 0);
      }
      return block.pools ? this.pool(y, n, channels) : y;
    }
    /** The larger of each two neighbors; an odd last position stays alone. */
    pool(x, n, channels) {
      const half = Math.ceil(n / 2);
      const y = this.zeros(half, channels);
      const begin = this.margin * channels;
      for (let l = 0, at = begin; l < half; l++) {
        let from = begin + 2 * l * channels;
        for (let c = 0; c < channels; c++, at++, from++) y[at] = Math.max(x[from], x[from + channels]);
      }
      return y;
    }
  };
  function convolution(weight, bias, c_in, c_out, taps, dilation) {
    const width = Math.ceil(c_out / 4) * 4;
    const arranged = new Float32Array(width * taps * c_in);
    for (let d = 0; d < c_out; d++) {
      for (let i = 0; i < taps * c_in; i++) {
        arranged[(d - d % 4) * taps * c_in + 4 * i + d % 4] = weight[d * taps * c_in + i];
      }
    }
    const padded = new Float32Array(width);
    padded.set(bias);
    return { weight: arranged, bias: padded, c_in, c_out, taps, dilation };
  }
  function convolve(x, y, n, margin, conv) {
    const { weight, bias, c_in, c_out, taps, dilation } = conv;
    const left = (taps - 1) * dilation >> 1;
    for (let l = 0; l < n; l += 2) {
      const other = l + 1 < n ? 1 : 0;
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

  // src/model/sequence.ts
  var [A, G, T, N, INVALID] = [0, 2, 3, 4, 255];
  var CODON_START = 8;
  var EXON_END = 16;
  var FROM_LETTER = new Uint8Array(256).fill(INVALID);
  ["A", "C", "G", "TU", "NRYSWKMBDHVX"].forEach((letters, code) => {
    for (const letter of letters + letters.toLowerCase()) FROM_LETTER[letter.charCodeAt(0)] = code;
  });
  var isSpace = (byte) => byte === 32 || byte >= 9 && byte <= 13;
  var isLetter = (byte) => byte >= 65 && byte <= 90 || byte >= 97 && byte <= 122;
  function readRnas(text, orfMinLength, annotation = {}) {
    const trimmed = text.replace(/^\uFEFF/, "").trimStart();
    if (trimmed === "") throw new InputError("the input is empty, expected the sequence of an RNA");
    if (!trimmed.startsWith(">")) return [annotate("", toCodes(trimmed, ""), "", orfMinLength, annotation)];
    const seen = /* @__PURE__ */ new Set();
    let next = 1 + newlines(text.slice(0, text.indexOf(">")));
    return ("\n" + trimmed).split("\n>").slice(1).map((record, number) => {
      const at = `(line ${next.toLocaleString("en")})`;
      next += 1 + newlines(record);
      const [line] = record.split("\n", 1);
      const header = line.trim();
      const word = header.split(/\s+/, 1)[0];
      if (word === "") {
        throw new InputError(`record ${(number + 1).toLocaleString("en")} ${at} has no name, expected one after '>'`);
      }
      const name = transcriptOf(header);
      if (seen.has(name)) throw new InputError(`record '${name}' is repeated, expected every id once`);
      seen.add(name);
      const codes = toCodes(record.slice(line.length), `record '${word}' ${at}, `);
      if (codes.length === 0) throw new InputError(`record '${word}' is empty, expected bases`);
      return annotate(name, codes, header, orfMinLength, annotation);
    });
  }
  var newlines = (text) => text.split("\n").length - 1;
  function toCodes(text, record) {
    const bytes = new TextEncoder().encode(text).filter((byte2) => !isSpace(byte2));
    const codes = bytes.map((byte2) => FROM_LETTER[byte2]);
    const at = codes.indexOf(INVALID);
    if (at < 0) return codes;
    const letters = String.fromCharCode(...bytes.subarray(0, 30));
    if (record && bytes.length === 19 && letters.toLowerCase() === "sequenceunavailable") return codes.subarray(0, 0);
    const wrong = codes.reduce((count, code) => count + Number(code === INVALID), 0);
    const protein = wrong > 0.1 * codes.length && bytes.every(isLetter) ? "; is this a protein?" : "";
    const byte = bytes[at];
    const shown = byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
    throw new InputError(
      `${record}position ${(at + 1).toLocaleString("en")} is '${shown}', expected a nucleotide (ACGTU, N or an IUPAC ambiguity code)${protein}`
    );
  }
  function annotate(name, codes, header, orfMinLength, { cds: given, exonEnds }) {
    let cds = given ?? null;
    if (given === void 0) {
      cds = cdsOf(header, codes);
    } else if (cds !== null && !(isPosition(cds[0]) && isPosition(cds[1]) && cds[0] + 3 <= cds[1] && cds[1] <= codes.length)) {
      throw new InputError(`CDS ${cds[0]}-${cds[1]}: expected at least one codon within the RNA of ${codes.length} nt`);
    }
    let cdsSource = "annotated";
    if (cds !== null) {
      cds = withStop(cds, codes);
    } else if (given === null || isNoncoding(name, header)) {
      cdsSource = "none";
    } else {
      cds = longestOrf(codes, orfMinLength);
      cdsSource = cds === null ? "none" : "orf";
    }
    if (exonEnds !== void 0) checkExons(exonEnds, codes.length);
    const marked = codes.slice();
    if (cds !== null) for (let i = cds[0]; i + 3 <= cds[1]; i += 3) marked[i] |= CODON_START;
    for (const end of exonEnds ?? []) marked[end - 1] |= EXON_END;
    return { name, length: codes.length, codes: marked, cds, cdsSource };
  }
  var isPosition = (value) => Number.isInteger(value) && value >= 0;
  function checkExons(ends, length) {
    const ascending = ends.every((end, i) => Number.isInteger(end) && end > (i ? ends[i - 1] : 0));
    if (!ascending || ends[ends.length - 1] !== length) {
      throw new InputError(`exon ends ${ends.join(",")}: expected ascending positions, the last ${length}, the RNA's length`);
    }
  }
  function codon(codes, at) {
    const [one, two, three] = [codes[at], codes[at + 1], codes[at + 2]];
    return one >= N || two >= N || three >= N ? 64 : 16 * one + 4 * two + three;
  }
  var START = 16 * A + 4 * T + G;
  var isStop = (number) => number === 48 || number === 50 || number === 56;
  function longestOrf(codes, minLength) {
    const nextStop = [-1, -1, -1];
    let best = null;
    let longest = Math.max(minLength, 6);
    for (let i = codes.length - 3; i >= 0; i--) {
      const number = codon(codes, i);
      if (isStop(number)) nextStop[i % 3] = i;
      const end = nextStop[i % 3] + 3;
      if (number === START && end > i && end - i >= longest) {
        best = [i, end];
        longest = end - i;
      }
    }
    return best;
  }
  function withStop([start, end], codes) {
    const lacks = (end - start) % 3 === 0 && end + 3 <= codes.length && !isStop(codon(codes, end - 3));
    return lacks && isStop(codon(codes, end)) ? [start, end + 3] : [start, end];
  }
  function cdsOf(header, codes) {
    const match = /\|CDS:(\d+)-(\d+)\|/.exec(header) ?? /\sCDS=(\d+)-(\d+)(?:\s|$)/.exec(header);
    if (match === null) return null;
    const [first, end] = [Number(match[1]) - 1, Number(match[2])];
    if (first < 0 || end <= first || end > codes.length) return null;
    const start = first === 0 ? phase(codes.subarray(0, end)) : first;
    return end - start < 3 ? null : [start, end];
  }
  function phase(cds) {
    if (cds.length < 3 || codon(cds, 0) === START) return 0;
    const preferred = isStop(codon(cds, cds.length - 3)) ? [cds.length % 3] : [];
    const isOpen = (from) => {
      for (let i = from; i < cds.length - 3; i += 3) if (isStop(codon(cds, i))) return false;
      return true;
    };
    return [...preferred, 0, 1, 2].find(isOpen) ?? 0;
  }
  var GENCODE = /^[^|\s]+\|[^|\s]+\|[^|]*\|[^|]*\|[^|]*\|[^|]*\|\d+\|/;
  function firstGroup(text, patterns) {
    for (const pattern of patterns) {
      const match = pattern.exec(text);
      if (match !== null) return match[1];
    }
    return void 0;
  }
  function transcriptOf(header) {
    const [word] = header.split(/\s/, 1);
    const [field] = header.split("|", 1);
    if (GENCODE.test(header) && field !== "-") return field;
    const piped = word.includes("|") ? [/(?:^|\|)(ENS[A-Z]*T\d{11}\.\d+)(?:\||\s|$)/, /(?:^|\|)(ENS[A-Z]*T\d{11})(?:\||\s|$)/] : [];
    return firstGroup(word, piped) ?? firstGroup(header, [/\[transcript_id=([^\]\s]+)\]/]) ?? word;
  }
  function biotypeOf(header) {
    const keys = header.replace(/\sdescription:.*$/, "");
    return firstGroup(header, [/^(?:[^|\s]*\|){7}(?:(?:UTR5|CDS|UTR3):[\d-]+\|)*([^|:\s]+)(?:\||\s|$)/]) ?? firstGroup(keys, [/\stranscript_biotype:(\S+)/, /\sgene_biotype:(\S+)/]) ?? firstGroup(header, [/^[NX][MR]_\d+\S*\s.*, (?:partial )?([A-Za-z_ -]*RNA)(?:;|$)/]) ?? (/^\S+ ncrna(?: |$)/.test(header) ? "ncRNA" : "");
  }
  var NONCODING = new RegExp(
    "pseudogen|antisense|processed_transcript|retained_intron|\\bsense_|non_?coding|cds_not_defined|^TEC$|ribozyme|transposable_element|primary_transcript|3prime_overlapping|(?:nc|linc|lnc_?|r|t|sn|sno|mi|sca|sc|s|pi|si|y_|vault_?|misc_|guide_|telomerase_|RNase_[MP]+_|SRP_)RNA",
    "i"
  );
  var CODING = /mRNA|polymorphic_pseudogene|protein_coding$|protein_coding_LoF/i;
  function isNoncoding(name, header) {
    const biotype = biotypeOf(header);
    return NONCODING.test(biotype) && !CODING.test(biotype) || /^[NX]R_\d/.test(name);
  }

  // src/model/index.ts
  async function loadModel(shard, { worker = true } = {}) {
    const { encoder, heads: sections } = checkShard(shard);
    const heads = sections.map((section) => new Head(section));
    const runner = worker && await startWorker(encoder) || runHere(encoder);
    function read(text, annotation) {
      const rnas = readRnas(text, encoder.orf_min_length, annotation);
      if (rnas.length > 1 && annotation !== void 0) {
        throw new InputError(`found ${rnas.length} records, expected one: exons and coding sequence are those of one RNA`);
      }
      return rnas;
    }
    function onlyOne(text, annotation) {
      const rnas = read(text, annotation);
      if (rnas.length > 1) throw new InputError(`found ${rnas.length} records, expected one RNA`);
      return rnas[0];
    }
    return {
      name: encoder.name,
      sha256: encoder.sha256,
      dim: encoder.dim,
      read,
      async embed(input, annotation) {
        const rna = typeof input === "string" ? onlyOne(input, annotation) : input;
        return runner.embed(rna.codes);
      },
      predict(embedding, rna, coverage) {
        if (embedding.length !== encoder.dim || !embedding.every(Number.isFinite)) {
          throw new InputError(`expected an embedding of ${encoder.dim} finite values, found ${embedding.length}`);
        }
        return heads.flatMap((head) => head.predict(embedding, rna, coverage));
      },
      close: runner.close
    };
  }
  function runHere(encoder) {
    const network = new Network(encoder);
    return { embed: async (codes) => network.embed(codes), close: () => void 0 };
  }
  async function startWorker(encoder) {
    if (typeof isoclrModelBundle === "undefined" || typeof Worker === "undefined") return null;
    const program = `const isoclrModelBundle = ${isoclrModelBundle};
isoclrModelBundle().serve();`;
    const url = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
    let worker;
    try {
      worker = new Worker(url);
    } catch {
      URL.revokeObjectURL(url);
      return null;
    }
    const waiting = [];
    const fail = (error) => waiting.splice(0).forEach(({ reject }) => reject(error));
    worker.onmessage = ({ data }) => {
      const { resolve, reject } = waiting.shift();
      if (data.error === void 0) resolve(data);
      else reject(new Error(data.error));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      fail(new Error(event.message || "the worker could not start"));
    };
    let closed = false;
    const ask = (request) => new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      if (closed) fail(new Error("the model is closed"));
      else worker.postMessage(request);
    });
    const close = () => {
      closed = true;
      worker.terminate();
      fail(new Error("the model is closed"));
    };
    try {
      await ask({ encoder });
    } catch {
      close();
      return null;
    } finally {
      URL.revokeObjectURL(url);
    }
    return { embed: async (codes) => (await ask({ codes })).embedding, close };
  }
  function serve() {
    let network;
    self.onmessage = ({ data }) => {
      const reply = {};
      try {
        if ("encoder" in data) network = new Network(data.encoder);
        else reply.embedding = network.embed(data.codes);
      } catch (error) {
        reply.error = String(error);
      }
      self.postMessage(reply);
    };
  }
  return __toCommonJS(index_exports);
})();
return isoclrModel;
}
globalThis.isoclrModel = isoclrModelBundle();
