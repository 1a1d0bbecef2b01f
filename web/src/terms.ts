/** Terms of the Gene Ontology: a panel to choose one, which becomes a column that colors the map. */

import { Atlas, ColumnInfo } from "./data";
import { h } from "./dom";
import { loadShard } from "./shards";

export interface Term {
  id: string;
  name: string;
  aspect: string;
  /** Genes that have the term. */
  genes: Uint32Array;
}

const SHOWN = 60;
const GROUP = "Gene Ontology";

export class Terms {
  list: Term[] = [];
  private annotated: Uint32Array = new Uint32Array(0);

  constructor(private atlas: Atlas) {}

  async load(): Promise<void> {
    if (this.list.length) return;
    const { values, arrays } = await loadShard<{ terms: [string, string, string][] }>("terms");
    const genes = arrays.genes as Uint32Array;
    let at = 0;
    this.list = values.terms.map(([id, name, aspect], i) => {
      const end = at + arrays.sizes[i];
      return { id, name, aspect, genes: summed(genes.subarray(at, (at = end))) };
    });
    this.annotated = summed(arrays.annotated as Uint32Array);
  }

  /** Terms whose name or id has all the words, those with most genes first. */
  find(text: string): Term[] {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return this.list.filter(({ id, name }) => words.every((word) => name.toLowerCase().includes(word) || id.toLowerCase().startsWith(word)));
  }

  /** A column with the RNAs of the genes that have a term; its number. Loads the terms. */
  async column(id: string): Promise<number> {
    await this.load();
    const term = this.list.find((one) => one.id === id);
    if (!term) return -1;
    const { atlas } = this;
    const codes = new Uint8Array(atlas.about.rnas);
    const sizes = [0, 0];
    const mark = (genes: Uint32Array, code: number) => {
      for (const gene of genes) {
        const [first, end] = atlas.rows(gene);
        codes.fill(code, first, end);
        sizes[code - 1] += end - first;
      }
    };
    mark(this.annotated, 2);
    mark(term.genes, 1);
    const info: ColumnInfo = { name: `${term.name} (${term.id})`, group: GROUP, units: "", kind: "class", known: sizes[1], classes: [term.name, "other annotated genes"], sizes: [sizes[0], sizes[1] - sizes[0]], muted: 2, low: 0, high: 1, inner: [0, 1], log: false };
    return atlas.addColumn(info, codes);
  }
}

function summed(steps: Uint32Array): Uint32Array {
  const values = new Uint32Array(steps.length);
  let sum = 0;
  for (let i = 0; i < steps.length; i++) values[i] = sum += steps[i];
  return values;
}

/** The id of the term in a column's name. */
export function termOf(column: string | null): string | null {
  return column?.match(/\(([A-Z]+:\d+)\)$/)?.[1] ?? null;
}

export async function termsPanel(terms: Terms, choose: (id: string) => void): Promise<HTMLElement> {
  await terms.load();
  const list = h("ul", { class: "entries" });
  const count = h("p", { class: "quiet", "aria-live": "polite" });
  const input = h("input", { type: "search", class: "filter", placeholder: "Words of the name, or GO:…", "aria-label": "Filter terms", input: () => fill() });
  const fill = () => {
    const found = terms.find(input.value);
    count.textContent = `${found.length.toLocaleString("en")} terms${found.length > SHOWN ? `; the ${SHOWN} with most genes are listed` : ""}`;
    list.replaceChildren(
      ...found.slice(0, SHOWN).map((term) =>
        h(
          "li",
          {},
          h("button", { class: "entry", click: () => choose(term.id) }, h("b", {}, term.name), h("span", { class: "quiet" }, `${term.aspect} · ${term.id}`)),
          h("span", { class: "number" }, term.genes.length.toLocaleString("en")),
        ),
      ),
    );
  };
  fill();
  return h(
    "article",
    { class: "gene", "aria-labelledby": "terms-name" },
    h("h2", { id: "terms-name", tabindex: -1 }, GROUP),
    h("p", { class: "quiet" }, "A gene has a term if it, or a more specific one, is annotated. The number of genes is on the right."),
    input,
    count,
    list,
  );
}
