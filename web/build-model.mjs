// Bundles src/model into src/isoclr/atlas/static/model.js: a script that defines window.isoclrModel.
//
// The bundle is one named function, so that it can hand its own text to a Web Worker: a page opened from a file
// may start a worker from a Blob only.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const hash = createHash("sha256");
for (const name of readdirSync(at("src/model")).filter((name) => name.endsWith(".ts")).sort()) {
  hash.update(readFileSync(at(`src/model/${name}`)));
}

await build({
  entryPoints: [at("src/model/index.ts")],
  outfile: `${process.argv[2] ?? at("../src/isoclr/atlas/static")}/model.js`,
  bundle: true,
  format: "iife",
  globalName: "isoclrModel",
  target: "es2020",
  charset: "ascii",
  banner: {
    js: `// isoclr's encoder and heads in the browser. Built from web/src/model by \`npm run build:model\`.
// sources: sha256 ${hash.digest("hex")}
function isoclrModelBundle() {`,
  },
  footer: { js: "return isoclrModel;\n}\nglobalThis.isoclrModel = isoclrModelBundle();" },
});
