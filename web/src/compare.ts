/** Two isoforms side by side: shared exons line up, and each difference has its effect where it was computed. */

import { Atlas, Isoform } from "./data";
import { h, s, short, signed } from "./dom";
import { effectColor } from "./color";
import { stretches } from "./isoforms";

export interface Pair {
  a: number;
  b: number;
  from: number;
  to: number;
  /** Start and end in A, start and end in B, change when this stretch of A is as in B. */
  parts: [number, number, number, number, number][];
}

const WIDTH = 680;

/** Pairs of equal exons of two isoforms, in order (longest common subsequence, weighted by length). */
export function sharedExons(a: Isoform, b: Isoform): [number, number][] {
  const [p, q] = [a.h ?? [], b.h ?? []];
  const best = Array.from({ length: p.length + 1 }, () => new Float64Array(q.length + 1));
  for (let i = p.length - 1; i >= 0; i--) {
    for (let j = q.length - 1; j >= 0; j--) {
      best[i][j] = Math.max(best[i + 1][j], best[i][j + 1], p[i] === q[j] ? best[i + 1][j + 1] + (a.x?.[i] ?? 1) : 0);
    }
  }
  const shared: [number, number][] = [];
  for (let i = 0, j = 0; i < p.length && j < q.length; ) {
    if (p[i] === q[j] && best[i][j] === best[i + 1][j + 1] + (a.x?.[i] ?? 1)) shared.push([i++, j++]);
    else if (best[i + 1][j] >= best[i][j + 1]) i++;
    else j++;
  }
  return shared;
}

export function comparison(atlas: Atlas, first: number, isoforms: Isoform[], i: number, j: number, prediction: number, pairs: Pair[] | null, target: string): HTMLElement {
  const { transcripts, lengths } = atlas.names;
  const names = [transcripts[first + i], transcripts[first + j]];
  const box = h("div", { class: "comparison" });
  box.append(alignment(isoforms[i], isoforms[j], lengths[first + i], lengths[first + j], names));
  const [p, q] = [isoforms[i].p?.[prediction], isoforms[j].p?.[prediction]];
  if (p && q) {
    box.append(h("p", {}, `Prediction (${atlas.about.predictions[prediction].name}): ${short(p[0])} for ${names[0]}, ${short(q[0])} for ${names[1]}; difference ${signed(q[0] - p[0])}.`));
  }
  const pair = pairs?.find((one) => (one.a === i && one.b === j) || (one.a === j && one.b === i));
  if (pair) box.append(effects(pair, transcripts[first + pair.a], transcripts[first + pair.b], target));
  else if (p && q) box.append(h("p", { class: "quiet" }, "The effect of each difference is computed for the first isoforms of genes that are given with --mutate."));
  return box;
}

function alignment(a: Isoform, b: Isoform, lengthA: number, lengthB: number, names: string[]): HTMLElement {
  const [xa, xb] = [a.x?.length ? a.x : [lengthA], b.x?.length ? b.x : [lengthB]];
  const shared = sharedExons(a, b);
  const placeA: number[] = [];
  const placeB: number[] = [];
  let at = 0;
  let [i, j] = [0, 0];
  for (const [p, q] of [...shared, [xa.length, xb.length] as [number, number]]) {
    const from = at;
    let [left, right] = [from, from];
    for (; i < p; i++) {
      placeA.push(left);
      left += xa[i];
    }
    for (; j < q; j++) {
      placeB.push(right);
      right += xb[j];
    }
    at = Math.max(left, right);
    if (p < xa.length) {
      placeA.push(at);
      placeB.push(at);
      at += xa[p];
      i++;
      j++;
    }
  }
  const total = at || 1;
  const x = (value: number) => (value / total) * WIDTH;
  const sharedA = new Set(shared.map(([p]) => p));
  const sharedB = new Set(shared.map(([, q]) => q));
  const figure = s("svg", { class: "drawing aligned", viewBox: `0 0 ${WIDTH} 58`, preserveAspectRatio: "none", role: "img", "aria-label": `${names[0]} and ${names[1]}: ${shared.length} exons are the same` });
  for (const [p, q] of shared) {
    if (p < xa.length) figure.append(s("rect", { x: x(placeA[p]), y: 14, width: x(xa[p]), height: 30, class: "shared" }));
    void q;
  }
  const draw = (one: Isoform, length: number, exons: number[], places: number[], same: Set<number>, y: number) => {
    const starts = exons.map((_, n) => exons.slice(0, n).reduce((sum, size) => sum + size, 0));
    for (const { from, to, exon, coding } of stretches(length, one)) {
      const tall = coding ? 18 : 9;
      const left = x(places[exon] + from - starts[exon]);
      figure.append(
        s(
          "rect",
          { x: left + 0.4, y: y - tall / 2, width: Math.max(0.6, x(to - from) - (to === starts[exon] + exons[exon] ? 1.2 : 0)), height: tall, class: `${coding ? "cds" : "utr"}${same.has(exon) ? "" : " differs"}` },
          s("title", {}, `exon ${exon + 1}: ${exons[exon].toLocaleString("en")} nt${same.has(exon) ? ", the same in both" : ", differs"}`),
        ),
      );
    }
  };
  draw(a, lengthA, xa, placeA, sharedA, 14);
  draw(b, lengthB, xb, placeB, sharedB, 44);
  return h(
    "div",
    {},
    h("div", { class: "pair-name" }, names[0]),
    h("div", {}, figure as unknown as Node),
    h("div", { class: "pair-name" }, names[1]),
    h("p", { class: "quiet" }, `${shared.length} of ${xa.length} and ${xb.length} exons are the same; the others are orange.`),
  );
}

function effects(pair: Pair, a: string, b: string, target: string): HTMLElement {
  const total = pair.to - pair.from;
  const sum = pair.parts.reduce((value, part) => value + part[4], 0);
  const most = Math.max(Math.abs(total), ...pair.parts.map((part) => Math.abs(part[4])), 1e-9);
  const bar = (value: number) => {
    const width = (Math.abs(value) / most) * 48;
    return h("span", { class: "effect-bar" }, h("i", { style: `left:${value < 0 ? 50 - width : 50}%;width:${width}%;background:${effectColor(Math.sign(value))}` }));
  };
  const where = (from: number, to: number) => (to > from ? `${(from + 1).toLocaleString("en")}–${to.toLocaleString("en")} (${(to - from).toLocaleString("en")} nt)` : "–");
  const rows = pair.parts.map(([a0, a1, b0, b1, change]) => h("tr", {}, h("td", {}, where(a0, a1)), h("td", {}, where(b0, b1)), h("td", {}, bar(change)), h("td", { class: "number" }, signed(change))));
  const summary = (text: string, value: number) => h("tr", { class: "sum" }, h("td", { colspan: 2 }, text), h("td", {}, bar(value)), h("td", { class: "number" }, signed(value)));
  return h(
    "div",
    {},
    h("p", {}, `What each difference does to the prediction (${target}): the change when this stretch alone of ${a} is as in ${b}, with the coding sequence read anew.`),
    h(
      "table",
      { class: "effects" },
      h("thead", {}, h("tr", {}, h("th", {}, `in ${a}`), h("th", {}, `in ${b}`), h("th", {}, "effect"), h("th", {}, ""))),
      h("tbody", {}, ...rows, summary("all differences together", total), pair.parts.length > 1 ? summary("not the sum of the single ones (interaction)", total - sum) : null),
    ),
  );
}
