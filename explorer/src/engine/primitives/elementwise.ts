// Elementwise rows and the two that create arrays.

import type { Data, DType } from "../../format";
import { type Aval, around, broadcastStrides, isFloat, places, sameShape, size, zeros } from "../arrays";
import type { Kernel, Row } from "./row";
import { digamma, erf, erfinv, lgamma, polygamma } from "./special";

type One = (x: number) => number;
type Two = (a: number, b: number) => number;

const ONE: Record<string, One> = {
  neg: (x) => -x,
  abs: Math.abs,
  sign: (x) => (x > 0 ? 1 : x < 0 ? -1 : x),
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  floor: Math.floor,
  ceil: Math.ceil,
  round: toEven,
  isnan: (x) => Number(x !== x),
  isfinite: (x) => Number(Number.isFinite(x)),
  isinf: (x) => Number(x === Infinity || x === -Infinity),
  logical_not: (x) => Number(!x),
  stop_gradient: (x) => x,
  logistic: (x) => 1 / (1 + Math.exp(-x)),
  erf,
  erfinv,
  lgamma,
  digamma,
  relu: (x) => (x > 0 ? x : x !== x ? x : 0),
  cbrt: Math.cbrt,
};

const TWO: Record<string, Two> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  maximum: (a, b) => (a !== a || b !== b ? NaN : a > b ? a : b),
  minimum: (a, b) => (a !== a || b !== b ? NaN : a < b ? a : b),
  atan2: Math.atan2,
  eq: (a, b) => Number(a === b),
  ne: (a, b) => Number(a !== b),
  lt: (a, b) => Number(a < b),
  le: (a, b) => Number(a <= b),
  gt: (a, b) => Number(a > b),
  ge: (a, b) => Number(a >= b),
  logaddexp: (a, b) => {
    const top = Math.max(a, b);
    return a === b && !Number.isFinite(a) ? a + b : top + Math.log1p(Math.exp(-Math.abs(a - b)));
  },
  with_gradient_of: (a) => a,
};

/** What integers do otherwise than floats; results wrap when they are stored. */
const INTEGERS: Record<string, Two> = {
  mul: (a, b) => (Math.abs(a * b) < 2 ** 53 ? a * b : Math.imul(a, b)),
  div: (a, b) => a / b,
  floordiv: (a, b) => (b === 0 ? 0 : Math.floor(a / b)),
  mod: (a, b) => (b === 0 ? 0 : a - b * Math.floor(a / b)),
  pow: (a, b) => (b >= 0 ? a ** b : a === 1 ? 1 : a === -1 ? (b % 2 ? -1 : 1) : 0),
  bitwise_and: (a, b) => bitwise(a, b, (x, y) => x & y),
  bitwise_or: (a, b) => bitwise(a, b, (x, y) => x | y),
  bitwise_xor: (a, b) => bitwise(a, b, (x, y) => x ^ y),
  shift_left: (a, b) => (a * 2 ** b) % 2 ** 32,
  shift_right: (a, b) => Math.floor(a / 2 ** b),
};

const FLOATS: Record<string, Two> = {
  floordiv: (a, b) => Math.floor(a / b),
  mod: (a, b) => {
    const rest = a % b;
    return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
  },
  pow: (a, b) => (a === 1 || b === 0 ? 1 : a ** b),
};

/** On 32 bits, whichever sign they are meant to have. */
function bitwise(a: number, b: number, act: Two): number {
  const result = act(a | 0, b | 0);
  return a > 0x7fffffff || b > 0x7fffffff ? result >>> 0 : result;
}

function toEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

function one(act: One): Row {
  return ({ outputs: [out] }) => {
    const count = size(out.shape);
    return ([x]) => {
      const made = zeros(out.dtype, count);
      for (let i = 0; i < count; i++) made[i] = act(x[i]);
      return [made];
    };
  };
}

