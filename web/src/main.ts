/** The page: puts the parts together and keeps the state in the address. */

import { isDark, pointColors } from "./color";
import { About, Atlas, Codes, ColumnInfo } from "./data";
import { cell, download, h, plural } from "./dom";
import { genePanel, GeneState } from "./gene";
import { legend } from "./legend";
import { MapView } from "./map";
import { ownPanel, placeOf } from "./own";
import { Search } from "./search";
import { termOf, Terms, termsPanel } from "./terms";

const LISTED = 300;
/** Width below which the panel lies under the map and the legend begins closed; also in style.css. */
const NARROW = "(max-width: 760px)";
const TERMS = "Gene Ontology";

class Page {
  private about: About;
  private column = 0;
  private only = 0;
  private codes: Codes = new Uint8Array(0);
  private chosen: number[] | null = null;
  private geneState: GeneState | null = null;
  private map!: MapView;
  private search: Search;
  private panel = h("aside", { class: "panel", "aria-label": "Details", hidden: true });
  private legendBox = h("div", { class: "legend-box" });
  private live = h("div", { class: "sr", "aria-live": "polite" });
  private coloring = h("select", { id: "coloring", change: () => this.chooseColumn(this.coloring.value) });
  private terms: Terms;
  private lassoButton = h("button", { class: "icon", "aria-pressed": "false", title: "Lasso: draw around points to list them (L)", "aria-label": "Lasso" }, "◌");
  private saving = 0;
  private named = false;

  constructor(private atlas: Atlas) {
    this.about = atlas.about;
    this.terms = new Terms(atlas);
    this.search = new Search(atlas, (gene, row) => void this.openGene(gene, row));
  }

  async start(): Promise<void> {
    const { about, atlas } = this;
    document.title = about.title;
    const force2d = new URLSearchParams(location.search).has("canvas");
    this.map = new MapView(atlas.xy, this.hooks(), force2d);
    this.layout();
    this.map.attach();
    const state = new URLSearchParams(location.hash.slice(1));
    const named = about.columns.findIndex((one) => one.name === state.get("color"));
    const first = about.columns.findIndex((one) => one.kind === "number" ? one.known : one.classes.length > 1);
    await this.setColumn(named >= 0 ? named : Math.max(0, first), Number(state.get("class") ?? 0) || 0);
    this.restoreView(state);
    document.documentElement.dataset.painted = "yes";
    await new Promise((resolve) => setTimeout(resolve));
    await atlas.loadNames();
    this.named = true;
    this.search.enable();
    await this.restoreTerm(state);
    await this.restoreGene(state);
    this.map.redraw();
    window.addEventListener("hashchange", () => void this.restore());
    document.documentElement.dataset.ready = "yes";
  }

  private hooks() {
    return {
      describe: (row: number) => this.describe(row),
      label: (row: number) => (this.named ? this.atlas.label(this.atlas.geneOf(row)) : ""),
      pick: (row: number) => this.named && void this.openGene(this.atlas.geneOf(row), row, false),
      lasso: (rows: number[]) => this.named && this.openList(rows),
      moved: () => this.save(),
      say: (text: string) => { this.live.textContent = text; },
      visible: (row: number) => {
        if (this.chosen && !this.chosenSet!.has(row)) return false;
        return !this.only || this.codes[row] === this.only;
      },
    };
  }

  private chosenSet: Set<number> | null = null;

  private describe(row: number): string[] {
    const info = this.about.columns[this.column];
    const value = `${info.name}: ${this.atlas.text(info, this.codes[row])}`;
    if (!this.named) return [value];
    const { names } = this.atlas;
    const gene = this.atlas.geneOf(row);
    return [this.atlas.label(gene), [names.transcripts.at(row), this.atlas.species(gene)].filter(Boolean).join(" · "), `${names.lengths[row].toLocaleString("en")} nt`, value];
  }

