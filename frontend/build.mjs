// Makes v4graph/web/static/ from src/ and node_modules/: node build.mjs [folder]
// The same input gives the same bytes. Names carry a hash of the content, so what is served never changes.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import subset from "subset-font";

const HERE = dirname(fileURLToPath(import.meta.url));
const MODULES = join(HERE, "node_modules");
const OUT = resolve(process.argv[2] ?? join(HERE, "../v4graph/web/static"));
const PACKED = new Set([".css", ".js", ".mjs", ".json", ".geojson", ".svg", ".md"]);
const FIRST_CSS = ["fonts", "tokens", "base", "components"];
const START_CSS = ["home", "map", "search"]; // the pages layer of the start page, which carries its styles

const manifest = {};
const licensed = new Map();

// --- what every part of the build may use ---------------------------------------------------------------------------

function hashed(name, bytes) {
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 10);
  const ending = extname(name);
  return `${name.slice(0, -ending.length)}-${hash}${ending}`;
}

function write(path, bytes) {
  const file = join(OUT, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  if (PACKED.has(extname(path)) && bytes.length > 1000 && !path.endsWith(".md")) {
    writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
    writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params }));
  }
}

/** Publish bytes under a name of their own; pages find them by the logical name. */
function put(name, content) {
  const bytes = Buffer.from(content);
  manifest[name] = hashed(name, bytes);
  write(manifest[name], bytes);
  return manifest[name];
}

/** Publish a file of a package as it is, under the package's version: for what finds its neighbours by name. */
function copy(pkg, paths) {
  const { version } = JSON.parse(readFileSync(join(MODULES, pkg, "package.json"), "utf8"));
  for (const path of paths) {
    const name = `${basename(pkg)}-${version}/${basename(path)}`;
    manifest[`${basename(pkg)}/${basename(path)}`] = name;
    write(name, readFileSync(join(MODULES, pkg, path)));
  }
  uses(pkg);
}

/** Note that something of a package is published. */
function uses(pkg) {
  if (licensed.has(pkg)) return;
  const told = JSON.parse(readFileSync(join(MODULES, pkg, "package.json"), "utf8"));
  const file = readdirSync(join(MODULES, pkg)).sort().find((f) => /^(licen[cs]e|copying)/i.test(f));
  licensed.set(pkg, {
    version: told.version,
    licence: typeof told.license === "string" ? told.license : "see text",
    text: file ? readFileSync(join(MODULES, pkg, file), "utf8").trim() : "",
  });
}

// --- fonts ----------------------------------------------------------------------------------------------------------

const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => String.fromCodePoint(from + i)).join("");
const LETTERS = {
  latin: [`${range(0x20, 0x7e)}${range(0xa0, 0xff)}\u2009\u200a\u202f–—‘’‚“”„…‹›•€™←↑→↓−×≤≥`, "U+0000-00FF,U+2000-20CF,U+2100-22FF"],
  "latin-ext": [`${range(0x100, 0x17f)}ȘșȚțẞ`, "U+0100-02AF,U+1E00-1EFF"],
};
const FONTS = [
  // No family name may have a word that starts with a digit: the map would not find it.
  ["Source Serif", "source-serif-4", { wght: 600 }, "600"],
  ["Source Sans", "source-sans-3", { wght: { min: 400, max: 700, default: 400 } }, "400 700"],
  ["Source Code", "source-code-pro", { wght: 400 }, "400"],
];

async function fonts() {
  let css = "";
  for (const [family, pkg, variationAxes, weight] of FONTS) {
    for (const [part, [letters, unicodes]] of Object.entries(LETTERS)) {
      const file = join(MODULES, `@fontsource-variable/${pkg}/files/${pkg}-${part}-wght-normal.woff2`);
      const bytes = await subset(readFileSync(file), letters, { targetFormat: "woff2", variationAxes });
      const name = put(`fonts/${pkg}-${part}.woff2`, bytes);
      css +=
        `@font-face{font-family:"${family}";src:url("${name}") format("woff2");font-weight:${weight};` +
        `font-display:optional;unicode-range:${unicodes}}\n`;
    }
    uses(`@fontsource-variable/${pkg}`);
  }
  return css;
}

// --- icons ----------------------------------------------------------------------------------------------------------

/** The drawings of src/icons.txt by name: templates write them into the page, scripts import the same files. */
function icons() {
  const names = readFileSync(join(HERE, "src/icons.txt"), "utf8").split("\n").map((x) => x.trim()).filter(Boolean);
  const found = {};
  for (const name of [...new Set(names)].sort()) {
    const svg = readFileSync(join(MODULES, "lucide-static/icons", `${name}.svg`), "utf8");
    found[name] = svg.replace(/^[\s\S]*?<svg[^>]*>/, "").replace("</svg>", "").replace(/\s*\n\s*/g, "").replace(/ \/>/g, "/>");
  }
  write("icons.json", Buffer.from(`${JSON.stringify(found, null, 1)}\n`));
  uses("lucide-static");
}

// --- styles and scripts ---------------------------------------------------------------------------------------------

