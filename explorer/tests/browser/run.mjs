// The page in headless Chromium, opened from a file.
//
//   node tests/browser/run.mjs SPEC.json
//
// SPEC says where the pages lie and what Python expects (tests/visualization/test_explorer_browser.py
// writes it). Prints one line of JSON for each check: {"name", "ok", "error", "said"}. With "shots": a folder, pictures
// of all views are left there, to be looked at.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import * as checks from "./checks.mjs";
import { shoot } from "./shots.mjs";

const spec = JSON.parse(readFileSync(process.argv[2], "utf8"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: spec.chromium, args: ["--no-sandbox"] });

/** A page that keeps what should never happen: requests, messages, errors. */
async function open(file, { width = 1400, height = 950, dark = false, before = null, framed = false } = {}) {
  const context = await browser.newContext({
    viewport: { width, height }, colorScheme: dark ? "dark" : "light", acceptDownloads: true,
  });
  const page = await context.newPage();
  const faults = [];
  const address = `file://${file}`;
  page.on("request", (request) => {
    const url = request.url();
    if (url !== address && !url.startsWith("blob:") && !url.startsWith("data:")) faults.push(`request: ${url}`);
  });
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  if (before) await page.addInitScript(before);
  await page.goto(address);
  const shown = framed ? page.frameLocator("iframe") : page;
  await shown.locator("[data-testid=panel]:not([data-runs='0'])").waitFor({ timeout: 15_000 });
  return { page, faults, context };
}

let began = 0;

function report(name, error = null, said = null) {
  const seconds = (performance.now() - began) / 1000;
  console.log(JSON.stringify({ name, seconds, said, ok: error === null, error: error && String(error.message ?? error).slice(0, 2000) }));
}

for (const [name, check] of Object.entries(checks)) {
  if (spec.only && !name.includes(spec.only)) continue;
  const opened = [];
  began = performance.now();
  try {
    const said = await check({
      spec,
      axe,
      open: async (which, options) => {
        const made = await open(spec.pages[which], options);
        opened.push(made);
        return made.page;
      },
    });
    for (const { faults } of opened) if (faults.length) throw new Error(faults.join("\n"));
    report(name, null, said ?? null);
  } catch (error) {
    report(name, error);
  }
  for (const { context } of opened) await context.close();
}
if (spec.shots) await shoot(open, spec);
await browser.close();
