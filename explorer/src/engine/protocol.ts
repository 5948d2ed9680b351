// What goes between the page and its worker.

import type { EngineApi, Payload } from "../format";

export type Method = keyof EngineApi;

export type Request =
  | { id: number; method: "load"; values: [Payload] }
  | { id: number; method: Method; values: unknown[]; progress?: boolean };

export type Answer =
  | { id: number; result: unknown }
  | { id: number; progress: number }
  | { id: number; error: string; name: string };
