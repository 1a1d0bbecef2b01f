/**
 * Pasted text → RNAs as byte codes, by the rules of `isoclr embed FASTA`.
 *
 * The byte code, the longest open reading frame and the headers are those of `isoclr.genomics.encoding`,
 * `isoclr.genomics.fasta` and `isoclr.corpus.cds`.
 */
import { InputError } from "./shard";

/** An RNA ready to embed. */
export interface Rna {
  /** First word of its header, or the id it holds; "" for a sequence without one. */
  name: string;
  /** nt. */
  length: number;
  /** One code per nucleotide. */
  codes: Uint8Array;
  /** Coding sequence, 0-based half-open, stop codon included; null if there is none. */
  cds: [number, number] | null;
  cdsSource: "annotated" | "orf" | "none";
}

/** What is known of an RNA besides its sequence. */
export interface Annotation {
  /** Coding sequence, 0-based half-open from the first whole codon; null: non-coding. Left out: found as in Python. */
  cds?: [number, number] | null;
  /** End of every exon (1-based position of its last base), ascending; the last is the length. Left out: unknown. */
  exonEnds?: number[];
}

const [A, G, T, N, INVALID] = [0, 2, 3, 4, 255];
const CODON_START = 8;
const EXON_END = 16;

const FROM_LETTER = new Uint8Array(256).fill(INVALID);
["A", "C", "G", "TU", "NRYSWKMBDHVX"].forEach((letters, code) => {
  for (const letter of letters + letters.toLowerCase()) FROM_LETTER[letter.charCodeAt(0)] = code;
});
const isSpace = (byte: number) => byte === 32 || (byte >= 9 && byte <= 13);
const isLetter = (byte: number) => (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122);

