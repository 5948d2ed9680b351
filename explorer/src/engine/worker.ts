// The engine in a worker: takes requests in order, answers each.

import type { EngineApi } from "../format";
import { Engine } from "./engine";
import type { Answer, Method, Request } from "./protocol";

const engine = new Engine();

async function answer(request: Request, reply: (answer: Answer) => void): Promise<void> {
  const { id } = request;
  try {
    if (request.method === "load") {
      await engine.load(request.values[0]);
      return reply({ id, result: null });
    }
    const values: unknown[] = [...request.values];
    if (request.method === "occlusion") values[2] = (share: number) => reply({ id, progress: share });
    const method = engine[request.method as Method] as (...values: unknown[]) => ReturnType<EngineApi[Method]>;
    reply({ id, result: await method.apply(engine, values) });
  } catch (error) {
    const { message, name } = error as Error;
    reply({ id, error: message, name });
  }
}

self.onmessage = (event: MessageEvent<Request>) => {
  void answer(event.data, (made) => self.postMessage(made));
};
