/** The mutation map of one RNA: importance along the whole RNA, and every mutation in a window. */

import { effectColor } from "./color";
import { h, short, signed } from "./dom";

export interface MutationValues {
  target: string;
  value: number;
  unit: number;
  isoform: number;
  coding: [number, number];
  exonEnds: number[];
}

const WINDOW = 60;
const BASES = "ACGUN";

export function mutationMap(values: MutationValues, effects: Int16Array, bases: Uint8Array, name: string): HTMLElement {
  const length = bases.length;
  const importance = new Float64Array(length);
  let largest = 0;
  for (let i = 0; i < length; i++) {
    let sum = 0;
    for (let base = 0; base < 4; base++) sum += effects[4 * i + base];
    importance[i] = (-sum * values.unit) / (bases[i] === 4 ? 4 : 3);
    largest = Math.max(largest, Math.abs(importance[i]));
  }
  let start = strongest(importance);
  const whole = h("canvas", { tabindex: 0, role: "slider", "aria-label": "Window of the mutation map", "aria-valuemin": 1, "aria-valuemax": Math.max(1, length - WINDOW + 1) });
  const close = h("canvas", { role: "img", "aria-label": "Effects of the mutations in the window" });
  const caption = h("p", { class: "quiet", "aria-live": "polite" });
  const colors = h("i", { class: "colors", "aria-hidden": "true" });
  const [least, most] = [h("span"), h("span")];
  const scale = h("div", { class: "scale" }, least, colors, most, h("span", {}, `change of ${values.target}`), h("i", { class: "base", "aria-hidden": "true" }), h("span", {}, "the RNA’s base"));
  const describe = () => `${name}, ${(start + 1).toLocaleString("en")}–${Math.min(length, start + WINDOW).toLocaleString("en")} of ${length.toLocaleString("en")} nt`;

  const draw = () => {
    drawWhole(whole, importance, largest, values, start);
    const end = drawClose(close, effects, bases, values, start) * values.unit;
    least.textContent = signed(-end);
    most.textContent = signed(end);
    colors.style.background = `linear-gradient(to right, ${[-1, 0, 1].map(effectColor).join(", ")})`;
    whole.setAttribute("aria-valuenow", String(start + 1));
    whole.setAttribute("aria-valuetext", describe());
    caption.textContent = `${describe()}. Point at a cell for its effect.`;
  };
  const move = (to: number) => {
    start = Math.round(Math.max(0, Math.min(length - WINDOW, to)));
    draw();
  };
  const drag = (event: PointerEvent) => {
    if (!event.buttons) return;
    const box = whole.getBoundingClientRect();
    move(((event.clientX - box.left) / box.width) * length - WINDOW / 2);
  };
  whole.addEventListener("pointerdown", (event) => {
    whole.setPointerCapture(event.pointerId);
    drag(event);
  });
  whole.addEventListener("pointermove", drag);
  whole.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -10, ArrowRight: 10, PageUp: -WINDOW, PageDown: WINDOW, Home: -length, End: length }[event.key];
    if (by === undefined) return;
    move(start + by);
    event.preventDefault();
  });
  close.addEventListener("pointermove", (event) => {
    const box = close.getBoundingClientRect();
    const i = start + Math.floor(((event.clientX - box.left) / box.width) * WINDOW);
    const base = Math.floor(((event.clientY - box.top) / box.height) * 5) - 1;
    if (i >= length || base < 0 || base > 3) return;
    const same = bases[i] === base;
    caption.textContent = same
      ? `${BASES[base]} at ${(i + 1).toLocaleString("en")} is the base of the RNA; importance ${signed(importance[i])}`
      : `${BASES[bases[i]]}${i + 1}${BASES[base]}: ${values.target} changes by ${signed(effects[4 * i + base] * values.unit)}`;
  });
  new ResizeObserver(draw).observe(whole);
  return h(
    "div",
    { class: "mutations" },
    h("p", {}, `Prediction for ${name}: ${short(values.value)}. Bars: how much each base adds to the prediction (${values.target}), up to ${short(largest, 2)}. Below, each possible mutation: orange raises it, blue lowers it.`),
    whole,
    close,
    scale,
    caption,
  );
}

