// Rows that move values and compute nothing.

import type { Data } from "../../format";
import { around, broadcastStrides, places, size, strides, zeros } from "../arrays";
import type { Row } from "./row";

const view: Row = () => ([x]) => [x];

function gathered(from: Int32Array, dtype: Parameters<typeof zeros>[0]) {
  return ([x]: Data[]): Data[] => {
    const made = zeros(dtype, from.length);
    for (let i = 0; i < from.length; i++) made[i] = x[from[i]];
    return [made];
  };
}

const transpose: Row = (call) => {
  const [x] = call.inputs;
  const [out] = call.outputs;
  const own = strides(x.shape);
  return gathered(places(out.shape, call.numbers("perm").map((axis) => own[axis])), out.dtype);
};

const broadcastTo: Row = ({ inputs: [x], outputs: [out] }) =>
  gathered(places(out.shape, broadcastStrides(x.shape, out.shape)), out.dtype);

const pad: Row = (call) => {
  const [x, filler] = call.inputs;
  const [out] = call.outputs;
  const widths = call.pairs("widths");
  const own = strides(out.shape);
  const start = widths.reduce((sum, [before], axis) => sum + before * own[axis], 0);
  const to = places(x.shape, own, start);
  const count = size(out.shape);
  return ([source, fill]) => {
    const made = zeros(out.dtype, count);
    if (filler && fill[0] !== 0) made.fill(fill[0]);
    for (let i = 0; i < to.length; i++) made[to[i]] = source[i];
    return [made];
  };
};

const slice: Row = (call) => {
  const [x] = call.inputs;
  const [out] = call.outputs;
  const own = strides(x.shape);
  const steps = call.numbers("steps");
  const start = call.numbers("starts").reduce((sum, s, axis) => sum + s * own[axis], 0);
  return gathered(places(out.shape, own.map((step, axis) => step * steps[axis]), start), out.dtype);
};

/** The transpose of `slice`: values at every `steps`-th place, zeros between. */
const padStrided: Row = (call) => {
  const [x] = call.inputs;
  const [out] = call.outputs;
  const own = strides(out.shape);
  const steps = call.numbers("steps");
  const start = call.numbers("starts").reduce((sum, s, axis) => sum + s * own[axis], 0);
  const to = places(x.shape, own.map((step, axis) => step * steps[axis]), start);
  const count = size(out.shape);
  return ([source]) => {
    const made = zeros(out.dtype, count);
    for (let i = 0; i < to.length; i++) made[to[i]] = source[i];
    return [made];
  };
};

const concat: Row = (call) => {
  const axis = call.number("axis");
  const [out] = call.outputs;
  const [lead, , inner] = around(out.shape, axis);
  const widths = call.inputs.map((x) => x.shape[axis] * inner);
  const row = out.shape[axis] * inner;
  return (arrays) => {
    const made = zeros(out.dtype, lead * row);
    let at = 0;
    arrays.forEach((x, k) => {
      const width = widths[k];
      for (let i = 0; i < lead; i++) made.set(x.subarray(i * width, (i + 1) * width), i * row + at);
      at += width;
    });
    return [made];
  };
};

const flip: Row = (call) => {
  const [x] = call.inputs;
  const own = strides(x.shape);
  const axes = call.numbers("axes");
  const start = axes.reduce((sum, axis) => sum + (x.shape[axis] - 1) * own[axis], 0);
  return gathered(places(x.shape, own.map((step, axis) => (axes.includes(axis) ? -step : step)), start), x.dtype);
};

export const MOVEMENT: Record<string, Row> = {
  reshape: view,
  transpose,
  broadcast_to: broadcastTo,
  pad,
  slice,
  pad_strided: padStrided,
  concat,
  flip,
};
