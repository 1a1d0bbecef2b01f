/** The panel of a gene. */

import { Atlas, Gene } from "./data";
import { scaleColor, css } from "./color";
import { comparison, Pair } from "./compare";
import { h, plural } from "./dom";
import { isoformRows } from "./isoforms";
import { mutationMap, MutationValues } from "./mutations";
import { loadShard } from "./shards";

export interface GeneState {
  gene: number;
  /** Selected isoform. */
  isoform: number;
  compared: number[];
  prediction: number;
}

export interface GeneHooks {
  open(gene: number, row?: number): void;
  changed(state: GeneState): void;
  show(rows: number[]): void;
}

const SHOWN = 8;
const MATRIX = 30;

export async function genePanel(atlas: Atlas, state: GeneState, hooks: GeneHooks): Promise<HTMLElement> {
  const gene = await atlas.gene(state.gene);
  const panel = h("article", { class: "gene", "aria-labelledby": "gene-name" });
  let all = gene.i.length <= SHOWN + 2 || state.isoform >= SHOWN;
  const predicted = atlas.about.predictions.findIndex((_, at) => gene.i.some((one) => one.p?.[at]));
  if (!gene.i.some((one) => one.p?.[state.prediction])) state.prediction = Math.max(0, predicted);
  const explained = atlas.about.mutations.includes(state.gene) ? await loadShard<MutationValues & { pairs: Pair[] }>(`mutations-${state.gene}`) : null;
  const render = () => {
    const [first, end] = atlas.rows(state.gene);
    const shown = gene.i.map((_, i) => i).slice(0, all ? undefined : SHOWN);
    const choice = {
      selected: state.isoform,
      compared: state.compared,
      pick: (isoform: number) => {
        state.isoform = isoform;
        change();
      },
      compare: (isoform: number) => {
        const others = state.compared.filter((one) => one !== isoform);
        state.compared = others.length === state.compared.length ? [...others, isoform].slice(-2) : others;
        change();
      },
    };
    const change = () => {
      const scroll = panel.parentElement?.scrollTop ?? 0;
      render();
      if (panel.parentElement) panel.parentElement.scrollTop = scroll;
      hooks.changed(state);
    };
    const choices = atlas.about.predictions.map((one, at) => ({ one, at })).filter(({ at }) => gene.i.some((isoform) => isoform.p?.[at]));
    const chooser =
      choices.length > 1
        ? h(
            "select",
            { "aria-label": "Prediction", change: (event: Event) => { state.prediction = Number((event.target as HTMLSelectElement).value); change(); } },
            ...choices.map(({ one, at }) => h("option", { value: at, selected: at === state.prediction }, one.name)),
          )
        : null;
    const about = choices.find(({ at }) => at === state.prediction)?.one;
    const children: (HTMLElement | null)[] = [
      header(atlas, state.gene, end - first, () => hooks.show(range(first, end))),
      section(
        "Isoforms",
        h(
          "p",
          { class: "quiet" },
          gene.i.length > 1 ? "Tick two to compare them. " : "",
          about ? `Right: predicted ${about.name}${about.units ? `, ${about.units}` : ""}, with ${Math.round(about.coverage * 100)} % intervals. ` : "",
          chooser,
        ),
        isoformRows(atlas, first, gene.i, shown, about ? state.prediction : -1, choice),
        all ? null : h("button", { class: "more", click: () => { all = true; render(); } }, `Show all ${gene.i.length}`),
      ),
    ];
    if (state.compared.length === 2) {
      const [a, b] = [...state.compared].sort((p, q) => p - q);
      children.push(section("Side by side", comparison(atlas, first, gene, a, b, state.prediction, explained?.values.pairs ?? null, explained?.values.target ?? "")));
    }
    if (explained?.arrays.effects) {
      const { values, arrays } = explained;
      children.push(section("Mutation map", mutationMap(values, arrays.effects as Int16Array, arrays.bases as Uint8Array, atlas.names.transcripts.at(first + values.isoform))));
    }
    children.push(labels(atlas, gene, state.isoform), distances(atlas, gene, first), relatives(atlas, state.gene, gene, hooks), neighbours(atlas, state, gene, hooks));
    panel.replaceChildren(...children.filter((child): child is HTMLElement => child !== null));
  };
  render();
  return panel;
}