  private layout(): void {
    const { about } = this;
    const groups = new Map<string, HTMLElement>();
    about.columns.forEach((one, i) => {
      if (one.kind === "class" ? one.classes.length === 0 : one.known === 0) return;
      const label = one.group === "RNA" ? "RNA" : one.group === "prediction" ? "Predictions" : one.group;
      if (!groups.has(label)) groups.set(label, h("optgroup", { label }));
      groups.get(label)!.append(h("option", { value: i }, one.name));
    });
    if (about.terms) groups.set(TERMS, h("optgroup", { label: TERMS }, h("option", { value: TERMS }, "Choose a term …")));
    this.coloring.append(...groups.values());
    this.lassoButton.addEventListener("click", () => this.toggleLasso());
    const button = (text: string, label: string, click: () => void) => h("button", { class: "icon", title: label, "aria-label": label, click }, text);
    const tools = h(
      "div",
      { class: "tools", role: "toolbar", "aria-label": "Map" },
      this.lassoButton,
      button("+", "Zoom in", () => this.zoom(1.6)),
      button("−", "Zoom out", () => this.zoom(1 / 1.6)),
      button("⤢", "Whole map (0)", () => { this.map.reset(); this.save(); }),
      button("◐", "Dark or light", () => this.switchTheme()),
    );
    const header = h(
      "header",
      { class: "top" },
      h("a", { class: "skip", href: "#", click: (event: Event) => { event.preventDefault(); this.search.focus(); } }, "Skip to search"),
      h("h1", {}, h("button", { class: "home", title: "Start again", click: () => this.home() }, about.title)),
      this.search.element,
      h("label", { class: "coloring" }, "Color by ", this.coloring),
      about.own ? h("button", { class: "own-button", click: () => this.openOwn() }, "Your RNA") : null,
    );
    const note = h(
      "p",
      { class: "note" },
      `${about.rnas.toLocaleString("en")} RNAs of ${about.genes.toLocaleString("en")} genes · ${about.model}. ${about.layout}: near points are alike; distances between groups mean little.`,
    );
    this.map.lassoEnded = () => this.lassoButton.setAttribute("aria-pressed", "false");
    document.body.append(header, h("main", {}, h("div", { class: "stage" }, this.map.element, tools, this.legendBox, note), this.panel), this.live);
    document.addEventListener("keydown", (event) => {
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test((event.target as Element).tagName);
      if (event.key === "Escape" && !typing) this.closePanel();
      else if (event.key === "/" && !typing) {
        event.preventDefault();
        this.search.focus();
      } else if (event.key.toLowerCase() === "l" && !typing && !event.ctrlKey && !event.metaKey) this.toggleLasso();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  private zoom(factor: number): void {
    this.map.view.scale *= factor;
    this.map.redraw();
    this.save();
  }

  private toggleLasso(): void {
    const on = this.lassoButton.getAttribute("aria-pressed") !== "true";
    this.lassoButton.setAttribute("aria-pressed", String(on));
    this.map.lassoMode = on;
    if (on) this.live.textContent = "Lasso: draw around points";
  }

  private switchTheme(): void {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    this.paint();
    void this.refreshGene();
  }

  private chooseColumn(value: string): void {
    if (value !== TERMS) return void this.setColumn(Number(value));
    this.coloring.value = String(this.column);
    void this.openTerms();
  }

  private async openTerms(): Promise<void> {
    this.geneState = null;
    this.choose(null);
    this.map.mark([]);
    this.setPanel(await termsPanel(this.terms, (id) => void this.setTerm(id)));
  }

  private async setTerm(id: string, only = 0): Promise<void> {
    const column = await this.terms.column(id);
    if (column < 0) return;
    const group = this.coloring.querySelector(`optgroup[label="${TERMS}"]`)!;
    if (![...this.coloring.options].some((one) => one.value === String(column))) group.append(h("option", { value: column }, this.about.columns[column].name));
    await this.setColumn(column, only);
    this.live.textContent = `Colored by ${this.info.name}`;
  }

  /** Color by the term that the address names, once the names of genes are there. */
  private async restoreTerm(state: URLSearchParams): Promise<void> {
    const term = this.about.terms ? termOf(state.get("color")) : null;
    if (term) await this.setTerm(term, Number(state.get("class") ?? 0) || 0);
  }

  private async setColumn(column: number, only = 0): Promise<void> {
    this.column = column;
    this.only = only;
    this.coloring.value = String(column);
    const codes = await this.atlas.codes(column);
    if (this.column !== column) return;
    this.codes = codes;
    this.paint();
    this.save();
  }

  private get info(): ColumnInfo {
    return this.about.columns[this.column];
  }

  private paint(): void {
    this.map.setColors(pointColors(this.info, this.codes, this.only, this.chosenSet));
    const pick = (number: number) => {
      this.only = number;
      this.paint();
      this.save();
    };
    const shown = this.legendBox.querySelector("details")?.open ?? !matchMedia(NARROW).matches;
    this.legendBox.replaceChildren(legend(this.atlas, this.info, this.codes, this.only, shown, pick));
  }

  private setPanel(content: HTMLElement | null): void {
    this.panel.hidden = content === null;
    document.body.classList.toggle("with-panel", content !== null);
    if (content) {
      const close = h("button", { class: "icon close", "aria-label": "Close", title: "Close (Esc)", click: () => this.closePanel() }, "×");
      this.panel.replaceChildren(h("div", { class: "panel-top" }, close), content);
      this.panel.scrollTop = 0;
      content.querySelector<HTMLElement>("h2")?.focus({ preventScroll: true });
    } else this.panel.replaceChildren();
  }

  private closePanel(): void {
    this.setPanel(null);
    this.geneState = null;
    this.choose(null);
    this.map.own = null;
    this.map.mark([]);
    this.save();
  }

  private home(): void {
    this.closePanel();
    this.only = 0;
    this.map.reset();
    this.paint();
    this.save();
  }

  private choose(rows: number[] | null): void {
    if (rows === this.chosen) return;
    this.chosen = rows;
    this.chosenSet = rows && new Set(rows);
    this.paint();
  }

  private async openGene(gene: number, row = -1, fly = true): Promise<void> {
    const [first] = this.atlas.rows(gene);
    this.geneState = { gene, isoform: row < 0 ? 0 : row - first, compared: [], prediction: this.geneState?.prediction ?? 0 };
    this.choose(null);
    await this.refreshGene();
    if (fly) this.map.show(this.geneRows());
    this.save();
  }

  private geneRows(): number[] {
    const [first, end] = this.atlas.rows(this.geneState!.gene);
    const selected = first + this.geneState!.isoform;
    return [selected, ...Array.from({ length: end - first }, (_, i) => first + i).filter((row) => row !== selected)];
  }

  private async refreshGene(): Promise<void> {
    const state = this.geneState;
    if (!state) return;
    try {
      const panel = await genePanel(this.atlas, state, {
        open: (gene, row) => void this.openGene(gene, row),
        changed: () => void this.markGene(),
        show: (rows) => this.map.show(rows),
      });
      if (this.geneState !== state) return;
      this.setPanel(panel);
      await this.markGene();
      this.live.textContent = `${this.atlas.label(state.gene)} opened`;
    } catch (error) {
      this.setPanel(h("article", { class: "gene" }, h("h2", { tabindex: -1 }, "Not found"), h("p", { class: "warn" }, error instanceof Error ? error.message : String(error))));
    }
  }

  private async markGene(): Promise<void> {
    const rows = this.geneRows();
    const gene = await this.atlas.gene(this.geneState!.gene);
    const near = gene.i[this.geneState!.isoform].n.filter((row) => row >= 0);
    this.map.mark(rows, near.map((row) => [rows[0], row]));
    this.save();
  }

  private openList(rows: number[]): void {
    this.geneState = null;
    this.choose(rows);
    this.map.mark([]);
    const { atlas } = this;
    const items = rows.slice(0, LISTED).map((row) => {
      const gene = atlas.geneOf(row);
      return h("li", {}, h("button", { class: "entry", click: () => void this.openGene(gene, row) }, h("b", {}, atlas.label(gene)), h("span", { class: "quiet" }, [atlas.names.transcripts.at(row), atlas.species(gene)].filter(Boolean).join(" · "))));
    });
    const genes = new Set(rows.map((row) => atlas.geneOf(row))).size;
    this.setPanel(
      h(
        "article",
        { class: "gene" },
        h("h2", { tabindex: -1 }, plural(rows.length, "RNA")),
        h("p", { class: "quiet" }, `of ${plural(genes, "gene")} in the lasso`),
        h("p", { class: "links" }, h("button", { class: "primary", click: () => void this.downloadRows(rows) }, "Download as TSV"), h("button", { click: () => this.map.show(rows) }, "Show on the map")),
        h("ul", { class: "entries" }, ...items),
        rows.length > LISTED ? h("p", { class: "quiet" }, `and ${(rows.length - LISTED).toLocaleString("en")} more, all in the download`) : null,
      ),
    );
    this.live.textContent = plural(rows.length, "RNA");
    this.save();
  }

  private async downloadRows(rows: number[]): Promise<void> {
    download("rnas.tsv", await this.rowsAsText(rows));
  }

  /** A table of RNAs with their names, places and the value that colors them. */
  private async rowsAsText(rows: number[]): Promise<string> {
    const { atlas, info } = this;
    const { names } = atlas;
    const known = info.group === "RNA" && ["species", "length"].includes(info.name);
    const lines = rows.map((row) => {
      const gene = atlas.geneOf(row);
      const [x, y] = this.map.place(row);
      const more = known ? [] : [atlas.value(info, this.codes[row])];
      return [names.transcripts.at(row), names.geneIds.at(gene), names.symbols.at(gene), atlas.species(gene), names.lengths[row], x.toFixed(5), y.toFixed(5), ...more].map(cell).join("\t");
    });
    return [["transcript_id", "gene_id", "gene_symbol", "species", "length", "x", "y", ...(known ? [] : [cell(info.name)])].join("\t"), ...lines].join("\n") + "\n";
  }

  private openOwn(): void {
    this.geneState = null;
    this.choose(null);
    this.map.mark([]);
    const placed = (near: { row: number; distance: number }[]) => {
      this.map.own = placeOf(near, (row) => this.map.place(row));
      this.map.mark([]);
      this.map.show(near.slice(0, 5).map((one) => one.row));
    };
    this.setPanel(ownPanel(this.atlas, placed, (gene, row) => void this.openGene(gene, row)));
    this.save();
  }

  /** Write the state into the address, without an entry in the history. */
  private save(): void {
    clearTimeout(this.saving);
    this.saving = setTimeout(() => {
      const state = new URLSearchParams();
      if (this.geneState && this.named) {
        const [first] = this.atlas.rows(this.geneState.gene);
        state.set("rna", this.atlas.names.transcripts.at(first + this.geneState.isoform));
        if (this.atlas.species(this.geneState.gene)) state.set("species", this.atlas.species(this.geneState.gene));
        if (this.geneState.compared.length) state.set("compare", this.geneState.compared.map((i) => this.atlas.names.transcripts.at(first + i)).join(","));
      }
      state.set("color", this.info.name);
      if (this.only) state.set("class", String(this.only));
      const { x, y } = this.map.view;
      state.set("view", [x.toFixed(4), y.toFixed(4), this.map.zoom.toFixed(2)].join(","));
      history.replaceState(null, "", `#${state}`);
    }, 150) as unknown as number;
  }

  private async restore(): Promise<void> {
    const state = new URLSearchParams(location.hash.slice(1));
    const named = this.about.columns.findIndex((one) => one.name === state.get("color"));
    if (named >= 0) await this.setColumn(named, Number(state.get("class") ?? 0) || 0);
    else await this.restoreTerm(state);
    this.restoreView(state);
    await this.restoreGene(state);
  }

  private restoreView(state: URLSearchParams): void {
    const view = (state.get("view") ?? "").split(",").map(Number);
    if (view.length !== 3 || !view.every(Number.isFinite) || view[2] <= 0) return;
    this.map.view.x = view[0];
    this.map.view.y = view[1];
    this.map.setZoom(Math.min(3000, Math.max(0.5, view[2])));
    this.map.redraw();
  }

  private async restoreGene(state: URLSearchParams): Promise<void> {
    const { names } = this.atlas;
    const wanted = state.get("rna");
    const byName = state.get("gene")?.toLowerCase();
    const species = state.get("species");
    let gene = -1;
    let row = -1;
    if (wanted) {
      for (const at of names.transcripts.find(wanted.toLowerCase(), "whole")) {
        if (names.transcripts.at(at) !== wanted) continue;
        const own = this.atlas.geneOf(at);
        if (row < 0 || this.atlas.species(own) === species) [gene, row] = [own, at];
      }
    } else if (byName) {
      gene = [...names.symbols.find(byName, "whole")].find((one) => !species || this.atlas.species(one) === species) ?? -1;
      if (gene < 0) gene = [...names.geneIds.find(byName, "whole")][0] ?? -1;
    }
    if (gene < 0) return;
    await this.openGene(gene, row, !state.has("view"));
    const [first, end] = this.atlas.rows(gene);
    const own = Array.from({ length: end - first }, (_, i) => names.transcripts.at(first + i));
    const compared = (state.get("compare") ?? "").split(",").map((name) => own.indexOf(name)).filter((i) => i >= 0);
    if (compared.length === 2) {
      this.geneState!.compared = compared;
      await this.refreshGene();
    }
  }
}

void Atlas.open()
  .then((atlas) => {
    const page = new Page(atlas);
    (globalThis as any).isoclrAtlas = page;
    return page.start();
  })
  .catch((error: unknown) => {
    document.body.append(h("p", { class: "fatal", role: "alert" }, `The atlas cannot be shown: ${error instanceof Error ? error.message : String(error)}`));
  });
