/** Finds points by place: a grid of cells, each with the rows of its points. */

const SIDE = 512;

export class Grid {
  private starts = new Uint32Array(SIDE * SIDE + 1);
  private rows: Uint32Array;

  constructor(private xy: Uint16Array) {
    const n = xy.length / 2;
    const cells = new Uint32Array(n);
    for (let i = 0; i < n; i++) {
      cells[i] = (xy[2 * i + 1] >> 7) * SIDE + (xy[2 * i] >> 7);
      this.starts[cells[i] + 1]++;
    }
    for (let i = 0; i < SIDE * SIDE; i++) this.starts[i + 1] += this.starts[i];
    const next = this.starts.slice();
    this.rows = new Uint32Array(n);
    for (let i = 0; i < n; i++) this.rows[next[cells[i]]++] = i;
  }

  /** Calls back with every point of a rectangle (0 … 1); stops when the answer is false. */
  within(left: number, top: number, right: number, bottom: number, found: (row: number) => boolean | void): void {
    const clamp = (value: number) => Math.min(SIDE - 1, Math.max(0, Math.floor(value * SIDE)));
    for (let y = clamp(top); y <= clamp(bottom); y++) {
      for (let i = this.starts[y * SIDE + clamp(left)]; i < this.starts[y * SIDE + clamp(right) + 1]; i++) {
        const row = this.rows[i];
        const px = this.xy[2 * row] / 65535;
        const py = this.xy[2 * row + 1] / 65535;
        if (px >= left && px <= right && py >= top && py <= bottom && found(row) === false) return;
      }
    }
  }

  /** The nearest point that is accepted, at most a radius away; −1 if there is none. */
  nearest(x: number, y: number, radius: number, accept: (row: number) => boolean): number {
    let best = -1;
    let limit = radius * radius;
    this.within(x - radius, y - radius, x + radius, y + radius, (row) => {
      const distance = (this.xy[2 * row] / 65535 - x) ** 2 + (this.xy[2 * row + 1] / 65535 - y) ** 2;
      if (distance <= limit && accept(row)) {
        best = row;
        limit = distance;
      }
    });
    return best;
  }

  /** Rows of the points in a polygon, ascending. */
  inside(polygon: [number, number][]): number[] {
    const xs = polygon.map(([x]) => x);
    const ys = polygon.map(([, y]) => y);
    const result: number[] = [];
    this.within(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), (row) => {
      const x = this.xy[2 * row] / 65535;
      const y = this.xy[2 * row + 1] / 65535;
      let odd = false;
      for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
        if (ys[i] > y !== ys[j] > y && x < ((xs[j] - xs[i]) * (y - ys[i])) / (ys[j] - ys[i]) + xs[i]) odd = !odd;
      }
      if (odd) result.push(row);
    });
    return result.sort((a, b) => a - b);
  }
}
