/** Draws all points: WebGL, or pixels on a 2-d canvas where there is none. */

export interface View {
  /** Center of the view on the map (0 … 1), and CSS pixels per unit. */
  x: number;
  y: number;
  scale: number;
}

export interface Renderer {
  readonly kind: "webgl" | "canvas";
  /** Colors: four bytes per point; points of alpha below 128 lie behind the others. */
  setColors(colors: Uint8Array): void;
  draw(view: View, size: number): void;
}

const VERTEX = `
attribute vec2 point; attribute vec4 color;
uniform vec2 center, scale; uniform mediump float size; uniform float front;
varying vec4 tint;
void main() {
  bool shown = (color.a >= 0.5) == (front > 0.5);
  gl_Position = shown ? vec4((point - center) * scale, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = size;
  tint = color;
}`;
const FRAGMENT = `
precision mediump float;
uniform float size;
varying vec4 tint;
void main() {
  float edge = (0.5 - length(gl_PointCoord - 0.5)) * size;
  float alpha = size < 2.5 ? tint.a : tint.a * clamp(edge + 0.5, 0.0, 1.0);
  gl_FragColor = vec4(tint.rgb * alpha, alpha);
}`;

export function makeRenderer(canvas: HTMLCanvasElement, xy: Uint16Array, force2d: boolean): Renderer {
  const gl = force2d ? null : canvas.getContext("webgl", { antialias: false, premultipliedAlpha: true });
  return gl ? new WebGL(canvas, gl, xy) : new Canvas2d(canvas, xy);
}

class WebGL implements Renderer {
  readonly kind = "webgl";
  private colors!: WebGLBuffer;
  private uniforms: Record<string, WebGLUniformLocation | null> = {};
  private latest: Uint8Array | null = null;
  private layers = [1];

  constructor(private canvas: HTMLCanvasElement, private gl: WebGLRenderingContext, private xy: Uint16Array) {
    this.start();
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.start();
      if (this.latest) this.setColors(this.latest);
      canvas.dispatchEvent(new Event("redraw"));
    });
  }

  private start(): void {
    const { gl } = this;
    const program = gl.createProgram()!;
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
      const shader = gl.createShader(kind)!;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.bindAttribLocation(program, 0, "point");
    gl.bindAttribLocation(program, 1, "color");
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(program) ?? "WebGL");
    gl.useProgram(program);
    for (const name of ["center", "scale", "size", "front"]) this.uniforms[name] = gl.getUniformLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, this.xy, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.UNSIGNED_SHORT, true, 0, 0);
    this.colors = gl.createBuffer()!;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.colors);
    gl.bufferData(gl.ARRAY_BUFFER, this.xy.length * 2, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribPointer(1, 4, gl.UNSIGNED_BYTE, true, 0, 0);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  setColors(colors: Uint8Array): void {
    this.latest = colors;
    this.layers = [1];
    for (let i = 3; i < colors.length && this.layers.length === 1; i += 4) if (colors[i] < 128) this.layers = [0, 1];
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.colors);
    this.gl.bufferSubData(this.gl.ARRAY_BUFFER, 0, colors);
  }

  draw(view: View, size: number): void {
    const { gl, canvas, uniforms } = this;
    const ratio = devicePixelRatio;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(uniforms.center, view.x, view.y);
    gl.uniform2f(uniforms.scale, (2 * view.scale * ratio) / canvas.width, (-2 * view.scale * ratio) / canvas.height);
    gl.uniform1f(uniforms.size, size * ratio);
    for (const front of this.layers) {
      gl.uniform1f(uniforms.front, front);
      gl.drawArrays(gl.POINTS, 0, this.xy.length / 2);
    }
  }
}

class Canvas2d implements Renderer {
  readonly kind = "canvas";
  private colors = new Uint32Array(0);
  private behind = new Uint8Array(0);

  constructor(private canvas: HTMLCanvasElement, private xy: Uint16Array) {}

  setColors(colors: Uint8Array): void {
    this.colors = new Uint32Array(colors.slice().buffer);
    this.behind = new Uint8Array(this.colors.length);
    for (let i = 0; i < this.behind.length; i++) this.behind[i] = colors[4 * i + 3] < 128 ? 1 : 0;
  }

  draw(view: View, size: number): void {
    const context = this.canvas.getContext("2d")!;
    const { width, height } = this.canvas;
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const scale = (view.scale * devicePixelRatio) / 65535;
    const left = width / 2 - view.x * 65535 * scale;
    const top = height / 2 - view.y * 65535 * scale;
    const side = Math.max(1, Math.round(size * devicePixelRatio * 0.8));
    for (const behind of [1, 0]) {
      for (let i = 0; i < this.colors.length; i++) {
        if (this.behind[i] !== behind) continue;
        const x = (left + this.xy[2 * i] * scale) | 0;
        const y = (top + this.xy[2 * i + 1] * scale) | 0;
        if (x < 0 || y < 0 || x >= width - side || y >= height - side) continue;
        for (let row = 0; row < side; row++) {
          const at = (y + row) * width + x;
          for (let column = 0; column < side; column++) pixels[at + column] = this.colors[i];
        }
      }
    }
    context.putImageData(image, 0, 0);
  }
}
