/** The legend: classes that can be shown alone, or the scale of a number with its distribution. */

import { classColor, css, histogram, scaleColor, SHOWN } from "./color";
import { Atlas, Codes, ColumnInfo } from "./data";
import { h, s, short } from "./dom";

const BINS = 44;

export function legend(atlas: Atlas, info: ColumnInfo, codes: Codes, only: number, open: boolean, pick: (number: number) => void): HTMLElement {
  const box = h("details", { class: "legend", "aria-label": `Legend: ${info.name}`, open });
  box.append(h("summary", {}, h("h2", {}, info.name, info.units ? h("small", {}, ` ${info.units}`) : null)));
  if (info.kind === "class") {
    const shown = info.classes.slice(0, only > SHOWN ? info.classes.length : SHOWN);
    const list = h("div", { class: "classes" });
    shown.forEach((name, i) => list.append(item(name, classColor(i + 1, info), info.sizes[i], only === i + 1, () => pick(only === i + 1 ? 0 : i + 1))));
    const rest = info.classes.length - shown.length;
    if (rest > 0) {
      const options = info.classes.slice(shown.length).map((name, i) => h("option", { value: shown.length + i + 1 }, `${name} (${info.sizes[shown.length + i].toLocaleString("en")})`));
      list.append(h("select", { "aria-label": "Show one of the other classes", change: (event: Event) => pick(Number((event.target as HTMLSelectElement).value)) }, h("option", { value: 0 }, `${rest} more …`), ...options));
    }
    box.append(list);
    if (only) box.append(h("button", { class: "more", click: () => pick(0) }, "Show all"));
  } else {
    const counts = histogram(info, codes, BINS);
    const most = Math.max(...counts, 1);
    const figure = s("svg", { viewBox: `0 0 ${BINS * 5} 48`, role: "img", "aria-label": `Distribution of ${info.name}` });
    counts.forEach((count, i) => {
      const height = Math.max(count ? 1 : 0, (count / most) * 36);
      const fill = css(scaleColor(i / (BINS - 1)));
      figure.append(s("rect", { x: i * 5, y: 38 - height, width: 4.6, height, fill }), s("rect", { x: i * 5, y: 40, width: 5.2, height: 8, fill }));
    });
    const value = (at: number) => (info.log ? Math.round(10 ** at).toLocaleString("en") : short(at, 2));
    const middle = (info.inner[0] + info.inner[1]) / 2;
    box.append(figure as unknown as Node, h("div", { class: "ticks" }, ...[info.inner[0], middle, info.inner[1]].map((at) => h("span", {}, value(at)))));
  }
  const unknown = atlas.about.rnas - info.known;
  if (unknown) box.append(h("p", { class: "quiet" }, `${unknown.toLocaleString("en")} unknown (gray)`));
  return box;
}

function item(name: string, color: string, size: number, pressed: boolean, click: () => void): HTMLElement {
  return h("button", { class: "class", "aria-pressed": String(pressed), click }, h("i", { style: `background:${color}` }), h("span", { title: name }, name), h("small", {}, size.toLocaleString("en")));
}
