/** The search: gene symbols, gene ids and transcript ids, with completion. */

import { Atlas } from "./data";
import { h } from "./dom";
import { Lines } from "./lines";

interface Hit {
  gene: number;
  /** Row of the transcript that was named, or −1. */
  row: number;
  name: string;
  detail: string;
}

const MOST = 12;

export class Search {
  readonly element: HTMLElement;
  private input = h("input", {
    type: "search",
    id: "search",
    placeholder: "Gene, gene id or transcript",
    autocomplete: "off",
    spellcheck: "false",
    role: "combobox",
    "aria-expanded": "false",
    "aria-controls": "hits",
    "aria-autocomplete": "list",
    "aria-label": "Search a gene symbol, gene id or transcript id",
    disabled: true,
  });
  private list = h("ul", { id: "hits", role: "listbox", "aria-label": "Search results", hidden: true });
  private hits: Hit[] = [];
  private active = -1;

  constructor(private atlas: Atlas, private pick: (gene: number, row: number) => void) {
    this.element = h("div", { class: "search", role: "search" }, this.input, this.list);
    this.input.addEventListener("input", () => this.update());
    this.input.addEventListener("focus", () => this.update());
    this.input.addEventListener("blur", () => setTimeout(() => this.close(), 150));
    this.input.addEventListener("keydown", (event) => this.key(event));
  }

  /** Call when names are there. */
  enable(): void {
    this.input.disabled = false;
  }

  focus(): void {
    this.input.focus();
    this.input.select();
  }

  find(text: string): Hit[] {
    const wanted = text.trim().toLowerCase();
    if (!wanted) return [];
    const { atlas } = this;
    const hits: Hit[] = [];
    const genes = new Set<number>();
    const add = (gene: number, row = -1) => {
      if (hits.length >= MOST || (row < 0 && genes.has(gene))) return;
      genes.add(gene);
      const id = row < 0 ? atlas.names.geneIds.at(gene) : atlas.names.transcripts.at(row);
      hits.push({ gene, row, name: row < 0 ? atlas.label(gene) : id, detail: [row < 0 ? id : atlas.label(gene), atlas.species(gene)].filter(Boolean).join(" · ") });
    };
    const scan = (names: Lines, where: "whole" | "start" | "anywhere", found: (i: number) => void) => {
      for (const i of names.find(wanted, where)) {
        if (hits.length >= MOST) return;
        found(i);
      }
    };
    const { symbols, geneIds, transcripts } = atlas.names;
    scan(symbols, "whole", (i) => add(i));
    scan(symbols, "start", (i) => add(i));
    scan(geneIds, "start", (i) => add(i));
    scan(transcripts, "start", (i) => add(atlas.geneOf(i), i));
    if (wanted.length > 2) scan(symbols, "anywhere", (i) => add(i));
    return hits;
  }

  private update(): void {
    this.hits = this.find(this.input.value);
    this.active = this.hits.length ? 0 : -1;
    const empty = this.input.value.trim() && !this.hits.length;
    this.list.replaceChildren(
      ...this.hits.map((hit, i) =>
        h(
          "li",
          { id: `hit-${i}`, role: "option", "aria-selected": String(i === this.active), mousedown: (event: Event) => { event.preventDefault(); this.choose(i); } },
          h("b", {}, hit.name),
          h("span", {}, hit.detail),
        ),
      ),
      ...(empty ? [h("li", { class: "none", role: "option", "aria-disabled": "true" }, "Nothing of this name")] : []),
    );
    this.list.hidden = !this.list.childElementCount;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    this.show();
  }

  private show(): void {
    [...this.list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === this.active)));
    if (this.active >= 0) {
      this.input.setAttribute("aria-activedescendant", `hit-${this.active}`);
      this.list.children[this.active].scrollIntoView({ block: "nearest" });
    } else this.input.removeAttribute("aria-activedescendant");
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "Escape") {
      this.close();
      return;
    }
    if (!this.hits.length) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const by = event.key === "ArrowDown" ? 1 : -1;
      this.active = (this.active + by + this.hits.length) % this.hits.length;
      this.show();
    } else if (event.key === "Enter") this.choose(this.active);
    else return;
    event.preventDefault();
  }

  private choose(i: number): void {
    const hit = this.hits[i];
    this.input.value = hit.name;
    this.close();
    this.pick(hit.gene, hit.row);
  }

  private close(): void {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}
