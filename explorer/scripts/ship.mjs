// dist/index.html -> minikeras/visualization/explorer/page.html, or, with --check, says whether
// they are the same. The policy that is written in allows this page's own script, by its hash, and
// no connection to anywhere.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const SLOT = "__PAYLOAD__";
const MOST_BYTES = 400_000;
const built = new URL("../dist/index.html", import.meta.url);
const shipped = new URL("../../minikeras/visualization/explorer/page.html", import.meta.url);

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
  const whole = html.replace("__POLICY__", () => policy);
  if (whole.split(SLOT).length !== 2) throw new Error(`the page must hold ${SLOT} once`);
  if (/<(script|link|img)[^>]+(src|href)="(?!data:)/.test(whole.replace(scripts[0][1], "")))
    throw new Error("the page refers to another file");
  if (Buffer.byteLength(whole) > MOST_BYTES)
    throw new Error(`the page has ${Buffer.byteLength(whole)} bytes, more than ${MOST_BYTES}`);
  return whole;
}

const fresh = page(readFileSync(built, "utf8"));
if (process.argv.includes("--check")) {
  if (readFileSync(shipped, "utf8") !== fresh) {
    console.error(`${fileURLToPath(shipped)} is not what the sources build: npm run build`);
    process.exit(1);
  }
} else {
  mkdirSync(dirname(fileURLToPath(shipped)), { recursive: true });
  writeFileSync(shipped, fresh);
  console.log(`${fileURLToPath(shipped)}: ${Buffer.byteLength(fresh)} bytes`);
}
