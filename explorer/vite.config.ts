import { svelte } from "@sveltejs/vite-plugin-svelte";
import { viteSingleFile } from "vite-plugin-singlefile";
import { defineConfig } from "vitest/config";
import { engineScript } from "./src/engine/embed";

// One HTML file, with the script, the worker and the styles inside it.
export default defineConfig({
  plugins: [svelte(), engineScript(), viteSingleFile({ removeViteModuleLoader: true })],
  build: { target: "es2022", outDir: "dist", modulePreload: false },
  test: { include: ["tests/**/*.test.ts", "src/**/*.test.ts"], environment: "node" },
});
