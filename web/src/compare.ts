/** Two isoforms side by side: shared exons line up, and each difference has its effect where it was computed. */

import { Atlas, Gene, Isoform } from "./data";
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

type Stretch = [number, number, number, number];

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

export function comparison(atlas: Atlas, first: number, gene: Gene, i: number, j: number, prediction: number, pairs: Pair[] | null, target: string): HTMLElement {
  const { transcripts, lengths } = atlas.names;
  const names = [transcripts.at(first + i), transcripts.at(first + j)];
  const box = h("div", { class: "comparison" });
  box.append(alignment(gene, i, j, [lengths[first + i], lengths[first + j]], names));
  const [p, q] = [gene.i[i].p?.[prediction], gene.i[j].p?.[prediction]];
  if (p && q) {
    box.append(h("p", {}, `Prediction (${atlas.about.predictions[prediction].name}): ${short(p[0])} for ${names[0]}, ${short(q[0])} for ${names[1]}; difference ${signed(q[0] - p[0])}.`));
  }
  const pair = pairs?.find((one) => (one.a === i && one.b === j) || (one.a === j && one.b === i));
  if (pair) box.append(effects(pair, transcripts.at(first + pair.a), transcripts.at(first + pair.b), target));
  else if (p && q) box.append(h("p", { class: "quiet" }, "The effect of each difference is computed for the first isoforms of genes that are given with --mutate."));
  return box;
}

/** Stretches in which two isoforms differ: as computed, else exon by exon. */
function differing(gene: Gene, i: number, j: number, lengths: [number, number]): Stretch[] {
  const known = gene.q?.find(([p, q]) => p === i && q === j);
  if (known) return known[2];
  const [a, b] = [gene.i[i], gene.i[j]];
  const [endsA, endsB] = [a, b].map((one, k) => ends(one.x?.length ? one.x : [lengths[k]]));
  const parts: Stretch[] = [];
  let [p, q] = [0, 0];
  for (const [nextP, nextQ] of [...sharedExons(a, b), [endsA.length - 1, endsB.length - 1] as [number, number]]) {
    if (nextP > p || nextQ > q) parts.push([endsA[p], endsA[nextP], endsB[q], endsB[nextQ]]);
    [p, q] = [nextP + 1, nextQ + 1];
  }
  return parts;
}

function ends(exons: number[]): number[] {
  const result = [0];
  for (const size of exons) result.push(result[result.length - 1] + size);
  return result;
}

/** Both isoforms on one axis, on which what they share lies at the same place. */
function alignment(gene: Gene, i: number, j: number, lengths: [number, number], names: string[]): HTMLElement {
  const parts = differing(gene, i, j, lengths);
  // pieces of the axis: start in A, end in A, start in B, end in B, start on the axis
  const pieces: [number, number, number, number, number, boolean][] = [];
  let [a, b, at] = [0, 0, 0];
  for (const [a0, a1, b0, b1] of [...parts, [lengths[0], lengths[0], lengths[1], lengths[1]] as Stretch]) {
    if (a0 > a) pieces.push([a, a0, b, b0, at, true]);
    at += a0 - a;
    if (a1 > a0 || b1 > b0) pieces.push([a0, a1, b0, b1, at, false]);
    at += Math.max(a1 - a0, b1 - b0);
    [a, b] = [a1, b1];
  }
  const x = (value: number) => (value / (at || 1)) * WIDTH;
  const same = pieces.filter((piece) => piece[5]).reduce((sum, piece) => sum + piece[1] - piece[0], 0);
  const figure = s("svg", { class: "drawing aligned", viewBox: `0 0 ${WIDTH} 58`, preserveAspectRatio: "none", role: "img", "aria-label": `${names[0]} and ${names[1]} share ${same} nt` });
  for (const [a0, a1, , , left, shared] of pieces) if (shared) figure.append(s("rect", { x: x(left), y: 14, width: x(a1 - a0), height: 30, class: "shared" }));
  [i, j].forEach((isoform, k) => {
    const one = gene.i[isoform];
    const y = k ? 44 : 14;
    for (const [a0, a1, b0, b1, left, shared] of pieces) {
      const [p, q] = k ? [b0, b1] : [a0, a1];
      for (const { from, to, exon, coding } of stretches(lengths[k], one)) {
        const [start, end] = [Math.max(from, p), Math.min(to, q)];
        if (start >= end) continue;
        const tall = coding ? 18 : 9;
        const text = `${names[k]}, exon ${exon + 1}: ${start + 1}–${end}, ${shared ? "the same in both" : "differs"}`;
        figure.append(s("rect", { x: x(left + start - p), y: y - tall / 2, width: Math.max(0.6, x(end - start)), height: tall, class: `${coding ? "cds" : "utr"}${shared ? "" : " differs"}` }, s("title", {}, text)));
      }
      for (const end of ends(one.x ?? []).slice(1, -1)) {
        if (end > p && end <= q) figure.append(s("line", { x1: x(left + end - p), x2: x(left + end - p), y1: y - 10, y2: y + 10, class: "junction" }));
      }
    }
  });
  return h(
    "div",
    {},
    h("div", { class: "pair-name" }, names[0]),
    h("div", {}, figure as unknown as Node),
    h("div", { class: "pair-name" }, names[1]),
    h("p", { class: "quiet" }, `${same.toLocaleString("en")} of ${lengths[0].toLocaleString("en")} and ${lengths[1].toLocaleString("en")} nt are the same; what differs is orange.`),
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
