/** A list of names as one text: the browser takes seconds to make a million strings, and searches one in milliseconds. */

export class Lines {
  private text: string;
  private lower = "";
  /** Where each line begins, and where one after the last would. */
  private starts: Uint32Array | null = null;

  constructor(text: string, private count: number) {
    this.text = `\n${text}\n`;
  }

  at(i: number): string {
    const starts = this.begin();
    return this.text.slice(starts[i], starts[i + 1] - 1);
  }

  /** Numbers of the lines that are, begin with, or contain a text in lower case, whatever their own case. */
  *find(wanted: string, where: "whole" | "start" | "anywhere"): Generator<number> {
    const starts = this.begin();
    if (!this.lower) this.lower = lowerCase(this.text);
    const pattern = (where === "anywhere" ? "" : "\n") + wanted + (where === "whole" ? "\n" : "");
    for (let at = this.lower.indexOf(pattern); at >= 0; ) {
      const i = this.lineOf(where === "anywhere" ? at : at + 1);
      yield i;
      at = this.lower.indexOf(pattern, starts[i + 1] - 1);
    }
  }

  private begin(): Uint32Array {
    if (!this.starts) {
      this.starts = new Uint32Array(this.count + 1);
      for (let i = 0, at = 0; i <= this.count; i++, at = this.text.indexOf("\n", at)) this.starts[i] = ++at;
    }
    return this.starts;
  }

  private lineOf(at: number): number {
    const starts = this.begin();
    let low = 0;
    let high = this.count;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= at) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** Lower case of the same length: the few letters that would become two stay as they are. */
function lowerCase(text: string): string {
  const lower = text.toLowerCase();
  if (lower.length === text.length) return lower;
  return Array.from(text, (one) => (one.toLowerCase().length === one.length ? one.toLowerCase() : one)).join("");
}