function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, i) => first + i);
}

function section(title: string, ...children: (Node | string | null)[]): HTMLElement {
  return h("section", {}, h("h3", {}, title), ...children);
}

function header(atlas: Atlas, gene: number, isoforms: number, show: () => void): HTMLElement {
  const id = atlas.names.geneIds.at(gene);
  const symbol = atlas.names.symbols.at(gene);
  return h(
    "header",
    {},
    h("h2", { id: "gene-name", tabindex: -1 }, atlas.label(gene)),
    h("p", { class: "quiet" }, [atlas.species(gene), id === atlas.label(gene) ? "" : id, plural(isoforms, "isoform")].filter(Boolean).join(" · ")),
    h("p", { class: "links" }, ...links(atlas.species(gene), id, symbol), h("button", { click: show }, "Show on the map")),
  );
}

const LATIN: Record<string, string> = {
  human: "Homo_sapiens",
  mouse: "Mus_musculus",
  cow: "Bos_taurus",
  rat: "Rattus_norvegicus",
  zebrafish: "Danio_rerio",
  fly: "Drosophila_melanogaster",
  worm: "Caenorhabditis_elegans",
  yeast: "Saccharomyces_cerevisiae",
  arabidopsis: "Arabidopsis_thaliana",
  rice: "Oryza_sativa",
};
const PLANTS = ["arabidopsis", "rice", "maize"];

/** Links to Ensembl and NCBI: addresses are made here, names go in as one encoded word. */
function links(species: string, id: string, symbol: string): HTMLElement[] {
  const word = (text: string) => encodeURIComponent(text.replace(/\.\d+$/, ""));
  const site = PLANTS.includes(species) ? "https://plants.ensembl.org" : "https://www.ensembl.org";
  const latin = LATIN[species] ?? "Multi";
  const link = (href: string, text: string) => h("a", { href, target: "_blank", rel: "noopener noreferrer" }, text);
  const ensembl = /^ENS/.test(id) ? `${site}/id/${word(id)}` : `${site}/Multi/Search/Results?q=${word(id)};species=${latin}`;
  const term = symbol ? `${encodeURIComponent(symbol)}[sym]` : word(id);
  const of = LATIN[species] ? `+AND+${encodeURIComponent(LATIN[species].replace("_", " "))}[orgn]` : "";
  return [link(ensembl, "Ensembl"), link(`https://www.ncbi.nlm.nih.gov/gene/?term=${term}${of}`, "NCBI Gene")];
}

function labels(atlas: Atlas, gene: Gene, isoform: number): HTMLElement | null {
  const values = gene.i[isoform].t;
  if (!values?.some((value) => value !== null)) return null;
  const rows = atlas.about.labels.map((label, i) => (values[i] === null ? null : h("tr", {}, h("th", { scope: "row" }, label.name), h("td", {}, String(values[i])), h("td", { class: "quiet" }, label.group))));
  return section("Labels", h("table", { class: "labels" }, h("tbody", {}, ...rows)));
}

