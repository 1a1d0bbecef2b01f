/** The map: zoom, pan, hover, selection and lasso over the points. */

import { Grid } from "./grid";
import { makeRenderer, Renderer, View } from "./points";
import { h } from "./dom";

export interface Hooks {
  /** Text of the tooltip of a point. */
  describe(row: number): string[];
  label(row: number): string;
  pick(row: number): void;
  lasso(rows: number[]): void;
  moved(): void;
  /** Tell a screen reader. */
  say(text: string): void;
  /** Whether a point can be seen under the current coloring. */
  visible(row: number): boolean;
}

const LABELS = 45;
/** How far from the center the keys find an RNA, in CSS pixels. */
const REACH = 150;
/** Height that the line under the map and the space above it take, in CSS pixels. */
const NOTE = 56;

export class MapView {
  readonly element: HTMLElement;
  readonly view: View = { x: 0.5, y: 0.5, scale: 500 };
  readonly renderer: Renderer;
  private points = h("canvas", { class: "points" });
  private overlay = h("canvas", {
    class: "overlay",
    tabindex: 0,
    role: "application",
    "aria-label": "Map of RNAs. Arrow keys move, plus and minus zoom, Enter opens the RNA at the center.",
  });
  private tip = h("div", { class: "tip", role: "tooltip", hidden: true });
  private grid: Grid;
  private fit = 500;
  private frame = 0;
  /** View whose points the canvas shows; empty if they must be drawn. */
  private drawn = "";
  private hovered = -1;
  private marked: number[] = [];
  private links: [number, number][] = [];
  private lassoing = false;
  private polygon: [number, number][] = [];
  private pointers = new Map<number, [number, number]>();
  private travelled = 0;
  private center = false;
  private size: [number, number] = [0, 0];
  /** Place of a pasted RNA. */
  own: [number, number] | null = null;
  lassoEnded: () => void = () => {};

  constructor(private xy: Uint16Array, private hooks: Hooks, force2d: boolean) {
    this.element = h("div", { class: "map" }, this.points, this.overlay, this.tip);
    this.renderer = makeRenderer(this.points, xy, force2d);
    this.grid = new Grid(xy);
    this.points.addEventListener("redraw", () => {
      this.drawn = "";
      this.redraw();
    });
    this.listen();
  }

  /** Start when the element is on the page. */
  attach(): void {
    new ResizeObserver(() => this.resize()).observe(this.element);
    this.resize();
    this.reset();
  }

  place(row: number): [number, number] {
    return [this.xy[2 * row] / 65535, this.xy[2 * row + 1] / 65535];
  }

  get zoom(): number {
    return this.view.scale / this.fit;
  }

  reset(): void {
    Object.assign(this.view, { x: 0.5, y: 0.5, scale: this.fit });
    this.redraw();
  }

  setZoom(zoom: number): void {
    this.view.scale = this.fit * zoom;
  }

  setColors(colors: Uint8Array): void {
    this.renderer.setColors(colors);
    this.drawn = "";
    this.redraw();
  }

  /** Ring some points, with lines from the first to others. */
  mark(rows: number[], links: [number, number][] = []): void {
    this.marked = rows;
    this.links = links;
    this.redraw();
  }

  /** Bring points into view, without zooming out of a close view that shows them all. */
  show(rows: number[]): void {
    const places = rows.map((row) => this.place(row));
    const xs = places.map(([x]) => x);
    const ys = places.map(([, y]) => y);
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const spread = Math.max(right - left, bottom - top, 1e-6);
    const [width, height] = this.size;
    const scale = Math.min(this.fit * 12, (0.5 * Math.min(width, height)) / spread);
    this.fly({ x: (left + right) / 2, y: (top + bottom) / 2, scale: Math.max(this.fit, scale) });
  }

  set lassoMode(on: boolean) {
    this.lassoing = on;
    this.polygon = [];
    this.element.classList.toggle("lassoing", on);
    this.redraw();
  }

