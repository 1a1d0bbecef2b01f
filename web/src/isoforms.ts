/** Isoforms to scale, with their predictions next to them. */

import { Atlas, Isoform, Predicted } from "./data";
import { h, s, short } from "./dom";

export const ROW = 40;
const WIDTH = 640;
const RIGHT = 170;

export interface IsoformChoice {
  selected: number;
  compared: number[];
  pick(isoform: number): void;
  compare(isoform: number): void;
}

/** Stretches of an isoform: exons cut into UTR and coding parts. */
export function stretches(length: number, one: Isoform): { from: number; to: number; exon: number; coding: boolean }[] {
  const exons = one.x?.length ? one.x : [length];
  const [cds, end] = one.c ?? [-1, -1];
  const result = [];
  let start = 0;
  for (const [exon, size] of exons.entries()) {
    const stop = start + size;
    const cuts = [start, ...[cds, end].filter((cut) => cut > start && cut < stop), stop];
    for (let i = 0; i + 1 < cuts.length; i++) {
      result.push({ from: cuts[i], to: cuts[i + 1], exon, coding: cuts[i] >= cds && cuts[i + 1] <= end });
    }
    start = stop;
  }
  return result;
}

/** The isoforms of a gene; rows are buttons. */
export function isoformRows(atlas: Atlas, first: number, isoforms: Isoform[], shown: number[], prediction: number, choice: IsoformChoice): HTMLElement {
  const { lengths, transcripts } = atlas.names;
  const longest = Math.max(...shown.map((i) => lengths[first + i]));
  const predicted = isoforms.map((one) => one.p?.[prediction] ?? null);
  const axis = intervalAxis(shown.map((i) => predicted[i]));
  const list = h("div", { class: "isoforms", role: "list" });
  for (const i of shown) {
    const one = isoforms[i];
    const length = lengths[first + i];
    const facts = [
      `${length.toLocaleString("en")} nt`,
      one.x?.length ? `${one.x.length} exon${one.x.length === 1 ? "" : "s"}` : "exons unknown",
      one.c ? `CDS ${(one.c[1] - one.c[0]).toLocaleString("en")} nt${one.s === "orf" ? " (predicted)" : ""}` : "no CDS",
      one.b,
    ].filter(Boolean);
    const row = h(
      "div",
      { class: `isoform${i === choice.selected ? " selected" : ""}`, role: "listitem" },
      h(
        "button",
        { class: "pick", "aria-pressed": String(i === choice.selected), click: () => choice.pick(i), title: "Show the neighbours of this isoform" },
        h("span", { class: "id" }, transcripts.at(first + i)),
        h("span", { class: "facts" }, facts.join(" · ")),
      ),
      shown.length > 1
        ? h(
            "label",
            { class: "compare", title: "Compare two isoforms" },
            h("input", { type: "checkbox", checked: choice.compared.includes(i), "aria-label": `Compare ${transcripts.at(first + i)}`, change: () => choice.compare(i) }),
          )
        : null,
      drawing(length, one, longest, transcripts.at(first + i)),
      axis ? interval(predicted[i], axis) : null,
    );
    list.append(row);
  }
  list.addEventListener("pointerover", (event) => mark(list, (event.target as Element).getAttribute?.("data-exon") ?? null));
  list.addEventListener("pointerleave", () => mark(list, null));
  return list;
}

/** Marks exons of equal sequence in all isoforms. */
function mark(list: HTMLElement, exon: string | null): void {
  for (const part of list.querySelectorAll("[data-exon]")) part.classList.toggle("same", exon !== null && part.getAttribute("data-exon") === exon);
}

function drawing(length: number, one: Isoform, longest: number, name: string): SVGElement {
  const x = (at: number) => (at / longest) * WIDTH;
  const figure = s("svg", { class: "drawing", viewBox: `0 0 ${WIDTH} 20`, preserveAspectRatio: "none", role: "img", "aria-label": `${name}: ${length} nt` });
  for (const { from, to, exon, coding } of stretches(length, one)) {
    const tall = coding ? 16 : 8;
    const part = s("rect", {
      x: x(from),
      y: 10 - tall / 2,
      width: Math.max(0.6, x(to) - x(from)),
      height: tall,
      class: coding ? "cds" : "utr",
      "data-exon": one.h?.[exon],
    });
    const where = one.x?.length ? `exon ${exon + 1}, ${(one.x[exon] ?? 0).toLocaleString("en")} nt` : "";
    part.append(s("title", {}, `${coding ? "coding" : one.c ? (from >= one.c[1] ? "3′ UTR" : "5′ UTR") : "non-coding"} ${from + 1}–${to}${where ? ` (${where})` : ""}`));
    figure.append(part);
  }
  let at = 0;
  for (const size of one.x?.slice(0, -1) ?? []) {
    at += size;
    figure.append(s("line", { x1: x(at), x2: x(at), y1: 0, y2: 20, class: "junction" }));
  }
  return figure;
}

interface Axis {
  low: number;
  high: number;
}

function intervalAxis(values: Predicted[]): Axis | null {
  const numbers = values.flatMap((one) => (one ? [one[0], one[1] ?? one[0], one[2] ?? one[0]] : []));
  if (!numbers.length) return null;
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const margin = (high - low || 1) * 0.06;
  return { low: low - margin, high: high + margin };
}

function interval(one: Predicted, axis: Axis): HTMLElement {
  if (!one) return h("div", { class: "interval none" }, "not predicted");
  const [value, lower, upper, unusual] = one;
  const x = (at: number) => ((at - axis.low) / (axis.high - axis.low)) * RIGHT;
  const figure = s("svg", { viewBox: `0 0 ${RIGHT} 20`, preserveAspectRatio: "none", "aria-hidden": "true" });
  if (axis.low < 0 && axis.high > 0) figure.append(s("line", { x1: x(0), x2: x(0), y1: 0, y2: 20, class: "zero" }));
  if (lower !== null && upper !== null) {
    figure.append(s("line", { x1: x(lower), x2: x(upper), y1: 10, y2: 10, class: "range" }));
    for (const end of [lower, upper]) figure.append(s("line", { x1: x(end), x2: x(end), y1: 5, y2: 15, class: "range" }));
  }
  figure.append(s("ellipse", { cx: x(value), cy: 10, rx: 4.5, ry: 4.5, class: unusual ? "value unusual" : "value" }));
  const range = lower !== null && upper !== null ? ` [${short(lower, 2)}, ${short(upper, 2)}]` : "";
  return h(
    "div",
    { class: "interval", title: unusual ? "Unlike the RNAs that the head was trained on; the interval may be too narrow." : "" },
    figure,
    h("span", {}, short(value, 3), h("small", {}, range), unusual ? h("small", { class: "warn" }, " unusual") : null),
  );
}