/** The RNAs of a FASTA, or one bare sequence; lower case, U, ambiguity codes, spaces and line ends are accepted. */
export function readRnas(text: string, orfMinLength: number, annotation: Annotation = {}): Rna[] {
  const trimmed = text.replace(/^\uFEFF/, "").trimStart();
  if (trimmed === "") throw new InputError("the input is empty, expected the sequence of an RNA");
  if (!trimmed.startsWith(">")) return [annotate("", toCodes(trimmed, ""), "", orfMinLength, annotation)];
  const seen = new Set<string>();
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

const newlines = (text: string) => text.split("\n").length - 1;

/** Nucleotide codes; positions of errors count bases. */
function toCodes(text: string, record: string): Uint8Array {
  const bytes = new TextEncoder().encode(text).filter((byte) => !isSpace(byte));
  const codes = bytes.map((byte) => FROM_LETTER[byte]);
  const at = codes.indexOf(INVALID);
  if (at < 0) return codes;
  const letters = String.fromCharCode(...bytes.subarray(0, 30));
  if (record && bytes.length === 19 && letters.toLowerCase() === "sequenceunavailable") return codes.subarray(0, 0);
  const wrong = codes.reduce((count, code) => count + Number(code === INVALID), 0);
  const protein = wrong > 0.1 * codes.length && bytes.every(isLetter) ? "; is this a protein?" : "";
  const byte = bytes[at];
  const shown = byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  throw new InputError(
    `${record}position ${(at + 1).toLocaleString("en")} is '${shown}', ` +
      `expected a nucleotide (ACGTU, N or an IUPAC ambiguity code)${protein}`,
  );
}

/** Find the coding sequence and mark codon starts and exon ends. */
function annotate(
  name: string,
  codes: Uint8Array,
  header: string,
  orfMinLength: number,
  { cds: given, exonEnds }: Annotation,
): Rna {
  let cds = given ?? null;
  if (given === undefined) {
    cds = cdsOf(header, codes);
  } else if (cds !== null && !(isPosition(cds[0]) && isPosition(cds[1]) && cds[0] + 3 <= cds[1] && cds[1] <= codes.length)) {
    throw new InputError(`CDS ${cds[0]}-${cds[1]}: expected at least one codon within the RNA of ${codes.length} nt`);
  }
  let cdsSource: Rna["cdsSource"] = "annotated";
  if (cds !== null) {
    cds = withStop(cds, codes);
  } else if (given === null || isNoncoding(name, header)) {
    cdsSource = "none";
  } else {
    cds = longestOrf(codes, orfMinLength);
    cdsSource = cds === null ? "none" : "orf";
  }
  if (exonEnds !== undefined) checkExons(exonEnds, codes.length);
  const marked = codes.slice();
  if (cds !== null) for (let i = cds[0]; i + 3 <= cds[1]; i += 3) marked[i] |= CODON_START;
  for (const end of exonEnds ?? []) marked[end - 1] |= EXON_END;
  return { name, length: codes.length, codes: marked, cds, cdsSource };
}

const isPosition = (value: number) => Number.isInteger(value) && value >= 0;

function checkExons(ends: number[], length: number): void {
  const ascending = ends.every((end, i) => Number.isInteger(end) && end > (i ? ends[i - 1] : 0));
  if (!ascending || ends[ends.length - 1] !== length) {
    throw new InputError(`exon ends ${ends.join(",")}: expected ascending positions, the last ${length}, the RNA's length`);
  }
}

/** Number of the codon that begins at a position, 0 (AAA) to 63 (TTT); 64 where a base is ambiguous. */
function codon(codes: Uint8Array, at: number): number {
  const [one, two, three] = [codes[at], codes[at + 1], codes[at + 2]];
  return one >= N || two >= N || three >= N ? 64 : 16 * one + 4 * two + three;
}
const START = 16 * A + 4 * T + G;
const isStop = (number: number) => number === 48 || number === 50 || number === 56; // TAA, TAG, TGA

/** The longest open reading frame, ATG to stop codon; the first of several equally long ones. */
function longestOrf(codes: Uint8Array, minLength: number): [number, number] | null {
  const nextStop = [-1, -1, -1];
  let best: [number, number] | null = null;
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

/** A coding sequence with the stop codon that follows it in frame, which some annotations leave out. */
function withStop([start, end]: [number, number], codes: Uint8Array): [number, number] {
  const lacks = (end - start) % 3 === 0 && end + 3 <= codes.length && !isStop(codon(codes, end - 3));
  return lacks && isStop(codon(codes, end)) ? [start, end + 3] : [start, end];
}

/** The coding sequence that a header of GENCODE or gffread gives, from its first whole codon. */
function cdsOf(header: string, codes: Uint8Array): [number, number] | null {
  const match = /\|CDS:(\d+)-(\d+)\|/.exec(header) ?? /\sCDS=(\d+)-(\d+)(?:\s|$)/.exec(header);
  if (match === null) return null;
  const [first, end] = [Number(match[1]) - 1, Number(match[2])];
  if (first < 0 || end <= first || end > codes.length) return null;
  const start = first === 0 ? phase(codes.subarray(0, end)) : first;
  return end - start < 3 ? null : [start, end];
}

/** Bases before the first whole codon of a CDS that is incomplete at its 5' end. */
function phase(cds: Uint8Array): number {
  if (cds.length < 3 || codon(cds, 0) === START) return 0;
  const preferred = isStop(codon(cds, cds.length - 3)) ? [cds.length % 3] : [];
  const isOpen = (from: number) => {
    for (let i = from; i < cds.length - 3; i += 3) if (isStop(codon(cds, i))) return false;
    return true;
  };
  return [...preferred, 0, 1, 2].find(isOpen) ?? 0;
}

const GENCODE = /^[^|\s]+\|[^|\s]+\|[^|]*\|[^|]*\|[^|]*\|[^|]*\|\d+\|/;

/** The first group that one of the patterns finds in a text. */
function firstGroup(text: string, patterns: RegExp[]): string | undefined {
  for (const pattern of patterns) {
    const match = pattern.exec(text);
    if (match !== null) return match[1];
  }
  return undefined;
}

function transcriptOf(header: string): string {
  const [word] = header.split(/\s/, 1);
  const [field] = header.split("|", 1);
  if (GENCODE.test(header) && field !== "-") return field;
  const piped = word.includes("|")
    ? [/(?:^|\|)(ENS[A-Z]*T\d{11}\.\d+)(?:\||\s|$)/, /(?:^|\|)(ENS[A-Z]*T\d{11})(?:\||\s|$)/]
    : [];
  return firstGroup(word, piped) ?? firstGroup(header, [/\[transcript_id=([^\]\s]+)\]/]) ?? word;
}

function biotypeOf(header: string): string {
  const keys = header.replace(/\sdescription:.*$/, ""); // Ensembl's free text at the end
  return (
    firstGroup(header, [/^(?:[^|\s]*\|){7}(?:(?:UTR5|CDS|UTR3):[\d-]+\|)*([^|:\s]+)(?:\||\s|$)/]) ??
    firstGroup(keys, [/\stranscript_biotype:(\S+)/, /\sgene_biotype:(\S+)/]) ??
    firstGroup(header, [/^[NX][MR]_\d+\S*\s.*, (?:partial )?([A-Za-z_ -]*RNA)(?:;|$)/]) ??
    (/^\S+ ncrna(?: |$)/.test(header) ? "ncRNA" : "")
  );
}

const NONCODING = new RegExp(
  "pseudogen|antisense|processed_transcript|retained_intron|\\bsense_|non_?coding|cds_not_defined" +
    "|^TEC$|ribozyme|transposable_element|primary_transcript|3prime_overlapping" +
    "|(?:nc|linc|lnc_?|r|t|sn|sno|mi|sca|sc|s|pi|si|y_|vault_?|misc_|guide_|telomerase_|RNase_[MP]+_|SRP_)RNA",
  "i",
);
const CODING = /mRNA|polymorphic_pseudogene|protein_coding$|protein_coding_LoF/i;

/** Whether the biotype or the accession says that an RNA is non-coding. */
function isNoncoding(name: string, header: string): boolean {
  const biotype = biotypeOf(header);
  return (NONCODING.test(biotype) && !CODING.test(biotype)) || /^[NX]R_\d/.test(name);
}
