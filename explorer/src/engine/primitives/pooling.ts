// Pooling over the spatial axes of (batch, *spatial, channels).

import type { Data } from "../../format";
import { size, zeros } from "../arrays";
import type { Call, Row } from "./row";
import { type Windows, windows } from "./windows";

function table(call: Call, shape: readonly number[]): Windows {
  return windows(shape.slice(1, -1), call.numbers("window"), call.numbers("strides"), call.pairs("padding"));
}

/** Where each window's first maximum is: its place in x, for each element of the result. */
function maxima(x: Data, shape: readonly number[], { outputs, cells, inputs, at }: Windows): Int32Array {
  const channels = shape[shape.length - 1];
  const found = new Int32Array(shape[0] * outputs * channels);
  for (let n = 0; n < shape[0]; n++)
    for (let o = 0; o < outputs; o++)
      for (let c = 0; c < channels; c++) {
        let best = -1;
        for (let cell = 0; cell < cells; cell++) {
          const place = at[o * cells + cell];
          if (place < 0) continue;
          const here = (n * inputs + place) * channels + c;
          if (best < 0 || x[here] > x[best] || (x[here] !== x[here] && x[best] === x[best])) best = here;
        }
        found[(n * outputs + o) * channels + c] = best;
      }
  return found;
}

const maxPool: Row = (call) => {
  const { shape, dtype } = call.inputs[0];
  const where = table(call, shape);
  return ([x]) => {
    const made = zeros(dtype, size(call.outputs[0].shape));
    maxima(x, shape, where).forEach((place, i) => (made[i] = x[place]));
    return [made];
  };
};

const maxPoolGrad: Row = (call) => {
  const { shape, dtype } = call.inputs[0];
  const where = table(call, shape);
  return ([x, dy]) => {
    const made = zeros(dtype, size(shape));
    maxima(x, shape, where).forEach((place, i) => (made[place] += dy[i]));
    return [made];
  };
};

const maxPoolGather: Row = (call) => {
  const { shape, dtype } = call.inputs[0];
  const where = table(call, shape);
  return ([x, g]) => {
    const made = zeros(dtype, size(call.outputs[0].shape));
    maxima(x, shape, where).forEach((place, i) => (made[i] = g[place]));
    return [made];
  };
};

/** Calls `visit` with the places of an element of the result and of one that it sums. */
function eachCell(shape: readonly number[], where: Windows, visit: (result: number, source: number) => void): void {
  const channels = shape[shape.length - 1];
  const { outputs, cells, inputs, at } = where;
  for (let n = 0; n < shape[0]; n++)
    for (let o = 0; o < outputs; o++)
      for (let cell = 0; cell < cells; cell++) {
        const place = at[o * cells + cell];
        if (place < 0) continue;
        const result = (n * outputs + o) * channels;
        const source = (n * inputs + place) * channels;
        for (let c = 0; c < channels; c++) visit(result + c, source + c);
      }
}

const sumPool: Row = (call) => {
  const [x] = call.inputs;
  const [out] = call.outputs;
  const where = table(call, x.shape);
  return ([source]) => {
    const sums = new Float64Array(size(out.shape));
    eachCell(x.shape, where, (result, from) => (sums[result] += source[from]));
    const made = zeros(out.dtype, sums.length);
    made.set(sums);
    return [made];
  };
};

const sumPoolGrad: Row = (call) => {
  const [out] = call.outputs;
  const where = table(call, out.shape);
  return ([dy]) => {
    const sums = new Float64Array(size(out.shape));
    eachCell(out.shape, where, (result, to) => (sums[to] += dy[result]));
    const made = zeros(out.dtype, sums.length);
    made.set(sums);
    return [made];
  };
};

export const POOLING: Record<string, Row> = {
  max_pool: maxPool,
  max_pool_grad: maxPoolGrad,
  max_pool_gather: maxPoolGather,
  sum_pool: sumPool,
  sum_pool_grad: sumPoolGrad,
};
