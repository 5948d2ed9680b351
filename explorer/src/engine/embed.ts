// A vite plugin: writes the engine's worker into the page as text, for client.ts to start.
//
// The text stands in <script type="text/plain" id="engine">, which browsers do not run. Python's
// tests take it from the shipped page and run it in node.

import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Plugin } from "vite";

const ENTRY = fileURLToPath(new URL("./worker.ts", import.meta.url));

/** The worker as one classic script. */
export async function bundled(): Promise<string> {
  const made = await build({
    entryPoints: [ENTRY],
    bundle: true,
    format: "iife",
    target: "es2022",
    minify: true,
    legalComments: "none",
    charset: "ascii",
    write: false,
  });
  const text = made.outputFiles[0]!.text.trim();
  // Nothing in it may end the element.
  return text.replace(/<\/(script)/gi, "<\\/$1").replace(/<!--/g, "<\\!--");
}

export function engineScript(): Plugin {
  return {
    name: "minikeras-engine",
    async transformIndexHtml() {
      return [{ tag: "script", attrs: { type: "text/plain", id: "engine" }, children: await bundled(), injectTo: "body" }];
    },
  };
}