const style = {
  name: "style",
  setup(made) {
    made.onResolve({ filter: /^v4graph:/ }, (args) => ({ path: args.path, namespace: "v4graph" }));
    made.onLoad({ filter: /^v4graph:(style|start)/, namespace: "v4graph" }, ({ path }) => {
      const all = readdirSync(join(HERE, "src/css")).filter((f) => f.endsWith(".css")).map((f) => basename(f, ".css")).sort();
      const wanted = path === "v4graph:start" ? START_CSS : all;
      const own = wanted.filter((name) => !FIRST_CSS.includes(name) && name !== "print");
      const order = [...FIRST_CSS.filter((name) => name !== "fonts"), ...own, "print"];
      const contents = [
        "@layer tokens, base, components, pages, print;",
        ...order.map((name) => `@import "./css/${name}.css" layer(${own.includes(name) ? "pages" : name});`),
      ].join("\n");
      return { contents, loader: "css", resolveDir: join(HERE, "src") };
    });
  },
};

const OPTIONS = {
  bundle: true, minify: true, format: "esm", target: "es2022", charset: "utf8", legalComments: "none", metafile: true,
  write: false, logLevel: "warning", loader: { ".svg": "text" }, absWorkingDir: HERE,
};

function note(metafile) {
  for (const input of Object.keys(metafile.inputs)) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) uses(found[1]);
  }
}

async function styles(faces) {
  for (const name of ["style", "start"]) {
    const made = await build({ ...OPTIONS, entryPoints: [{ in: `v4graph:${name}`, out: name }], outdir: OUT, plugins: [style], external: ["*.woff2"] });
    put(`${name}.css`, faces.replaceAll("\n", "") + made.outputFiles[0].text);
  }
  const alone = join(HERE, "src/css/alone");
  if (!existsSync(alone)) return;
  for (const file of readdirSync(alone).filter((f) => f.endsWith(".css")).sort()) {
    const page = await build({ ...OPTIONS, entryPoints: [join(alone, file)], outdir: OUT });
    put(file, page.outputFiles[0].text);
  }
}

async function scripts() {
  const entries = readdirSync(join(HERE, "src")).filter((f) => f.endsWith(".ts") && !f.endsWith(".d.ts")).sort();
  const made = await build({
    ...OPTIONS, entryPoints: entries.map((f) => join(HERE, "src", f)), outdir: OUT, outbase: join(HERE, "src"),
    splitting: true, entryNames: "[name]-[hash]", chunkNames: "chunk-[hash]",
    external: ["*/maplibre-gl.mjs"],
  });
  note(made.metafile);
  for (const [path, told] of Object.entries(made.metafile.outputs)) {
    if (told.entryPoint) manifest[basename(told.entryPoint).replace(/\.ts$/, ".js")] = relative(OUT, resolve(HERE, path));
  }
  for (const file of made.outputFiles) write(relative(OUT, file.path), file.contents);
}

// --- what stands before a page is shown -----------------------------------------------------------------------------

/** The few characters of script that stand in the page itself, so that a chosen theme is there from the start. */
async function early() {
  const made = await build({ ...OPTIONS, entryPoints: [join(HERE, "src/early/theme.ts")], format: "iife", outdir: OUT });
  write("theme.js", Buffer.from(made.outputFiles[0].text.trim()));
}

// --- all together ---------------------------------------------------------------------------------------------------

function thirdParty() {
  const rows = [...licensed].sort(([a], [b]) => (a < b ? -1 : 1));
  const list = rows.map(([name, told]) => `| ${name} | ${told.version} | ${told.licence} |`).join("\n");
  const texts = rows.map(([name, told]) => `## ${name} ${told.version}\n\n\`\`\`\n${told.text}\n\`\`\``).join("\n\n");
  const head = "# What is published here and made by others\n\nWritten by frontend/build.mjs.\n\n| package | version | licence |\n|---|---|---|\n";
  write("THIRD_PARTY.md", Buffer.from(`${head}${list}\n\n${texts}\n`));
}

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
for (const file of readdirSync(join(HERE, "src/plain")).sort()) write(file, readFileSync(join(HERE, "src/plain", file)));
icons();
copy("maplibre-gl", ["dist/maplibre-gl.mjs", "dist/maplibre-gl-shared.mjs", "dist/maplibre-gl-worker.mjs", "dist/maplibre-gl.css"]);
await styles(await fonts());
await scripts();
await early();
const parts = join(HERE, "parts"); // one file per part of the portal that publishes more than scripts and styles
for (const file of existsSync(parts) ? readdirSync(parts).filter((f) => f.endsWith(".mjs")).sort() : []) {
  const { make } = await import(pathToFileURL(join(parts, file)));
  await make({ put, copy, uses, modules: MODULES, here: HERE });
}
thirdParty();
const sorted = Object.fromEntries(Object.entries(manifest).sort(([a], [b]) => (a < b ? -1 : 1)));
write("manifest.json", Buffer.from(`${JSON.stringify(sorted, null, 1)}\n`));
