// How the page gets an engine: in a worker, or on its own thread where there can be none.

import type { EngineApi, Payload } from "../format";
import { Engine } from "./engine";
import type { Answer, Method, Request } from "./protocol";

const METHODS: Method[] = [
  "run", "sample", "receptiveField", "explain", "topSamples", "saliency", "gradCam", "occlusion", "weightsAtEpoch",
  "weight", "centre", "cancel",
];

type Waiting = {
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
  progress: ((share: number) => void) | undefined;
};

/** The engine of a page's payload. `source`: the worker's script; default: what the build wrote into the page. */
export async function startEngine(payload: Payload, source = engineSource()): Promise<EngineApi> {
  const worker = source === null ? null : started(source);
  if (worker) {
    const remote = new Remote(worker);
    try {
      await remote.call("load", [payload]);
      return remote.api();
    } catch (error) {
      worker.terminate();
      if (!(error instanceof WorkerFailed)) throw error;
    }
  }
  const engine = new Engine();
  await engine.load(payload);
  return engine;
}

function engineSource(): string | null {
  return document.getElementById("engine")?.textContent || null;
}

/** A worker from the text of a script; null where the browser allows none (old ones, from file://). */
function started(source: string): Worker | null {
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    return new Worker(address);
  } catch {
    URL.revokeObjectURL(address);
    return null;
  }
}

class WorkerFailed extends Error {}

class Remote {
  private readonly waiting = new Map<number, Waiting>();
  private count = 0;

  constructor(private readonly worker: Worker) {
    worker.onmessage = ({ data }: MessageEvent<Answer>) => this.take(data);
    worker.onerror = (event) => {
      event.preventDefault();
      for (const { reject } of this.waiting.values()) reject(new WorkerFailed(event.message || "The worker did not start."));
      this.waiting.clear();
    };
  }

  private take(answer: Answer): void {
    const waiting = this.waiting.get(answer.id);
    if (!waiting) return;
    if ("progress" in answer) return waiting.progress?.(answer.progress);
    this.waiting.delete(answer.id);
    if ("error" in answer) {
      const error = new Error(answer.error);
      error.name = answer.name;
      waiting.reject(error);
    } else waiting.resolve(answer.result);
  }

  call(method: Request["method"], values: unknown[]): Promise<unknown> {
    const id = this.count++;
    const progress = values.find((v): v is (share: number) => void => typeof v === "function");
    const plain = values.filter((v) => typeof v !== "function");
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, progress });
      this.worker.postMessage({ id, method, values: plain } as Request);
    });
  }

  api(): EngineApi {
    const entries = METHODS.map((method) => [method, (...values: unknown[]) => this.call(method, values)]);
    return Object.fromEntries(entries) as EngineApi;
  }
}