function distances(atlas: Atlas, gene: Gene, first: number): HTMLElement | null {
  const count = gene.i.length;
  if (!gene.d || count < 2) return null;
  const shown = Math.min(count, MATRIX);
  const at = (i: number, j: number) => (i === j ? 0 : gene.d![pairIndex(Math.min(i, j), Math.max(i, j), count)] / 1000);
  const most = Math.max(...gene.d) / 1000 || 1;
  const table = h("table", { class: shown <= 10 ? "matrix" : "matrix small", "aria-label": "Cosine distances between isoforms" });
  table.append(h("tr", {}, h("th", {}), ...range(0, shown).map((j) => h("th", { scope: "col", title: atlas.names.transcripts.at(first + j) }, String(j + 1)))));
  for (let i = 0; i < shown; i++) {
    const cells = range(0, shown).map((j) => {
      const value = at(i, j);
      const share = value / most;
      const style = i === j ? "" : `background:${css(scaleColor(1 - share))};color:${share > 0.45 ? "#fff" : "#111"}`;
      return h("td", { style, title: `${atlas.names.transcripts.at(first + i)} – ${atlas.names.transcripts.at(first + j)}: ${value.toFixed(3)}` }, i === j ? "" : shown <= 10 ? value.toFixed(2) : "");
    });
    table.append(h("tr", {}, h("th", { scope: "row" }, shown <= 10 ? `${i + 1} ${atlas.names.transcripts.at(first + i)}` : String(i + 1)), ...cells));
  }
  const note = shown < count ? `The first ${shown} of ${count}. ` : "";
  return section("How far isoforms lie apart", h("p", { class: "quiet" }, `${note}Cosine distance of the embeddings; 0 is the same.`), h("div", { class: "scroll" }, table));
}

/** Place of a pair in a list of all pairs i < j. */
function pairIndex(i: number, j: number, count: number): number {
  return i * count - (i * (i + 1)) / 2 + (j - i - 1);
}

function bar(distance: number): HTMLElement {
  return h("span", { class: "bar", "aria-hidden": "true" }, h("i", { style: `width:${Math.min(100, distance * 100)}%` }));
}

function relatives(atlas: Atlas, own: number, gene: Gene, hooks: GeneHooks): HTMLElement | null {
  const { sets } = atlas.names;
  let list: [number, number | null][] = gene.r ?? [];
  if (!gene.r) {
    for (let other = own - 1; other >= 0 && sets[other] === sets[own]; other--) list = [[other, null], ...list];
    for (let other = own + 1; other < sets.length && sets[other] === sets[own]; other++) list = [...list, [other, null]];
  }
  if (!list.length) return null;
  const items = list.slice(0, 40).map(([other, distance]) =>
    h(
      "li",
      {},
      h("button", { class: "entry", click: () => hooks.open(other) }, h("b", {}, atlas.label(other)), h("span", { class: `tag tag-${atlas.relation(own, other)}` }, atlas.relation(own, other)), h("span", { class: "quiet" }, atlas.species(other))),
      distance === null ? null : bar(distance / 1000),
      distance === null ? null : h("span", { class: "number" }, (distance / 1000).toFixed(3)),
    ),
  );
  const more = list.length > items.length ? h("p", { class: "quiet" }, `and ${list.length - items.length} more`) : null;
  return section("Orthologs and paralogs", h("p", { class: "quiet" }, "Genes of the same gene set, by the distance of their closest isoforms."), h("ul", { class: "entries" }, ...items), more);
}

function neighbours(atlas: Atlas, state: GeneState, gene: Gene, hooks: GeneHooks): HTMLElement {
  const one = gene.i[state.isoform];
  const [first] = atlas.rows(state.gene);
  const items = one.n.map((row, i) => {
    if (row < 0) return null;
    const other = atlas.geneOf(row);
    const relation = atlas.relation(state.gene, other);
    return h(
      "li",
      {},
      h(
        "button",
        { class: "entry", click: () => hooks.open(other, row) },
        h("b", {}, atlas.label(other)),
        relation ? h("span", { class: `tag tag-${relation}` }, relation) : null,
        h("span", { class: "quiet" }, [atlas.names.transcripts.at(row), atlas.species(other)].filter(Boolean).join(" · ")),
      ),
      bar(one.d[i] / 1000),
      h("span", { class: "number" }, (one.d[i] / 1000).toFixed(3)),
    );
  });
  const found = atlas.about.recall < 1 ? ` About ${Math.round(atlas.about.recall * 100)} % of the true ones are found in an atlas of this size.` : "";
  return section("Nearest neighbours", h("p", { class: "quiet" }, `of ${atlas.names.transcripts.at(first + state.isoform)}, by cosine distance.${found}`), h("ul", { class: "entries" }, ...items.filter((item) => item !== null)));
}
