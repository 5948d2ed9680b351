import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Packed, Payload, Tensor } from "../format";
import { toBfloat16, toFloat16 } from "./arrays";
import { startEngine } from "./client";
import { Engine } from "./engine";
import { unpack } from "./packed";
import { ROWS } from "./primitives";
import { digamma, erf, erfinv, lgamma, polygamma } from "./primitives/special";
import { philox } from "./primitives/random";

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

function raw(values: Float32Array, shape: number[]): Packed {
  return { dtype: "float32", shape, coding: "raw", deflate: false, data: base64(new Uint8Array(values.buffer)) };
}

/** y = relu(x w + b), z = softmax(y): two layers on an input of 3 features. */
function payload(count = 4): Payload {
  const layer = (name: string, value: number, size: number) => ({
    name, path: name, className: "Dense", kind: value === 0 ? "input" : "dense", parent: null, depth: 0, inputs: [],
    arguments: value === 0 ? [] : [{ value: 0, shape: [3], layer: 0, output: 0 }],
    outputs: [{ shape: [size], dtype: "float32", view: { kind: "vector" }, value }],
    live: true, parameters: 0, trainable: 0, flops: 0,
    weights: value === 5 ? [{ role: "kernel", weight: 0 }, { role: "bias", weight: 1 }] : [],
    config: {}, activation: value === 5 ? "relu" : null, geometry: null, receptive: null, explainable: value !== 0,
    parts: [], gradient: false,
  });
  const values = [[1, 3], [3, 2], [2], [1, 2], [1, 2], [1, 2], [1, 2]].map((shape) => ({ shape, dtype: "float32" }));
  const samples = Float32Array.from({ length: 3 * count }, (_, i) => Math.sin(i));
  return {
    format: 1, generator: "", title: "", limits: [], classNames: [], edges: [], top: [], statistics: [], precomputed: [],
    recording: null, evaluation: null,
    model: { name: "m", className: "Sequential", parameters: 8, trainable: 8, flops: 0, code: "", codeIsWhole: true },
    inputs: [{ name: "x", layer: 0, shape: [3], dtype: "float32", kind: "table", image: null, columns: [], tokens: [], low: 0, high: 1 }],
    outputs: [{ name: "z", layer: 2, index: 0, shape: [2], kind: "probabilities" }],
    layers: [layer("x", 0, 3), layer("y", 5, 2), layer("z", 6, 2)],
    weights: [
      { name: "w", layer: 1, role: "kernel", trainable: true, shape: [3, 2], values: raw(new Float32Array([1, -1, 2, 0, 3, 1]), [3, 2]) },
      { name: "b", layer: 1, role: "bias", trainable: true, shape: [2], values: raw(new Float32Array([0.5, -9]), [2]) },
    ],
    program: {
      values, inputs: [0], weights: [1, 2], constants: [], outputs: [6], texts: [], gradient: null,
      steps: [
        { op: "matmul", in: [0, 1], out: [3], static: { transpose_a: false, transpose_b: false } },
        { op: "add", in: [3, 2], out: [4], static: {} },
        { op: "relu", in: [4], out: [5], static: {} },
        { op: "softmax", in: [5], out: [6], static: { axis: 1 } },
      ],
    },
    data: { count, total: count, exact: true, inputs: [raw(samples, [count, 3])], labels: null, predicted: [], outputs: raw(new Float32Array(0), [0]), names: [], texts: [null], targets: null },
  } as unknown as Payload;
}

async function engine(count?: number): Promise<Engine> {
  const made = new Engine();
  await made.load(payload(count));
  return made;
}

const sample = { inputs: [{ shape: [3], data: new Float32Array([1, 2, 3]) }] };

