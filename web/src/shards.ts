/** Shards: scripts that hand over their data, because a page opened from disk cannot fetch files. See shards.py. */

export type Numbers = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Float32Array;
export interface Shard<V> {
  values: V;
  arrays: Record<string, Numbers>;
}

const TYPES: Record<string, new (buffer: ArrayBuffer, start: number, length: number) => Numbers> = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  float32: Float32Array,
};
const waiting = new Map<string, (text: string) => void>();
const loaded = new Map<string, Promise<Shard<any>>>();

(globalThis as any).isoclrShard = (name: string, text: string) => {
  waiting.get(name)?.(text);
  waiting.delete(name);
};

/** Run a script next to the page. */
export function loadScript(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.onload = () => {
      script.remove();
      resolve();
    };
    script.onerror = () => reject(new Error(`${path} could not be loaded`));
    script.src = path;
    document.head.append(script);
  });
}

export function loadShard<V>(name: string): Promise<Shard<V>> {
  let shard = loaded.get(name);
  if (!shard) {
    shard = read<V>(name);
    loaded.set(name, shard);
    shard.catch(() => loaded.delete(name));
  }
  return shard;
}

async function read<V>(name: string): Promise<Shard<V>> {
  let text = "";
  waiting.set(name, (given) => (text = given));
  await loadScript(`data/${name}.js`);
  return unpack<V>(await unzip(fromBase64(text)));
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const native = (Uint8Array as any).fromBase64;
  if (native) return native.call(Uint8Array, text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function unzip(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

function unpack<V>(buffer: ArrayBuffer): Shard<V> {
  const size = new DataView(buffer).getUint32(0, true);
  const values = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  const arrays: Record<string, Numbers> = {};
  for (const [name, [kind, start, length]] of Object.entries<[string, number, number]>(values.arrays)) {
    arrays[name] = new TYPES[kind](buffer, 4 + size + start, length);
  }
  return { values, arrays };
}
