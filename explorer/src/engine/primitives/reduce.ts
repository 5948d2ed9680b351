// Reductions, running sums, sorting, and softmax with its kin.

import type { Data, DType } from "../../format";
import { around, broadcastStrides, places, size, zeros } from "../arrays";
import type { Row } from "./row";

type Fold = (sum: number, x: number) => number;

/** For each element of the input, the element of the result that it goes into. */
function targets(shape: readonly number[], axes: readonly number[]): Int32Array {
  const kept = shape.map((d, i) => (axes.includes(i) ? 1 : d));
  return places(shape, broadcastStrides(kept, shape));
}

function reduction(start: number, fold: Fold): Row {
  return (call) => {
    const [x] = call.inputs;
    const [out] = call.outputs;
    const to = targets(x.shape, call.numbers("axes"));
    const count = size(out.shape);
    return ([source]) => {
      const sums = new Float64Array(count).fill(start);
      for (let i = 0; i < to.length; i++) sums[to[i]] = fold(sums[to[i]], source[i]);
      return [stored(out.dtype, sums)];
    };
  };
}

function stored(dtype: DType, values: Float64Array): Data {
  const made = zeros(dtype, values.length);
  made.set(values);
  return made;
}

/** Calls `visit` with the start and step of each line along an axis. */
export function lines(
  shape: readonly number[],
  axis: number,
  visit: (start: number, step: number, length: number, line: number) => void,
): void {
  const [lead, length, inner] = around(shape, axis);
  for (let i = 0; i < lead; i++)
    for (let j = 0; j < inner; j++) visit(i * length * inner + j, inner, length, i * inner + j);
}

function extremum(better: (x: number, best: number) => boolean): Row {
  return (call) => {
    const [x] = call.inputs;
    const [out] = call.outputs;
    const axis = call.number("axis");
    return ([source]) => {
      const made = zeros(out.dtype, size(out.shape));
      lines(x.shape, axis, (start, step, length, line) => {
        let best = 0;
        for (let k = 1; k < length; k++) {
          const here = source[start + k * step];
          const so = source[start + best * step];
          if (so === so && (better(here, so) || here !== here)) best = k;
        }
        made[line] = best;
      });
      return [made];
    };
  };
}

function running(first: number, fold: Fold): Row {
  return (call) => {
    const [x] = call.inputs;
    const axis = call.number("axis");
    const reverse = call.flag("reverse");
    return ([source]) => {
      const made = zeros(x.dtype, size(x.shape));
      lines(x.shape, axis, (start, step, length) => {
        let sum = first;
        for (let k = 0; k < length; k++) {
          const place = start + (reverse ? length - 1 - k : k) * step;
          sum = fold(sum, source[place]);
          made[place] = sum;
        }
      });
      return [made];
    };
  };
}

/** Places along a line in ascending order of values; equal ones keep their order, nan comes last. */
function order(source: Data, start: number, step: number, length: number): number[] {
  const value = (k: number) => source[start + k * step];
  return Array.from({ length }, (_, k) => k).sort((a, b) => {
    const x = value(a);
    const y = value(b);
    if (x !== x || y !== y) return Number(x !== x) - Number(y !== y) || a - b;
    return x - y || a - b;
  });
}

function sorting(write: (made: Data, source: Data, from: number, to: number, place: number) => void): Row {
  return (call) => {
    const [x] = call.inputs;
    const [out] = call.outputs;
    const axis = call.number("axis");
    return ([source]) => {
      const made = zeros(out.dtype, size(out.shape));
      lines(x.shape, axis, (start, step, length) =>
        order(source, start, step, length).forEach((place, k) =>
          write(made, source, start + place * step, start + k * step, place),
        ),
      );
      return [made];
    };
  };
}

function softmaxed(finish: (x: number, top: number, sum: number) => number): Row {
  return (call) => {
    const [x] = call.inputs;
    const axis = call.number("axis");
    return ([source]) => {
      const made = zeros(x.dtype, size(x.shape));
      lines(x.shape, axis, (start, step, length) => {
        let top = -Infinity;
        for (let k = 0; k < length; k++) top = Math.max(top, source[start + k * step]);
        let sum = 0;
        for (let k = 0; k < length; k++) sum += Math.exp(source[start + k * step] - top);
        for (let k = 0; k < length; k++) made[start + k * step] = finish(source[start + k * step], top, sum);
      });
      return [made];
    };
  };
}

const variance: Row = (call) => {
  const [x] = call.inputs;
  const [out] = call.outputs;
  const to = targets(x.shape, call.numbers("axes"));
  const count = size(out.shape);
  const each = size(x.shape) / count;
  return ([source]) => {
    const means = new Float64Array(count);
    const sums = new Float64Array(count);
    for (let i = 0; i < to.length; i++) means[to[i]] += source[i] / each;
    for (let i = 0; i < to.length; i++) sums[to[i]] += (source[i] - means[to[i]]) ** 2 / each;
    return [stored(out.dtype, sums)];
  };
};

const crossEntropy: Row = (call) => {
  const [logits] = call.inputs;
  const [out] = call.outputs;
  return ([x, target]) => {
    const made = zeros(out.dtype, size(out.shape));
    lines(logits.shape, logits.shape.length - 1, (start, step, length, line) => {
      let top = -Infinity;
      for (let k = 0; k < length; k++) top = Math.max(top, x[start + k * step]);
      let sum = 0;
      for (let k = 0; k < length; k++) sum += Math.exp(x[start + k * step] - top);
      let total = 0;
      for (let k = 0; k < length; k++)
        total -= target[start + k * step] * (x[start + k * step] - top - Math.log(sum));
      made[line] = total;
    });
    return [made];
  };
};

const larger: Fold = (best, x) => (x > best || x !== x ? x : best);
const smaller: Fold = (best, x) => (x < best || x !== x ? x : best);

export const REDUCE: Record<string, Row> = {
  sum: reduction(0, (sum, x) => sum + x),
  prod: reduction(1, (product, x) => product * x),
  max: reduction(-Infinity, larger),
  min: reduction(Infinity, smaller),
  any: reduction(0, (sum, x) => Number(sum || x)),
  all: reduction(1, (sum, x) => Number(sum && x)),
  argmax: extremum((x, best) => x > best),
  argmin: extremum((x, best) => x < best),
  cumsum: running(0, (sum, x) => sum + x),
  cumprod: running(1, (product, x) => product * x),
  sort: sorting((made, source, from, to) => (made[to] = source[from])),
  argsort: sorting((made, _source, _from, to, place) => (made[to] = place)),
  softmax: softmaxed((x, top, sum) => Math.exp(x - top) / sum),
  log_softmax: softmaxed((x, top, sum) => x - top - Math.log(sum)),
  variance,
  softmax_cross_entropy_with_logits: crossEntropy,
};