/** Start of the window with the largest sum of absolute importance. */
function strongest(importance: Float64Array): number {
  let sum = 0;
  let best = -1;
  let at = 0;
  for (let i = 0; i < importance.length; i++) {
    sum += Math.abs(importance[i]);
    if (i >= WINDOW) sum -= Math.abs(importance[i - WINDOW]);
    if (sum > best) {
      best = sum;
      at = Math.max(0, i - WINDOW + 1);
    }
  }
  return at;
}

function prepare(canvas: HTMLCanvasElement, height: number): [CanvasRenderingContext2D, number] {
  const width = canvas.clientWidth || 600;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  const context = canvas.getContext("2d")!;
  context.scale(devicePixelRatio, devicePixelRatio);
  return [context, width];
}

function drawWhole(canvas: HTMLCanvasElement, importance: Float64Array, largest: number, values: MutationValues, start: number): void {
  const [context, width] = prepare(canvas, 78);
  const style = getComputedStyle(canvas);
  const length = importance.length;
  const middle = 32;
  const columns = Math.round(width);
  for (let column = 0; column < columns; column++) {
    let [low, high] = [0, 0];
    const from = Math.floor((column / columns) * length);
    const to = Math.max(from + 1, Math.floor(((column + 1) / columns) * length));
    for (let i = from; i < to && i < length; i++) {
      low = Math.min(low, importance[i]);
      high = Math.max(high, importance[i]);
    }
    const unit = 30 / (largest || 1);
    context.fillStyle = effectColor(1);
    context.fillRect(column, middle - high * unit, 1, high * unit);
    context.fillStyle = effectColor(-1);
    context.fillRect(column, middle, 1, -low * unit);
  }
  const x = (at: number) => (at / length) * width;
  const [cds, end] = values.coding;
  context.fillStyle = style.getPropertyValue("--utr");
  context.fillRect(0, 69, width, 4);
  context.fillStyle = style.getPropertyValue("--cds");
  if (end) context.fillRect(x(cds), 66, x(end) - x(cds), 10);
  context.fillStyle = style.getPropertyValue("--paper");
  for (const exon of values.exonEnds.slice(0, -1)) context.fillRect(x(exon + 1) - 0.5, 65, 1, 12);
  context.strokeStyle = style.getPropertyValue("--accent");
  context.lineWidth = 1.5;
  context.strokeRect(Math.max(0.75, x(start) - 1), 0.75, Math.max(4, x(WINDOW)), 76);
}

/** Draw the mutations of the window; the effect, in steps of the unit, that has the full color. */
function drawClose(canvas: HTMLCanvasElement, effects: Int16Array, bases: Uint8Array, values: MutationValues, start: number): number {
  const [context, width] = prepare(canvas, 110);
  const style = getComputedStyle(canvas);
  const side = width / WINDOW;
  let most = 1;
  for (let i = 4 * start; i < 4 * Math.min(bases.length, start + WINDOW); i++) most = Math.max(most, Math.abs(effects[i]));
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = `600 ${Math.min(12, side * 1.15)}px ui-monospace, monospace`;
  for (let column = 0; column < WINDOW && start + column < bases.length; column++) {
    const i = start + column;
    for (let base = 0; base < 4; base++) {
      context.fillStyle = bases[i] === base ? style.getPropertyValue("--line") : effectColor(effects[4 * i + base] / most);
      context.fillRect(column * side, 22 + 22 * base, side - 0.5, 21.5);
    }
    if (bases[i] < 4) {
      context.fillStyle = style.getPropertyValue("--soft");
      context.fillRect((column + 0.5) * side - 1.75, 31 + 22 * bases[i], 3, 3);
    }
    context.fillStyle = style.getPropertyValue(i >= values.coding[0] && i < values.coding[1] ? "--ink" : "--soft");
    context.fillText(BASES[bases[i]], (column + 0.5) * side, 12);
  }
  context.textAlign = "left";
  context.fillStyle = style.getPropertyValue("--soft");
  context.font = "600 9px system-ui, sans-serif";
  for (let base = 0; base < 4; base++) context.fillText(BASES[base], 2, 33 + 22 * base);
  return most;
}
