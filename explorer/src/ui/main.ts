import { mount } from "svelte";
import { startEngine } from "../engine/client";
import type { Payload } from "../format";
import App from "./App.svelte";
import "./theme.css";

const target = document.getElementById("app")!;

function fail(text: string): void {
  const line = document.createElement("p");
  line.setAttribute("role", "alert");
  line.style.padding = "1.5rem";
  line.textContent = text;
  target.replaceChildren(line);
}

async function start(): Promise<void> {
  const slot = document.getElementById("payload")!.textContent!;
  if (slot.startsWith("__")) {
    fail("This is the explorer's template: `minikeras explore model.keras` puts a network into it.");
    return;
  }
  const payload = JSON.parse(slot) as Payload;
  if (payload.format !== 1) throw new Error(`the page reads format 1, and holds format ${String(payload.format)}`);
  mount(App, { target, props: { payload, engine: await startEngine(payload) } });
}

start().catch((error: unknown) => fail(`The explorer could not start: ${error instanceof Error ? error.message : String(error)}`));
