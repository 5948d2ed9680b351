// How a unit's value comes about: the multiply-adds of its window.

import type { Data, Explanation, LayerInfo, Payload, Tensor, Term } from "../format";
import { offset, size, unravel } from "./arrays";

const MOST = 4096;

/** What an explanation is made from: the layer's arguments and result at the last run, and its weights. */
export interface Scene {
  layer: number;
  info: LayerInfo;
  arguments: Tensor[];
  output: Tensor;
  weight: (role: string) => Tensor | null;
  /** Places of each argument that the unit depends on; null if on none of it. */
  sees: (argument: number) => Uint8Array | null;
}

type Found = Partial<Omit<Explanation, "terms">> & { terms: Iterable<Term> };

/** The explanation of a unit of the layer's first output. */
export function explained(scene: Scene, unit: number[], most = MOST): Explanation {
  const { info } = scene;
  const teller = TELLERS[info.kind];
  const found = (teller && scene.arguments.length ? teller(scene, unit) : null) ?? seen(scene, unit);
  const terms: Term[] = [];
  let total = 0;
  let sum = 0;
  for (const term of found.terms) {
    if (terms.length < most) terms.push(term);
    total++;
    if (term.inside) sum += term.product;
  }
  const bias = found.bias ?? 0;
  return {
    layer: scene.layer,
    unit,
    how: found.how ?? "values",
    source: info.arguments[0]?.layer ?? -1,
    terms,
    total,
    grid: found.grid ?? [total],
    sum: found.sum ?? sum,
    bias,
    preactivation: found.preactivation ?? (found.sum ?? sum) + bias,
    activation: info.activation,
    output: scene.output.data[offset(scene.output.shape, unit)],
    note: found.note ?? "",
  };
}

type Teller = (scene: Scene, unit: number[]) => Found | null;

/** Axes of a layer's arrays (without the batch): its channels, and the others in order. */
interface Layout {
  channel: number;
  spatial: number[];
}

function layout(info: LayerInfo, rank: number): Layout {
  const first = info.config["data_format"] === "channels_first";
  const channel = first ? 0 : rank - 1;
  return { channel, spatial: Array.from({ length: rank }, (_, i) => i).filter((i) => i !== channel) };
}

function joined({ channel, spatial }: Layout, places: readonly number[], c: number): number[] {
  const index = new Array<number>(spatial.length + 1);
  index[channel] = c;
  spatial.forEach((axis, i) => (index[axis] = places[i]));
  return index;
}

function look(x: Tensor, place: number[], argument = 0): Pick<Term, "place" | "argument" | "inside" | "input"> {
  const inside = place.every((p, i) => p >= 0 && p < x.shape[i]);
  return { place, argument, inside, input: inside ? x.data[offset(x.shape, place)] : 0 };
}

/** For each cell of a unit's window its place in the input. */
function* cells(info: LayerInfo, at: readonly number[]): Generator<[number, number[]]> {
  const { kernel, strides, padding, dilation } = info.geometry!;
  const count = size(kernel);
  for (let cell = 0; cell < count; cell++) {
    const k = unravel(kernel, cell);
    yield [cell, k.map((offset, i) => at[i] * strides[i] - padding[i][0] + offset * dilation[i])];
  }
}

function biasAt(scene: Scene, channel: number): number {
  return scene.weight("bias")?.data[channel] ?? 0;
}

const conv: Teller = (scene, unit) => {
  const { info } = scene;
  const [x] = scene.arguments;
  const kernel = scene.weight("kernel");
  if (!kernel || !info.geometry) return null;
  const axes = layout(info, x.shape.length);
  const [deep, filters] = kernel.shape.slice(-2);
  const filter = unit[axes.channel];
  const first = Math.floor(filter / (filters / info.geometry.groups)) * deep;
  const at = axes.spatial.map((axis) => unit[axis]);
  function* terms(): Generator<Term> {
    for (const [cell, place] of cells(info, at))
      for (let c = 0; c < deep; c++) {
        const seen = look(x, joined(axes, place, first + c));
        const weight = kernel!.data[(cell * deep + c) * filters + filter];
        yield { ...seen, weight, product: seen.input * weight };
      }
  }
  return { how: "sum", terms: terms(), grid: [...info.geometry.kernel, deep], bias: biasAt(scene, filter), note: padded(info) };
};

function padded(info: LayerInfo): string {
  return info.geometry?.padding.some(([a, b]) => a || b) ? "Places outside of the input count as 0." : "";
}

