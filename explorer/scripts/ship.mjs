// dist/index.html -> minikeras/visualization/explorer/page.html; with `--check FILE` instead, whether FILE, built
// somewhere else, gives what is shipped. The policy that is written in allows this page's own script, by its
// hash, and no connection to anywhere.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const SLOT = "__PAYLOAD__";
const MOST_BYTES = 400_000;
const root = new URL("../", import.meta.url);
const shipped = new URL("../../minikeras/visualization/explorer/page.html", import.meta.url);

/** One digest of all that the page is built from, so that Python can tell without npm whether the page is old. */
function sources() {
  const files = readdirSync(new URL("src", root), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(fileURLToPath(root).length).replaceAll("\\", "/"));
  files.push("index.html", "package-lock.json", "scripts/ship.mjs", "svelte.config.js", "tsconfig.json", "vite.config.ts");
  const digest = createHash("sha256");
  for (const file of files.sort()) digest.update(`${file}\0`).update(readFileSync(new URL(file, root))).update("\0");
  return digest.digest("hex");
}

function page(html) {
  const scripts = [...html.matchAll(/<script type="module"[^>]*>([\s\S]*?)<\/script>/g)];
  if (scripts.length !== 1) throw new Error(`one inline script expected, found ${scripts.length}`);
  const digest = createHash("sha256").update(scripts[0][1]).digest("base64");
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${digest}' blob:`,
    "worker-src blob:",
    "style-src 'unsafe-inline'",
    "img-src data: blob:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const whole = html.replace("__POLICY__", () => policy).replace("__SOURCES__", sources);
  if (whole.split(SLOT).length !== 2) throw new Error(`the page must hold ${SLOT} once`);
  if (/<(script|link|img)[^>]+(src|href)="(?!data:)/.test(whole.replace(scripts[0][1], "")))
    throw new Error("the page refers to another file");
  if (Buffer.byteLength(whole) > MOST_BYTES)
    throw new Error(`the page has ${Buffer.byteLength(whole)} bytes, more than ${MOST_BYTES}`);
  return whole;
}

const check = process.argv.indexOf("--check");
if (check > 0) {
  if (readFileSync(shipped, "utf8") !== page(readFileSync(process.argv[check + 1], "utf8"))) {
    console.error(`${fileURLToPath(shipped)} is not what the sources build: npm run build`);
    process.exit(1);
  }
} else {
  const fresh = page(readFileSync(new URL("dist/index.html", root), "utf8"));
  mkdirSync(dirname(fileURLToPath(shipped)), { recursive: true });
  writeFileSync(shipped, fresh);
  console.log(`${fileURLToPath(shipped)}: ${Buffer.byteLength(fresh)} bytes`);
}
