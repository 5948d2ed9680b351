// Reading and adding at positions that are data.

import type { Data, DType } from "../../format";
import { around, isFloat, places, size, strides, zeros } from "../arrays";
import type { Row } from "./row";

/** What stands for an element that does not exist. */
function filler(dtype: DType): number {
  if (isFloat(dtype)) return NaN;
  if (dtype === "bool") return 1;
  return dtype === "int32" ? -(2 ** 31) : dtype === "uint8" ? 255 : 0;
}

const take: Row = (call) => {
  const [x] = call.inputs;
  const [out] = call.outputs;
  const [lead, length, inner] = around(x.shape, call.number("axis"));
  const missing = filler(x.dtype);
  return ([source, indices]) => {
    const made = zeros(out.dtype, size(out.shape));
    const count = indices.length;
    for (let i = 0; i < lead; i++)
      for (let k = 0; k < count; k++) {
        const to = (i * count + k) * inner;
        const from = (i * length + indices[k]) * inner;
        if (indices[k] >= 0 && indices[k] < length) made.set(source.subarray(from, from + inner), to);
        else made.fill(missing, to, to + inner);
      }
    return [made];
  };
};

const scatterAddAxis: Row = (call) => {
  const [out] = call.outputs;
  const [lead, length, inner] = around(out.shape, call.number("axis"));
  return ([g, indices]) => {
    const made = zeros(out.dtype, size(out.shape));
    for (let i = 0; i < lead; i++)
      for (let k = 0; k < indices.length; k++) {
        if (indices[k] < 0 || indices[k] >= length) continue;
        const from = (i * indices.length + k) * inner;
        const to = (i * length + indices[k]) * inner;
        for (let j = 0; j < inner; j++) made[to + j] += g[from + j];
      }
    return [made];
  };
};

/** Calls `visit` with each element of the indices and the place along the axis that it names, -1 if none. */
function along(
  shape: readonly number[],
  indexed: readonly number[],
  axis: number,
  indices: Data,
  visit: (element: number, place: number) => void,
): void {
  const [lead, length, inner] = around(shape, axis);
  const count = indexed[axis];
  for (let i = 0; i < lead; i++)
    for (let k = 0; k < count; k++)
      for (let j = 0; j < inner; j++) {
        const element = (i * count + k) * inner + j;
        const at = indices[element];
        visit(element, at >= 0 && at < length ? (i * length + at) * inner + j : -1);
      }
}

const takeAlongAxis: Row = (call) => {
  const [x, indexed] = call.inputs;
  const axis = call.number("axis");
  const missing = filler(x.dtype);
  return ([source, indices]) => {
    const made = zeros(x.dtype, size(indexed.shape));
    along(x.shape, indexed.shape, axis, indices, (element, place) => {
      made[element] = place < 0 ? missing : source[place];
    });
    return [made];
  };
};

const putAlongAxisAdd: Row = (call) => {
  const [, indexed] = call.inputs;
  const [out] = call.outputs;
  const axis = call.number("axis");
  return ([g, indices]) => {
    const made = zeros(out.dtype, size(out.shape));
    along(out.shape, indexed.shape, axis, indices, (element, place) => {
      if (place >= 0) made[place] += g[element];
    });
    return [made];
  };
};

/** The start, in an array of `shape`, of what each row of `indices` names; negative ones count from the end. */
function rows(shape: readonly number[], indexed: readonly number[], indices: Data): number[] {
  const own = strides(shape);
  const found: number[] = [];
  const count = size(indexed.slice(0, -1));
  const depth = indexed[indexed.length - 1];
  for (let i = 0; i < count; i++) {
    let start = 0;
    for (let k = 0; k < depth; k++) {
      const at = indices[i * depth + k];
      start += (at < 0 ? at + shape[k] : at) * own[k];
    }
    found.push(start);
  }
  return found;
}

const gatherNd: Row = (call) => {
  const [x, index] = call.inputs;
  const [out] = call.outputs;
  const depth = index.shape[index.shape.length - 1];
  const width = size(x.shape.slice(depth));
  return ([source, indices]) => {
    const made = zeros(out.dtype, size(out.shape));
    rows(x.shape, index.shape, indices).forEach((start, i) => made.set(source.subarray(start, start + width), i * width));
    return [made];
  };
};

const scatterNdAdd: Row = (call) => {
  const [index] = call.inputs;
  const [out] = call.outputs;
  const depth = index.shape[index.shape.length - 1];
  const width = size(out.shape.slice(depth));
  return ([indices, updates]) => {
    const made = zeros(out.dtype, size(out.shape));
    rows(out.shape, index.shape, indices).forEach((start, i) => {
      for (let j = 0; j < width; j++) made[start + j] += updates[i * width + j];
    });
    return [made];
  };
};

/** The places of a window, moved inside the array. */
function window(shape: readonly number[], sizes: readonly number[], starts: Data): Int32Array {
  const own = strides(shape);
  const start = shape.reduce((sum, d, i) => sum + Math.min(Math.max(starts[i], 0), d - sizes[i]) * own[i], 0);
  return places(sizes, own, start);
}

const dynamicSlice: Row = (call) => {
  const [x] = call.inputs;
  const [out] = call.outputs;
  return ([source, starts]) => {
    const from = window(x.shape, out.shape, starts);
    const made = zeros(out.dtype, from.length);
    for (let i = 0; i < from.length; i++) made[i] = source[from[i]];
    return [made];
  };
};

const dynamicUpdateSlice: Row = (call) => {
  const [x, u] = call.inputs;
  return ([source, update, starts]) => {
    const made = source.slice();
    window(x.shape, u.shape, starts).forEach((place, i) => (made[place] = update[i]));
    return [made];
  };
};

export const INDEXING: Record<string, Row> = {
  take,
  scatter_add_axis: scatterAddAxis,
  take_along_axis: takeAlongAxis,
  put_along_axis_add: putAlongAxisAdd,
  gather_nd: gatherNd,
  scatter_nd_add: scatterNdAdd,
  dynamic_slice: dynamicSlice,
  dynamic_update_slice: dynamicUpdateSlice,
};