const depthwise: Teller = (scene, unit) => {
  const { info } = scene;
  const [x] = scene.arguments;
  const kernel = scene.weight("kernel") ?? scene.weight("depthwise_kernel");
  if (!kernel || !info.geometry) return null;
  const axes = layout(info, x.shape.length);
  const [channels, multiplier] = kernel.shape.slice(-2);
  const filter = unit[axes.channel];
  const c = Math.floor(filter / multiplier);
  const at = axes.spatial.map((axis) => unit[axis]);
  function* terms(): Generator<Term> {
    for (const [cell, place] of cells(info, at)) {
      const seen = look(x, joined(axes, place, c));
      const weight = kernel!.data[(cell * channels + c) * multiplier + (filter % multiplier)];
      yield { ...seen, weight, product: seen.input * weight };
    }
  }
  return { how: "sum", terms: terms(), grid: [...info.geometry.kernel, 1], bias: biasAt(scene, filter), note: padded(info) };
};

/** The two kernels of a separable convolution act as one. */
const separable: Teller = (scene, unit) => {
  const { info } = scene;
  const [x] = scene.arguments;
  const depth = scene.weight("depthwise_kernel");
  const point = scene.weight("pointwise_kernel");
  if (!depth || !point || !info.geometry) return null;
  const axes = layout(info, x.shape.length);
  const [channels, multiplier] = depth.shape.slice(-2);
  const filters = point.shape[point.shape.length - 1];
  const filter = unit[axes.channel];
  const at = axes.spatial.map((axis) => unit[axis]);
  function* terms(): Generator<Term> {
    for (const [cell, place] of cells(info, at))
      for (let c = 0; c < channels; c++) {
        let weight = 0;
        for (let m = 0; m < multiplier; m++)
          weight +=
            depth!.data[(cell * channels + c) * multiplier + m] * point!.data[(c * multiplier + m) * filters + filter];
        const seen = look(x, joined(axes, place, c));
        yield { ...seen, weight, product: seen.input * weight };
      }
  }
  return {
    how: "sum", terms: terms(), grid: [...info.geometry.kernel, channels], bias: biasAt(scene, filter),
    note: "Each weight is the depthwise one times the pointwise one.",
  };
};

/** Every input place spreads a kernel over the result; a unit adds up what reaches it. */
const transposed: Teller = (scene, unit) => {
  const { info } = scene;
  const [x] = scene.arguments;
  const kernel = scene.weight("kernel");
  if (!kernel || !info.geometry) return null;
  const axes = layout(info, x.shape.length);
  const { kernel: sides, strides, padding, dilation } = info.geometry;
  const [filters, channels] = kernel.shape.slice(-2);
  const filter = unit[axes.channel];
  const at = axes.spatial.map((axis) => unit[axis]);
  function* terms(): Generator<Term> {
    for (let cell = 0; cell < size(sides); cell++) {
      const scaled = unravel(sides, cell).map((k, i) => at[i] + padding[i][0] - k * dilation[i]);
      if (scaled.some((p, i) => p % strides[i] !== 0)) continue;
      const place = scaled.map((p, i) => p / strides[i]);
      for (let c = 0; c < channels; c++) {
        const seen = look(x, joined(axes, place, c));
        if (!seen.inside) continue;
        const weight = kernel!.data[(cell * filters + filter) * channels + c];
        yield { ...seen, weight, product: seen.input * weight };
      }
    }
  }
  return { how: "sum", terms: terms(), bias: biasAt(scene, filter), note: "The input places whose kernels reach this unit." };
};

const dense: Teller = (scene, unit) => {
  const [x] = scene.arguments;
  const kernel = scene.weight("kernel");
  if (!kernel || kernel.shape.length !== 2) return null;
  const [inputs, units] = kernel.shape;
  const j = unit[unit.length - 1];
  function* terms(): Generator<Term> {
    for (let i = 0; i < inputs; i++) {
      const seen = look(x, [...unit.slice(0, -1), i]);
      const weight = kernel!.data[i * units + j];
      yield { ...seen, weight, product: seen.input * weight };
    }
  }
  const note = scene.info.activation === "softmax" ? "Softmax compares this sum with those of all other units." : "";
  return { how: "sum", terms: terms(), grid: [inputs], bias: biasAt(scene, j), note };
};

const pool: Teller = (scene, unit) => {
  const { info } = scene;
  const [x] = scene.arguments;
  if (!info.geometry) return null;
  const axes = layout(info, x.shape.length);
  const at = axes.spatial.map((axis) => unit[axis]);
  const looked = [...cells(info, at)].map(([, place]) => look(x, joined(axes, place, unit[axes.channel])));
  return pooled(looked, info.geometry.pool!, info.geometry.kernel);
};