describe("the engine", () => {
  it("runs a program and explains a unit", async () => {
    const made = await engine();
    const { layers, outputs } = await made.run(sample);
    expect([...(layers[1][0] as Tensor).data]).toEqual([14.5, 0]);
    expect(outputs[0]!.data[0]).toBeCloseTo(1 / (1 + Math.exp(-14.5)), 6);
    const told = await made.explain(1, [1]);
    expect(told.terms.map((t) => t.product)).toEqual([-1, 0, 3]);
    expect([told.sum, told.bias, told.preactivation, told.output]).toEqual([2, -9, -7, 0]);
    expect((await made.explain(1, [0], 2)).terms.length).toBe(2);
  });

  it("finds what excites a unit, and can be cancelled", async () => {
    const made = await engine();
    const top = await made.topSamples(1, 0, 2);
    expect(top.map((t) => t.sample)).toEqual([0, 2]);
    const many = await engine(200_000);
    const slow = many.topSamples(1, 0);
    await many.cancel();
    await expect(slow).rejects.toMatchObject({ name: "AbortError" });
  });

  it("refuses inputs that do not fit", async () => {
    const made = await engine();
    await expect(made.run({ inputs: [{ shape: [2], data: new Float32Array(2) }] })).rejects.toThrow("expected 3");
    const odd = payload();
    odd.program!.steps[0].op = "nothing";
    await made.load(odd);
    await expect(made.run(sample)).rejects.toThrow("does not know the primitive nothing");
  });

  it("is started on the page's thread where there are no workers", async () => {
    const made = await startEngine(payload(), null);
    expect((await made.run(sample)).layers[1][0]!.data[0]).toBe(14.5);
  });
});

describe("what Python counts on", () => {
  it("is the same list of primitives", () => {
    const source = readFileSync(new URL("../../../minikeras/visualization/explorer/known.py", import.meta.url), "utf8");
    const list = /KNOWN = frozenset\(([\s\S]*?)\)\s*# fmt/.exec(source)![1];
    const names = [...list.matchAll(/"([a-z0-9_]+)"/g)].map((m) => m[1]);
    expect(names.length).toBeGreaterThan(100);
    expect(names.sort()).toEqual(Object.keys(ROWS).sort());
  });
});

describe("numbers", () => {
  it("round to 16 bits as IEEE says", () => {
    expect([65504, 65519.9, 65520, 2 ** -24, 2 ** -25, 1 + 2 ** -11, 1 + 3 * 2 ** -11].map(toFloat16)).toEqual([
      65504, 65504, Infinity, 2 ** -24, 0, 1, 1 + 2 ** -9,
    ]);
    expect(Object.is(toFloat16(-1e-9), -0)).toBe(true);
    expect([1 + 2 ** -8, 1 + 3 * 2 ** -8, -3.4e38].map(toBfloat16)).toEqual([1, 1 + 2 ** -6, -Infinity]);
    expect(toFloat16(NaN)).toBeNaN();
  });

  it("come from special functions", () => {
    expect(erf(0.5)).toBeCloseTo(0.5204998778130465, 14);
    expect(erf(3)).toBeCloseTo(0.9999779095030014, 14);
    expect(erfinv(erf(1.25))).toBeCloseTo(1.25, 12);
    expect(erfinv(1)).toBe(Infinity);
    expect(lgamma(0.3)).toBeCloseTo(1.0957979948180756, 12);
    expect(digamma(1)).toBeCloseTo(-0.5772156649015329, 12);
    expect(polygamma(1, 1)).toBeCloseTo(Math.PI ** 2 / 6, 12);
  });

  it("are drawn as Philox says", () => {
    expect(philox(0, 0, 0).map((w) => w.toString(16))).toEqual(["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]);
  });

  it("are unpacked: bytes with differences, wrapped", async () => {
    const packed: Packed = {
      dtype: "float32", shape: [3, 2], coding: "bytes", low: -1, step: 0.5, delta: true, deflate: false,
      data: base64(new Uint8Array([1, 250, 255, 10, 2, 0])),
    };
    expect([...(await unpack(packed)).data]).toEqual([-0.5, 124, -1, 1, 0, 1]);
  });
});