  redraw(): void {
    if (!this.frame) {
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.draw();
      });
    }
  }

  private fly(to: View): void {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      Object.assign(this.view, to);
      this.redraw();
      this.hooks.moved();
      return;
    }
    const from = { ...this.view };
    const start = performance.now();
    const step = (now: number) => {
      const t = Math.min(1, (now - start) / 450);
      const eased = 1 - (1 - t) ** 3;
      this.view.x = from.x + (to.x - from.x) * eased;
      this.view.y = from.y + (to.y - from.y) * eased;
      this.view.scale = from.scale * (to.scale / from.scale) ** eased;
      this.redraw();
      if (t < 1) requestAnimationFrame(step);
      else this.hooks.moved();
    };
    requestAnimationFrame(step);
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width || !height || (width === this.size[0] && height === this.size[1])) return;
    const zoom = this.size[0] ? this.zoom : 1;
    this.size = [width, height];
    this.drawn = "";
    for (const canvas of [this.points, this.overlay]) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
    }
    this.fit = Math.min(width, height - NOTE);
    this.view.scale = this.fit * zoom;
    this.redraw();
  }

  private toMap(x: number, y: number): [number, number] {
    const { view, size } = this;
    return [view.x + (x - size[0] / 2) / view.scale, view.y + (y - size[1] / 2) / view.scale];
  }

  private toScreen(x: number, y: number): [number, number] {
    const { view, size } = this;
    return [(x - view.x) * view.scale + size[0] / 2, (y - view.y) * view.scale + size[1] / 2];
  }

  private zoomAt(x: number, y: number, factor: number): void {
    const before = this.toMap(x, y);
    this.view.scale = Math.min(this.fit * 3000, Math.max(this.fit * 0.5, this.view.scale * factor));
    const after = this.toMap(x, y);
    this.view.x += before[0] - after[0];
    this.view.y += before[1] - after[1];
    this.redraw();
    this.hooks.moved();
  }

  private pointSize(): number {
    const n = this.xy.length / 2;
    const base = Math.min(5, Math.max(1.2, 1.2 * Math.sqrt((this.fit * this.fit) / (n * 3))));
    return Math.min(11, base * Math.max(1, this.zoom) ** 0.45);
  }

  private draw(): void {
    const drawn = [this.view.x, this.view.y, this.view.scale, ...this.size, devicePixelRatio].join();
    if (drawn !== this.drawn) this.renderer.draw(this.view, this.pointSize());
    this.drawn = drawn;
    const context = this.overlay.getContext("2d")!;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, ...this.size);
    const style = getComputedStyle(this.element);
    const ink = style.getPropertyValue("--ink");
    const paper = style.getPropertyValue("--paper");
    const accent = style.getPropertyValue("--accent");
    this.drawLinks(context, accent);
    for (const [i, row] of this.marked.entries()) this.ring(context, this.place(row), i === 0 ? 8 : 6, i === 0 ? accent : ink, paper);
    if (this.hovered >= 0) this.ring(context, this.place(this.hovered), 7, ink, paper);
    this.drawLabels(context, ink, paper);
    if (this.own) this.drawOwn(context, accent, paper);
    if (this.polygon.length > 1) {
      context.beginPath();
      for (const point of this.polygon) context.lineTo(...this.toScreen(...point));
      context.closePath();
      context.globalAlpha = 0.12;
      context.fillStyle = accent;
      context.fill();
      context.globalAlpha = 1;
      context.strokeStyle = accent;
      context.lineWidth = 1.5;
      context.stroke();
    }
    if (this.center) {
      const [x, y] = [this.size[0] / 2, this.size[1] / 2];
      context.strokeStyle = ink;
      context.lineWidth = 1;
      context.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + 5 * dx, y + 5 * dy);
        context.lineTo(x + 14 * dx, y + 14 * dy);
      }
      context.stroke();
    }
  }

  private ring(context: CanvasRenderingContext2D, place: [number, number], radius: number, color: string, paper: string): void {
    const [x, y] = this.toScreen(...place);
    for (const [width, stroke] of [[4.5, paper], [2, color]] as const) {
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.lineWidth = width;
      context.strokeStyle = stroke;
      context.stroke();
    }
  }

  private drawOwn(context: CanvasRenderingContext2D, color: string, paper: string): void {
    const [x, y] = this.toScreen(...this.own!);
    context.beginPath();
    for (let i = 0; i < 10; i++) {
      const radius = i % 2 ? 5 : 12;
      context.lineTo(x + radius * Math.sin((i * Math.PI) / 5), y - radius * Math.cos((i * Math.PI) / 5));
    }
    context.closePath();
    context.lineWidth = 3;
    context.strokeStyle = paper;
    context.stroke();
    context.fillStyle = color;
    context.fill();
  }

  private drawLinks(context: CanvasRenderingContext2D, color: string): void {
    context.strokeStyle = color;
    context.lineWidth = 1;
    context.globalAlpha = 0.55;
    context.beginPath();
    for (const [from, to] of this.links) {
      context.moveTo(...this.toScreen(...this.place(from)));
      context.lineTo(...this.toScreen(...this.place(to)));
    }
    context.stroke();
    context.globalAlpha = 1;
  }

  /** Names of marked points, and of all points in view when they are few. */
  private drawLabels(context: CanvasRenderingContext2D, ink: string, paper: string): void {
    const [width, height] = this.size;
    const rows = this.marked.slice(0, 12);
    const seen: number[] = [];
    const [left, top] = this.toMap(0, 0);
    const [right, bottom] = this.toMap(width, height);
    if (this.zoom > 4) {
      this.grid.within(left, top, right, bottom, (row) => {
        if (this.hooks.visible(row)) seen.push(row);
        return seen.length < 400;
      });
      if (seen.length < 400) rows.push(...seen.slice(0, 4 * LABELS));
    }
    context.font = "500 11px system-ui, sans-serif";
    context.textBaseline = "middle";
    const taken: [number, number, number][] = [];
    const texts = new Map<string, [number, number][]>();
    let drawn = 0;
    for (const row of rows) {
      if (drawn >= LABELS) break;
      const text = this.hooks.label(row);
      const [x, y] = this.toScreen(...this.place(row));
      if (!text || x < 0 || y < 0 || x > width || y > height) continue;
      const near = texts.get(text) ?? [];
      if (near.some(([a, b]) => Math.hypot(a - x, b - y) < 90)) continue;
      const wide = context.measureText(text).width + 14;
      if (taken.some(([a, b, w]) => Math.abs(b - y) < 13 && x < a + w && a < x + wide)) continue;
      taken.push([x, y, wide]);
      texts.set(text, [...near, [x, y]]);
      context.lineWidth = 3;
      context.strokeStyle = paper;
      context.lineJoin = "round";
      context.strokeText(text, x + 10, y);
      context.fillStyle = ink;
      context.fillText(text, x + 10, y);
      drawn++;
    }
  }

  private at(event: { clientX: number; clientY: number }): [number, number] {
    const box = this.overlay.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** The point under a place on the screen. */
  private under(x: number, y: number): number {
    return this.grid.nearest(...this.toMap(x, y), Math.max(8, this.pointSize()) / this.view.scale, (row) => this.hooks.visible(row));
  }

  private hover(row: number, x = 0, y = 0): void {
    if (row !== this.hovered) {
      this.hovered = row;
      this.redraw();
    }
    this.tip.hidden = row < 0;
    this.overlay.style.cursor = row < 0 ? "" : "pointer";
    if (row < 0) return;
    const [first, ...rest] = this.hooks.describe(row);
    this.tip.replaceChildren(h("b", {}, first), ...rest.map((line) => h("div", {}, line)));
    const [width, height] = this.size;
    this.tip.style.left = `${Math.max(4, Math.min(x + 14, width - this.tip.offsetWidth - 8))}px`;
    this.tip.style.top = `${y + 18 + this.tip.offsetHeight > height ? y - this.tip.offsetHeight - 12 : y + 18}px`;
  }

  private listen(): void {
    const { overlay } = this;
    overlay.addEventListener("pointerdown", (event) => {
      overlay.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, this.at(event));
      this.travelled = 0;
      if (this.lassoing) this.polygon = [this.toMap(...this.at(event))];
    });
    overlay.addEventListener("pointermove", (event) => {
      const now = this.at(event);
      const before = this.pointers.get(event.pointerId);
      if (!before) {
        this.hover(this.under(...now), ...now);
        return;
      }
      this.travelled += Math.hypot(now[0] - before[0], now[1] - before[1]);
      if (this.pointers.size === 2) {
        const other = [...this.pointers].find(([id]) => id !== event.pointerId)![1];
        const factor = Math.hypot(now[0] - other[0], now[1] - other[1]) / Math.hypot(before[0] - other[0], before[1] - other[1]);
        this.zoomAt((now[0] + other[0]) / 2, (now[1] + other[1]) / 2, factor || 1);
      } else if (this.lassoing) {
        this.polygon.push(this.toMap(...now));
        this.redraw();
      } else if (this.travelled > 3) {
        this.hover(-1);
        this.view.x -= (now[0] - before[0]) / this.view.scale;
        this.view.y -= (now[1] - before[1]) / this.view.scale;
        this.redraw();
      }
      this.pointers.set(event.pointerId, now);
    });
    const up = (event: PointerEvent) => {
      if (!this.pointers.delete(event.pointerId)) return;
      if (this.lassoing) {
        const rows = this.polygon.length > 2 ? this.grid.inside(this.polygon).filter((row) => this.hooks.visible(row)) : [];
        this.lassoMode = false;
        this.lassoEnded();
        if (rows.length) this.hooks.lasso(rows);
      } else if (this.travelled <= 3) {
        const row = this.under(...this.at(event));
        if (row >= 0) this.hooks.pick(row);
      } else this.hooks.moved();
    };
    overlay.addEventListener("pointerup", up);
    overlay.addEventListener("pointercancel", up);
    overlay.addEventListener("pointerleave", () => this.hover(-1));
    overlay.addEventListener("dblclick", (event) => this.zoomAt(...this.at(event), 2));
    overlay.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.zoomAt(...this.at(event), Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0018)));
      },
      { passive: false },
    );
    overlay.addEventListener("keydown", (event) => this.key(event));
    overlay.addEventListener("blur", () => {
      this.center = false;
      this.hover(-1);
      this.redraw();
    });
  }

  private key(event: KeyboardEvent): void {
    const [x, y] = [this.size[0] / 2, this.size[1] / 2];
    const moves: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in moves) {
      const [dx, dy] = moves[event.key];
      this.view.x += (dx * 60) / this.view.scale;
      this.view.y += (dy * 60) / this.view.scale;
      this.hooks.moved();
    } else if (event.key === "+" || event.key === "=") this.zoomAt(x, y, 1.4);
    else if (event.key === "-") this.zoomAt(x, y, 1 / 1.4);
    else if (event.key === "0") this.reset();
    else if (event.key === "Enter") {
      const row = this.grid.nearest(...this.toMap(x, y), REACH / this.view.scale, (one) => this.hooks.visible(one));
      if (row >= 0) this.hooks.pick(row);
    } else return;
    event.preventDefault();
    this.center = true;
    const row = this.grid.nearest(...this.toMap(x, y), REACH / this.view.scale, (one) => this.hooks.visible(one));
    this.hover(row, x, y);
    this.hooks.say(row < 0 ? "No RNA at the center" : this.hooks.describe(row).join(", "));
    this.redraw();
  }
}