function pooled(looked: Omit<Term, "weight" | "product">[], kind: "max" | "average", grid: number[]): Found {
  const inside = looked.filter((t) => t.inside);
  const top = Math.max(...inside.map((t) => t.input));
  const weight = kind === "max" ? 1 : 1 / inside.length;
  return {
    how: kind === "max" ? "max" : "sum",
    terms: looked.map((t) => ({ ...t, weight: t.inside ? weight : 0, product: t.inside ? t.input * weight : 0 })),
    grid,
    ...(kind === "max" ? { sum: top } : {}),
    note: inside.length < looked.length ? "Places outside of the input are left out." : "",
  };
}

const globalPool: Teller = (scene, unit) => {
  const { info } = scene;
  const [x] = scene.arguments;
  const axes = layout(info, x.shape.length);
  const spatial = axes.spatial.map((axis) => x.shape[axis]);
  const kept = unit.length > 1; // keepdims
  const c = kept ? unit[axes.channel] : unit[0];
  const looked = Array.from({ length: size(spatial) }, (_, i) => look(x, joined(axes, unravel(spatial, i), c)));
  return pooled(looked, info.className.includes("Max") ? "max" : "average", spatial);
};

/** With statistics from training, normalization is a multiplication and an addition. */
const normalization: Teller = (scene, unit) => {
  const { info } = scene;
  const [x] = scene.arguments;
  const [mean, variance] = [scene.weight("moving_mean"), scene.weight("moving_variance")];
  const axis = info.config["axis"];
  if (!mean || !variance || typeof axis !== "number") return null;
  const c = unit[axis < 0 ? unit.length + axis : axis - 1];
  const epsilon = Number(info.config["epsilon"]);
  const scale = (scene.weight("gamma")?.data[c] ?? 1) / Math.sqrt(variance.data[c] + epsilon);
  const shift = (scene.weight("beta")?.data[c] ?? 0) - mean.data[c] * scale;
  const looked = look(x, unit);
  return {
    how: "scale", terms: [{ ...looked, weight: scale, product: looked.input * scale }], bias: shift,
    note: "weight = gamma / sqrt(variance + epsilon), bias = beta - mean * weight.",
  };
};

const embedding: Teller = (scene, unit) => {
  const [x] = scene.arguments;
  const table = scene.weight("embeddings");
  if (!table) return null;
  const looked = look(x, unit.slice(0, -1));
  const value = table.data[looked.input * table.shape[1] + unit[unit.length - 1]];
  return { how: "copy", terms: [{ ...looked, weight: 1, product: value }], note: `Row ${looked.input} of the table.` };
};

/** Merges of equal shapes, place by place. */
const merge: Teller = (scene, unit) => {
  const { className } = scene.info;
  const own = scene.output.shape;
  if (!["Add", "Subtract", "Average", "Maximum", "Minimum"].includes(className)) return null;
  if (scene.arguments.some((x) => x.shape.join() !== own.join())) return null;
  const count = scene.arguments.length;
  const terms = scene.arguments.map((x, argument) => {
    const looked = look(x, unit, argument);
    const weight = className === "Average" ? 1 / count : className === "Subtract" && argument ? -1 : 1;
    return { ...looked, weight, product: looked.input * weight };
  });
  const inputs = terms.map((t) => t.input);
  if (className === "Maximum") return { how: "max", terms, sum: Math.max(...inputs) };
  if (className === "Minimum") return { how: "values", terms, sum: Math.min(...inputs) };
  return { how: "sum", terms };
};

/** Any other layer: the input values that the unit depends on. */
function seen(scene: Scene, unit: number[]): Found {
  const output = scene.output.data[offset(scene.output.shape, unit)];
  const found: Term[] = [];
  scene.arguments.forEach((x, argument) => {
    scene.sees(argument)?.forEach((on, place) => {
      if (!on) return;
      const input = x.data[place];
      found.push({ place: unravel(x.shape, place), argument, inside: true, input, weight: 1, product: input });
    });
  });
  const copied = found.length === 1 && found[0].input === output;
  return { how: copied ? "copy" : "values", terms: found, sum: output, preactivation: output };
}

const TELLERS: Partial<Record<LayerInfo["kind"], Teller>> = {
  conv, depthwise, separable, transposed, dense, pool, globalpool: globalPool, normalization, embedding, merge,
};

/** The array of a layer's weight by its role. */
export function weightOf(payload: Payload, info: LayerInfo, arrays: readonly Data[]): (role: string) => Tensor | null {
  return (role) => {
    const found = info.weights.find((w) => w.role === role);
    return found ? { shape: payload.weights[found.weight].shape, data: arrays[found.weight] } : null;
  };
}
