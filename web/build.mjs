// Builds the page into the Python package. The same source gives the same bytes: esbuild's version is pinned.
import { build } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";

const out = process.argv[2] ?? "../src/isoclr/atlas/static";
const options = {
  bundle: true,
  minify: true,
  charset: "ascii",
  target: "es2022",
  format: "iife",
  legalComments: "none",
  logLevel: "warning",
};
await build({ ...options, entryPoints: ["src/main.ts"], outfile: `${out}/atlas.js` });
const css = await build({ entryPoints: ["src/style.css"], minify: true, write: false, logLevel: "warning" });
const page = readFileSync("src/index.html", "utf8").replace("/* style */", () => css.outputFiles[0].text.trim());
writeFileSync(`${out}/index.html`, page);
