// Shapes, strides and arrays of each dtype.

import type { Data, DType, Tensor } from "../format";

export interface Aval {
  shape: number[];
  dtype: DType;
}

/** Number of elements. */
export function size(shape: readonly number[]): number {
  let total = 1;
  for (const d of shape) total *= d;
  return total;
}

/** How many elements lie between neighbours along each axis, row-major. */
export function strides(shape: readonly number[]): number[] {
  const found = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    found[i] = step;
    step *= shape[i];
  }
  return found;
}

/** Zeros that hold values of a dtype. Integers that need more than 32 bits with a sign are kept as doubles. */
export function zeros(dtype: DType, count: number): Data {
  switch (dtype) {
    case "float16":
    case "bfloat16":
    case "float32":
      return new Float32Array(count);
    case "float64":
    case "int64":
    case "uint32":
    case "uint64":
      return new Float64Array(count);
    case "bool":
    case "uint8":
      return new Uint8Array(count);
    default:
      return new Int32Array(count);
  }
}

export function isFloat(dtype: DType): boolean {
  return dtype.includes("float");
}

/** The flat place of an index tuple. */
export function offset(shape: readonly number[], index: readonly number[]): number {
  let place = 0;
  for (let i = 0; i < shape.length; i++) place = place * shape[i] + index[i];
  return place;
}

/** The index tuple of a flat place. */
export function unravel(shape: readonly number[], place: number): number[] {
  const index = new Array<number>(shape.length);
  for (let i = shape.length - 1; i >= 0; i--) {
    index[i] = place % shape[i];
    place = Math.floor(place / shape[i]);
  }
  return index;
}

/** Strides to read an array of `shape` as one of `wide`; 0 along axes that are repeated. */
export function broadcastStrides(shape: readonly number[], wide: readonly number[]): number[] {
  const own = strides(shape);
  const lead = wide.length - shape.length;
  return wide.map((_, i) => (i < lead || shape[i - lead] === 1 ? 0 : own[i - lead]));
}

/** Flat places in an array with the given strides, for each element of `shape` in order. */
export function places(shape: readonly number[], step: readonly number[], start = 0): Int32Array {
  const total = size(shape);
  const found = new Int32Array(total);
  if (total === 0) return found;
  const rank = shape.length;
  if (rank === 0) {
    found[0] = start;
    return found;
  }
  const index = new Int32Array(rank);
  const inner = shape[rank - 1];
  const innerStep = step[rank - 1];
  let at = start;
  for (let i = 0; i < total; i += inner) {
    for (let j = 0; j < inner; j++) found[i + j] = at + j * innerStep;
    let axis = rank - 2;
    while (axis >= 0) {
      at += step[axis];
      if (++index[axis] < shape[axis]) break;
      at -= step[axis] * shape[axis];
      index[axis] = 0;
      axis--;
    }
  }
  return found;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** Sizes before, at and behind an axis. */
export function around(shape: readonly number[], axis: number): [number, number, number] {
  return [size(shape.slice(0, axis)), shape[axis], size(shape.slice(axis + 1))];
}

export function tensor(shape: number[], data: Data): Tensor {
  return { shape, data };
}

const wide = new Float32Array(1);
const bits = new Uint32Array(wide.buffer);

/** The nearest bfloat16, ties to even. */
export function toBfloat16(x: number): number {
  if (x !== x) return x;
  wide[0] = x;
  bits[0] = (bits[0] + 0x7fff + ((bits[0] >>> 16) & 1)) & 0xffff0000;
  return wide[0];
}

/** The nearest float16, ties to even. */
export function toFloat16(x: number): number {
  x = Math.fround(x);
  const magnitude = Math.abs(x);
  if (!(magnitude > 0) || magnitude === Infinity) return x;
  if (magnitude >= 65520) return x > 0 ? Infinity : -Infinity;
  // Steps of 2^-24 below 2^-14, else of 2^-10 of the power of two below; the sum with a large
  // number drops what is finer, and rounds to even.
  const exponent = Math.max(Math.floor(Math.log2(magnitude)), -14);
  let power = 2 ** exponent;
  if (power * 2 <= magnitude) power *= 2;
  else if (power > magnitude && exponent > -14) power /= 2;
  const big = power * 2 ** 42; // 52 - 10 bits above
  return magnitude + big - big === 0 ? 0 * x : Math.sign(x) * (magnitude + big - big);
}

/** Round in place what is kept wider than its dtype. */
export function settle(dtype: DType, data: Data): void {
  if (dtype === "float16") for (let i = 0; i < data.length; i++) data[i] = toFloat16(data[i]);
  else if (dtype === "bfloat16") for (let i = 0; i < data.length; i++) data[i] = toBfloat16(data[i]);
  else if (dtype === "int8") for (let i = 0; i < data.length; i++) data[i] = (data[i] << 24) >> 24;
  else if (dtype === "int16") for (let i = 0; i < data.length; i++) data[i] = (data[i] << 16) >> 16;
  else if (dtype === "uint16") for (let i = 0; i < data.length; i++) data[i] &= 0xffff;
  else if (dtype === "uint32") for (let i = 0; i < data.length; i++) data[i] = wrap(data[i], 2 ** 32);
}

function wrap(x: number, range: number): number {
  const rest = x % range;
  return rest < 0 ? rest + range : rest;
}
