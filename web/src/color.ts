/** Colors of points. Classes: colors that people with color blindness tell apart. Numbers: viridis. */

import { Codes, ColumnInfo, MISSING, stepOf } from "./data";

/** Okabe and Ito's colors and further ones of Paul Tol's, for a light and a dark background. */
const LIGHT = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#882255", "#999933", "#332288", "#44aa99", "#aa4499", "#661100"];
const DARK = ["#4aa3df", "#f0b429", "#2ec59a", "#e39bc4", "#8fd3ff", "#ff7f3f", "#d1567f", "#c9c95a", "#8f86f0", "#6fd6c6", "#d57fd5", "#c98a6a"];
const VIRIDIS = ["#440154", "#482878", "#3e4a89", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];

export const SHOWN = LIGHT.length;

export function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

export function classColor(number: number, info?: ColumnInfo): string {
  if (info?.muted === number) number = 0;
  const colors = isDark() ? DARK : LIGHT;
  return number >= 1 && number <= colors.length ? colors[number - 1] : isDark() ? "#5b6472" : "#b5bcc6";
}

type Rgb = [number, number, number];
const rgb = (hex: string): Rgb => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as Rgb;

/** A color of the scale; the end that the background would swallow is left out. */
export function scaleColor(share: number): Rgb {
  const [low, high] = isDark() ? [0.18, 1] : [0, 0.93];
  const at = (low + Math.min(1, Math.max(0, share)) * (high - low)) * (VIRIDIS.length - 1);
  const left = Math.min(VIRIDIS.length - 2, Math.floor(at));
  const a = rgb(VIRIDIS[left]);
  const b = rgb(VIRIDIS[left + 1]);
  return a.map((value, i) => Math.round(value + (b[i] - value) * (at - left))) as Rgb;
}

export const css = ([r, g, b]: Rgb): string => `rgb(${r} ${g} ${b})`;

/** Negative effects are blue, positive ones orange. */
export function effectColor(share: number): string {
  const end: Rgb = share < 0 ? [0, 114, 178] : [213, 94, 0];
  const from: Rgb = isDark() ? [38, 44, 54] : [247, 247, 247];
  return css(from.map((value, i) => Math.round(value + (end[i] - value) * Math.min(1, Math.abs(share)))) as Rgb);
}

const FRONT = 235;
const BACK = 70;

/** Colors of all points.
 * @param only Number of the class that is shown alone, or 0.
 * @param chosen Rows that are shown alone, or null.
 */
export function pointColors(info: ColumnInfo, codes: Codes, only: number, chosen: Set<number> | null): Uint8Array {
  const colors = new Uint8Array(codes.length * 4);
  const words = new Uint32Array(colors.buffer);
  const word = ([r, g, b]: Rgb, alpha: number) => (r | (g << 8) | (b << 16) | (alpha << 24)) >>> 0;
  const unknown = word(isDark() ? [70, 77, 88] : [198, 203, 210], BACK);
  if (info.kind === "class") {
    const table = new Uint32Array(256).fill(unknown);
    info.classes.forEach((_, i) => {
      const visible = only === 0 ? i < SHOWN : only === i + 1;
      if (visible && (only || info.muted !== i + 1)) table[i + 1] = word(rgb(only && i >= SHOWN ? classColor(1) : classColor(i + 1, info)), FRONT);
      else if (!only) table[i + 1] = word(rgb(classColor(0)), BACK + 40);
    });
    for (let i = 0; i < codes.length; i++) words[i] = table[codes[i]];
  } else {
    const low = stepOf(info, info.inner[0]);
    const high = stepOf(info, info.inner[1]);
    const table = new Uint32Array(257);
    for (let i = 0; i < 256; i++) table[i] = word(scaleColor(i / 255), FRONT);
    for (let i = 0; i < codes.length; i++) {
      const share = (codes[i] - low) / (high - low || 1);
      words[i] = codes[i] === MISSING ? unknown : table[share <= 0 ? 0 : share >= 1 ? 255 : (share * 255) | 0];
    }
  }
  if (chosen) {
    for (let i = 0; i < codes.length; i++) if (!chosen.has(i)) words[i] = unknown;
  }
  return colors;
}

/** Counts of a number's values in equal bins of the central range, for the legend. */
export function histogram(info: ColumnInfo, codes: Codes, bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  const low = stepOf(info, info.inner[0]);
  const high = stepOf(info, info.inner[1]);
  for (const code of codes) {
    if (code !== MISSING) counts[Math.min(bins - 1, Math.max(0, Math.floor(((code - low) / (high - low || 1)) * bins)))]++;
  }
  return counts;
}
