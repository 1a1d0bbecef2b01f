/**
 * IsoCLR in the browser: RNA → embedding → predictions, offline, equal to the Python package.
 *
 * The encoder runs in a Web Worker, so that the page stays responsive; where none can start, it runs in the page.
 */
import { Head, Prediction, RnaFacts } from "./heads";
import { Network } from "./network";
import { Annotation, readRnas, Rna } from "./sequence";
import { checkShard, EncoderSection, InputError, Shard } from "./shard";

export { InputError };
export type { Annotation, Prediction, Rna, RnaFacts, Shard };

type Request = { encoder: EncoderSection } | { codes: Uint8Array };
type Reply = { embedding?: Float32Array; error?: string };

/** The function that this bundle is (build-model.mjs); its text is the worker's program. */
declare const isoclrModelBundle: (() => unknown) | undefined;

/** A model with its heads. */
export interface BrowserModel {
  /** Name of the encoder. */
  readonly name: string;
  /** SHA-256 of the encoder's weights in Python. */
  readonly sha256: string;
  /** Size of an embedding. */
  readonly dim: number;
  /** The RNAs of a FASTA, or one bare sequence, by the rules of `isoclr embed`; throws `InputError`. */
  read(text: string, annotation?: Annotation): Rna[];
  /** The embedding of one RNA, given as text or as `read` returned it. */
  embed(input: string | Rna, annotation?: Annotation): Promise<Float32Array>;
  /**
   * Predictions of every label of every head.
   *
   * `rna` says whether its length or coding sequence is unlike those of the training RNAs, as Python's predict does.
   */
  predict(embedding: Float32Array, rna?: RnaFacts, coverage?: number): Prediction[];
  /** End the worker; embeddings under way fail. */
  close(): void;
}

/** Load a shard: the value that the file of weights assigns to `window.isoclrModelShard`. */
export async function loadModel(shard: Shard, { worker = true } = {}): Promise<BrowserModel> {
  const { encoder, heads: sections } = checkShard(shard);
  const heads = sections.map((section) => new Head(section));
  const runner = (worker && (await startWorker(encoder))) || runHere(encoder);

  function read(text: string, annotation?: Annotation): Rna[] {
    const rnas = readRnas(text, encoder.orf_min_length, annotation);
    if (rnas.length > 1 && annotation !== undefined) {
      throw new InputError(`found ${rnas.length} records, expected one: exons and coding sequence are those of one RNA`);
    }
    return rnas;
  }

  function onlyOne(text: string, annotation?: Annotation): Rna {
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
    close: runner.close,
  };
}

interface Runner {
  embed(codes: Uint8Array): Promise<Float32Array>;
  close(): void;
}

function runHere(encoder: EncoderSection): Runner {
  const network = new Network(encoder);
  return { embed: async (codes) => network.embed(codes), close: () => undefined };
}

/** A worker that has the weights; null where none can start. */
async function startWorker(encoder: EncoderSection): Promise<Runner | null> {
  if (typeof isoclrModelBundle === "undefined" || typeof Worker === "undefined") return null;
  const program = `const isoclrModelBundle = ${isoclrModelBundle};\nisoclrModelBundle().serve();`;
  const url = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
  let worker: Worker;
  try {
    worker = new Worker(url);
  } catch {
    URL.revokeObjectURL(url);
    return null; // a policy of the page forbids it
  }
  const waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void }[] = [];
  const fail = (error: Error) => waiting.splice(0).forEach(({ reject }) => reject(error));
  worker.onmessage = ({ data }: MessageEvent<Reply>) => {
    const { resolve, reject } = waiting.shift()!; // replies come in the order of requests
    if (data.error === undefined) resolve(data);
    else reject(new Error(data.error));
  };
  worker.onerror = (event) => {
    event.preventDefault();
    fail(new Error(event.message || "the worker could not start"));
  };
  let closed = false;
  const ask = (request: Request) =>
    new Promise<Reply>((resolve, reject) => {
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
  return { embed: async (codes) => (await ask({ codes })).embedding!, close };
}

/** What the worker does. */
export function serve(): void {
  let network: Network;
  self.onmessage = ({ data }: MessageEvent<Request>) => {
    const reply: Reply = {};
    try {
      if ("encoder" in data) network = new Network(data.encoder);
      else reply.embedding = network.embed(data.codes);
    } catch (error) {
      reply.error = String(error);
    }
    (self as unknown as Worker).postMessage(reply);
  };
}