/** `act` over two arrays that broadcast. */
export function pairwise(a: Aval, b: Aval, out: Aval, act: Two): Kernel {
  const count = size(out.shape);
  const direct = (x: Aval) => sameShape(x.shape, out.shape) || size(x.shape) === count;
  const single = (x: Aval) => size(x.shape) === 1;
  if (direct(a) && direct(b))
    return ([x, y]) => {
      const made = zeros(out.dtype, count);
      for (let i = 0; i < count; i++) made[i] = act(x[i], y[i]);
      return [made];
    };
  if (direct(a) && single(b))
    return ([x, y]) => {
      const made = zeros(out.dtype, count);
      const second = y[0];
      for (let i = 0; i < count; i++) made[i] = act(x[i], second);
      return [made];
    };
  const left = places(out.shape, broadcastStrides(a.shape, out.shape));
  const right = places(out.shape, broadcastStrides(b.shape, out.shape));
  return ([x, y]) => {
    const made = zeros(out.dtype, count);
    for (let i = 0; i < count; i++) made[i] = act(x[left[i]], y[right[i]]);
    return [made];
  };
}

function two(act: Two): Row {
  return ({ inputs: [a, b], outputs: [out] }) => pairwise(a, b, out, act);
}

function byKind(name: string): Row {
  return (call) => {
    const { dtype } = call.inputs[0];
    const act = (isFloat(dtype) ? FLOATS[name] : INTEGERS[name]) ?? TWO[name];
    if (!act) throw new Error(`${name} of ${dtype} is not known to the page.`);
    return two(act)(call);
  };
}

const invert: Row = (call) => {
  const { dtype } = call.inputs[0];
  return one(dtype === "bool" ? (x) => Number(!x) : dtype.startsWith("u") ? (x) => ~x >>> 0 : (x) => ~x)(call);
};

const select: Row = ({ inputs, outputs: [out] }) => {
  const [chosen, yes, no] = inputs.map((x) => places(out.shape, broadcastStrides(x.shape, out.shape)));
  return ([cond, a, b]) => {
    const made = zeros(out.dtype, chosen.length);
    for (let i = 0; i < chosen.length; i++) made[i] = cond[chosen[i]] ? a[yes[i]] : b[no[i]];
    return [made];
  };
};

const RANGES: Partial<Record<DType, [number, number]>> = {
  int8: [-(2 ** 7), 2 ** 7 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 63), 2 ** 63],
  uint8: [0, 2 ** 8 - 1],
  uint16: [0, 2 ** 16 - 1],
  uint32: [0, 2 ** 32 - 1],
  uint64: [0, 2 ** 64],
};

/** Floats clip at the ends of integers, and nan becomes 0; integers wrap around. */
const cast: Row = (call) => {
  const to = call.outputs[0].dtype;
  const range = RANGES[to];
  if (to === "bool") return one((x) => Number(x !== 0))(call);
  if (!range || !isFloat(call.inputs[0].dtype)) return one((x) => x)(call);
  const [low, high] = range;
  return one((x) => (x !== x ? 0 : x < low ? low : x > high ? high : Math.trunc(x)))(call);
};

const full: Row = (call) => {
  const [{ shape, dtype }] = call.outputs;
  const value = call.number("value");
  const count = size(shape);
  return () => [zeros(dtype, count).fill(value)];
};

const iota: Row = (call) => {
  const [{ shape, dtype }] = call.outputs;
  const [, length, inner] = around(shape, call.number("axis"));
  const count = size(shape);
  return () => {
    const made: Data = zeros(dtype, count);
    for (let i = 0; i < count; i++) made[i] = Math.floor(i / inner) % length;
    return [made];
  };
};

const logLogistic: Row = (call) => {
  const sign = call.number("sign") > 0 ? 1 : -1;
  return one((x) => Math.min(sign * x, 0) - Math.log1p(Math.exp(-Math.abs(x))))(call);
};

const polygammaRow: Row = (call) => {
  const order = call.number("order");
  return one((x) => polygamma(x, order))(call);
};

export const ELEMENTWISE: Record<string, Row> = {
  ...Object.fromEntries(Object.entries(ONE).map(([name, act]) => [name, one(act)])),
  ...Object.fromEntries(Object.entries(TWO).map(([name, act]) => [name, two(act)])),
  ...Object.fromEntries(
    [...new Set([...Object.keys(INTEGERS), ...Object.keys(FLOATS)])].map((name) => [name, byKind(name)]),
  ),
  bitwise_not: invert,
  select,
  cast,
  full,
  iota,
  log_logistic: logLogistic,
  polygamma: polygammaRow,
};

/** A function of one number by its row's name, e.g. for a unit's activation. */
export function functionOf(name: string): One | undefined {
  return ONE[name];
}


