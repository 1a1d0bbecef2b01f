/** A pasted RNA: its embedding, predictions and place on the map, computed on this machine.
 *
 * The encoder is a script of its own, `model.js`, which sets `isoclrModel`; its weights are `data/model.js`, which set
 * `isoclrModelShard`. Both are loaded when somebody asks.
 */

import { Atlas } from "./data";
import { h, short } from "./dom";
import { loadScript, loadShard } from "./shards";

interface Rna {
  name: string;
  length: number;
  cds: [number, number] | null;
  cdsSource: "annotated" | "orf" | "none";
}

interface Prediction {
  name: string;
  species: string[];
  unit: string;
  value: number;
  lower: number | null;
  upper: number | null;
  coverage: number;
  extrapolating: boolean;
}

interface BrowserModel {
  read(text: string, annotation?: object): Rna[];
  embed(rna: Rna): Promise<Float32Array>;
  predict(embedding: Float32Array, rna: Rna): Prediction[];
}

export interface Near {
  row: number;
  distance: number;
}

const NEAR = 10;
const AROUND = 5;
const EXAMPLE = ">example\nAUGGCUGAAGACUUCGUGAAGAAGCAGUAA\n";
let model: Promise<BrowserModel> | null = null;

function loadModel(): Promise<BrowserModel> {
  model ??= (async () => {
    await Promise.all([loadScript("model.js"), loadScript("data/model.js")]);
    const { isoclrModel, isoclrModelShard } = globalThis as any;
    return isoclrModel.loadModel(isoclrModelShard);
  })();
  model.catch(() => (model = null));
  return model;
}

/** The nearest RNAs of an embedding, by the cosine of its main components. */
export async function nearest(embedding: Float32Array): Promise<Near[]> {
  const { values, arrays } = await loadShard<{ unit: number; dimensions: number }>("vectors");
  const { mean, scale, basis, rows, vectors } = arrays;
  const dimensions = values.dimensions;
  const scaled = embedding.map((value, i) => (value - mean[i]) * scale[i]);
  const norm = Math.hypot(...scaled) || 1;
  const query = new Float32Array(dimensions);
  for (let i = 0; i < scaled.length; i++) {
    for (let j = 0; j < dimensions; j++) query[j] += (scaled[i] / norm) * basis[i * dimensions + j];
  }
  const length = Math.hypot(...query) || 1;
  const products = new Float64Array(rows.length);
  const squares = new Float64Array(rows.length);
  for (let j = 0, at = 0; j < dimensions; j++) {
    for (let i = 0; i < rows.length; i++, at++) {
      products[i] += query[j] * vectors[at];
      squares[i] += vectors[at] * vectors[at];
    }
  }
  const best: Near[] = [];
  for (let i = 0; i < rows.length; i++) {
    const distance = 1 - products[i] / (length * Math.sqrt(squares[i] || 1));
    if (best.length < NEAR || distance < best[best.length - 1].distance) {
      best.push({ row: rows[i], distance });
      best.sort((a, b) => a.distance - b.distance);
      best.length = Math.min(best.length, NEAR);
    }
  }
  return best;
}

/** Place on the map: the mean of the nearest RNAs' places, weighted as in layout.py. */
export function placeOf(near: Near[], place: (row: number) => [number, number]): [number, number] {
  let [x, y, sum] = [0, 0, 0];
  for (const { row, distance } of near.slice(0, AROUND)) {
    const weight = 1 / (Math.max(distance, 0) + 1e-3) ** 2;
    const [px, py] = place(row);
    x += weight * px;
    y += weight * py;
    sum += weight;
  }
  return [x / sum, y / sum];
}

export function ownPanel(atlas: Atlas, placed: (near: Near[]) => void, open: (gene: number, row: number) => void): HTMLElement {
  const text = h("textarea", { rows: 7, spellcheck: "false", placeholder: EXAMPLE, "aria-label": "Sequence or FASTA of one RNA" });
  const result = h("div", { "aria-live": "polite" });
  const button = h("button", { class: "primary" }, "Place it on the map");
  button.addEventListener("click", async () => {
    button.disabled = true;
    result.replaceChildren(h("p", { class: "quiet" }, "Computing …"));
    try {
      const own = await loadModel();
      const rna = own.read(text.value || EXAMPLE)[0];
      const embedding = await own.embed(rna);
      const near = await nearest(embedding);
      placed(near);
      result.replaceChildren(...report(atlas, rna, own.predict(embedding, rna), near, open));
    } catch (error) {
      result.replaceChildren(h("p", { class: "warn", role: "alert" }, error instanceof Error ? error.message : String(error)));
    }
    button.disabled = false;
  });
  return h(
    "article",
    { class: "gene", "aria-labelledby": "own-name" },
    h("h2", { id: "own-name", tabindex: -1 }, "Your RNA"),
    h("p", { class: "quiet" }, "Paste a mature RNA, as letters or FASTA. It stays on this machine."),
    text,
    h("p", {}, button),
    result,
  );
}

function report(atlas: Atlas, rna: Rna, predictions: Prediction[], near: Near[], open: (gene: number, row: number) => void): HTMLElement[] {
  const cds = rna.cds ? `coding sequence ${rna.cds[0] + 1}–${rna.cds[1]}${rna.cdsSource === "orf" ? " (longest open reading frame)" : ""}` : "no coding sequence";
  const rows = predictions.map((one) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, `${one.name}${one.species.some(Boolean) ? ` (${one.species.join(", ")})` : ""}`),
      h("td", { class: "number" }, short(one.value)),
      h("td", { class: "number quiet" }, one.lower === null ? "" : `[${short(one.lower)}, ${short(one.upper)}]`),
      h("td", {}, one.unit),
      h("td", { class: "warn" }, one.extrapolating ? "unusual" : ""),
    ),
  );
  const entries = near.map(({ row, distance }) => {
    const gene = atlas.geneOf(row);
    return h(
      "li",
      {},
      h("button", { class: "entry", click: () => open(gene, row) }, h("b", {}, atlas.label(gene)), h("span", { class: "quiet" }, [atlas.names.transcripts.at(row), atlas.species(gene)].filter(Boolean).join(" · "))),
      h("span", { class: "number" }, distance.toFixed(3)),
    );
  });
  return [
    h("p", {}, `${rna.name || "RNA"}: ${rna.length.toLocaleString("en")} nt, ${cds}, exons unknown.`),
    ...(rows.length ? [h("section", {}, h("h3", {}, "Predictions"), h("table", { class: "labels" }, h("tbody", {}, ...rows)))] : []),
    h("section", {}, h("h3", {}, "Nearest RNAs"), h("ul", { class: "entries" }, ...entries)),
  ];
}
