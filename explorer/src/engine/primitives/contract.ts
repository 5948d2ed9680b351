// Matrix products and convolutions. Sums are kept in doubles.

import { broadcastStrides, places, size, zeros } from "../arrays";
import type { Call, Row } from "./row";
import { type Windows, windows } from "./windows";

const matmul: Row = (call) => {
  const [a, b] = call.inputs;
  const [out] = call.outputs;
  const flipA = call.flag("transpose_a");
  const flipB = call.flag("transpose_b");
  const rank = out.shape.length;
  const rows = out.shape[rank - 2];
  const columns = out.shape[rank - 1];
  const inner = flipA ? a.shape[a.shape.length - 2] : a.shape[a.shape.length - 1];
  const batch = out.shape.slice(0, -2);
  const starts = (shape: number[]) => {
    const lead = shape.slice(0, -2);
    const matrix = size(shape.slice(-2));
    return places(batch, broadcastStrides(lead, batch)).map((p) => p * matrix);
  };
  const startA = starts(a.shape);
  const startB = starts(b.shape);
  const [rowA, stepA] = flipA ? [1, rows] : [inner, 1];
  return ([x, y]) => {
    const made = zeros(out.dtype, size(out.shape));
    const sums = new Float64Array(columns);
    for (let n = 0; n < startA.length; n++)
      for (let i = 0; i < rows; i++) {
        const left = startA[n] + i * rowA;
        const right = startB[n];
        const to = (n * rows + i) * columns;
        if (flipB) {
          for (let j = 0; j < columns; j++) {
            let sum = 0;
            const row = right + j * inner;
            for (let k = 0; k < inner; k++) sum += x[left + k * stepA] * y[row + k];
            made[to + j] = sum;
          }
          continue;
        }
        sums.fill(0);
        for (let k = 0; k < inner; k++) {
          const value = x[left + k * stepA];
          const row = right + k * columns;
          for (let j = 0; j < columns; j++) sums[j] += value * y[row + j];
        }
        made.set(sums, to);
      }
    return [made];
  };
};

/** The geometry of a convolution between `x` and its result. */
class Convolution {
  readonly batch: number;
  readonly channels: number;
  readonly filters: number;
  readonly deep: number; // channels of a group
  readonly wide: number; // filters of a group
  readonly groups: number;
  readonly table: Windows;

  constructor(call: Call, x: readonly number[], w: readonly number[]) {
    this.batch = x[0];
    this.channels = x[x.length - 1];
    this.filters = w[w.length - 1];
    this.groups = call.number("groups");
    this.deep = this.channels / this.groups;
    this.wide = this.filters / this.groups;
    this.table = windows(
      x.slice(1, -1),
      w.slice(0, -2),
      call.numbers("strides"),
      call.pairs("padding"),
      call.numbers("dilation"),
    );
  }

  /** Calls `visit` with the places of x, dy and w where the channels of each group begin. */
  each(visit: (x: number, dy: number, w: number, deep: number, wide: number, filters: number) => void): void {
    const { table, channels, filters, deep, wide, groups, batch } = this;
    for (let n = 0; n < batch; n++)
      for (let o = 0; o < table.outputs; o++) {
        const dy = (n * table.outputs + o) * filters;
        for (let cell = 0; cell < table.cells; cell++) {
          const place = table.at[o * table.cells + cell];
          if (place < 0) continue;
          const x = (n * table.inputs + place) * channels;
          const w = cell * deep * filters;
          for (let g = 0; g < groups; g++) visit(x + g * deep, dy + g * wide, w + g * wide, deep, wide, filters);
        }
      }
  }
}

const conv: Row = (call) => {
  const [x, w] = call.inputs;
  const [out] = call.outputs;
  const how = new Convolution(call, x.shape, w.shape);
  const count = size(out.shape);
  return ([source, kernel]) => {
    const sums = new Float64Array(count);
    how.each((at, to, from, deep, wide, filters) => {
      for (let c = 0; c < deep; c++) {
        const value = source[at + c];
        const row = from + c * filters;
        for (let f = 0; f < wide; f++) sums[to + f] += value * kernel[row + f];
      }
    });
    const made = zeros(out.dtype, count);
    made.set(sums);
    return [made];
  };
};

/** The gradient by the input; also what a transposed convolution is. */
const convInputGrad: Row = (call) => {
  const [, w] = call.inputs;
  const [out] = call.outputs;
  const how = new Convolution(call, out.shape, w.shape);
  const count = size(out.shape);
  return ([dy, kernel]) => {
    const sums = new Float64Array(count);
    how.each((to, at, from, deep, wide, filters) => {
      for (let c = 0; c < deep; c++) {
        const row = from + c * filters;
        let sum = 0;
        for (let f = 0; f < wide; f++) sum += dy[at + f] * kernel[row + f];
        sums[to + c] += sum;
      }
    });
    const made = zeros(out.dtype, count);
    made.set(sums);
    return [made];
  };
};

const convFilterGrad: Row = (call) => {
  const [x] = call.inputs;
  const [out] = call.outputs;
  const how = new Convolution(call, x.shape, out.shape);
  const count = size(out.shape);
  return ([source, dy]) => {
    const sums = new Float64Array(count);
    how.each((at, from, to, deep, wide, filters) => {
      for (let c = 0; c < deep; c++) {
        const value = source[at + c];
        const row = to + c * filters;
        for (let f = 0; f < wide; f++) sums[row + f] += value * dy[from + f];
      }
    });
    const made = zeros(out.dtype, count);
    made.set(sums);
    return [made];
  };
};

export const CONTRACT: Record<string, Row> = {
  matmul,
  conv,
  conv_input_grad: convInputGrad,
  conv_filter_grad: convFilterGrad,
};
