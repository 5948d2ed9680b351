// What a unit depends on: marks go backwards through the program, from results to arguments.
//
// A mark is 1 at an element of an array that the unit depends on by the structure of the
// computation, whatever the numbers are. Where a rule is not known, all elements are marked.

import type { Data, Program, Step } from "../format";
import { type Aval, around, broadcastStrides, places, sameShape, size, strides } from "./arrays";
import { Call } from "./primitives/row";
import { windows } from "./primitives/windows";

type Marks = Uint8Array;
type Lookup = (value: number) => Data | undefined;
type Given = () => Data | undefined;

/**
 * From the marks of a step's results (null: none) to those of its arguments (null: none). Only `wanted`
 * arguments are looked at afterwards: those that hang on the sample; weights may be large.
 */
type Rule = (call: Call, made: (Marks | null)[], data: Given[], wanted: boolean[]) => (Marks | null)[];

/** Marks of all values that `value` depends on, given marks on it. Arguments that hang on no sample are left out. */
export function dependencies(
  program: Program,
  start: number,
  marks: Marks,
  moves: (value: number) => boolean,
  lookup: Lookup,
): Map<number, Marks> {
  const found = new Map<number, Marks>([[start, marks]]);
  for (let i = program.steps.length - 1; i >= 0; i--) {
    const step = program.steps[i];
    const made = step.out.map((v) => found.get(v) ?? null);
    if (made.every((m) => m === null)) continue;
    const call = called(step, program);
    const rule = RULES[step.op] ?? all;
    const wanted = step.in.map(moves);
    const data = step.in.map((v) => () => lookup(v));
    rule(call, made, data, wanted).forEach((m, k) => {
      const value = step.in[k];
      if (m === null || !wanted[k]) return;
      const before = found.get(value);
      if (!before) found.set(value, m);
      else for (let e = 0; e < m.length; e++) before[e] |= m[e];
    });
  }
  return found;
}

function called(step: Step, program: Program): Call {
  const of = (numbers: number[]) => numbers.map((v) => program.values[v]);
  return new Call(step.op, of(step.in), of(step.out), step.static, () => () => []);
}

function blank(aval: Aval): Marks {
  return new Uint8Array(size(aval.shape));
}

const all: Rule = (call, _made, _data, wanted) => call.inputs.map((x, k) => (wanted[k] ? blank(x).fill(1) : null));

const none: Rule = (call) => call.inputs.map(() => null);

/** The same element of each argument, those that broadcast included. */
const elementwise: Rule = (call, [made], _data, wanted) =>
  call.inputs.map((x, k) => {
    if (!wanted[k]) return null;
    if (sameShape(x.shape, call.outputs[0].shape)) return made!.slice();
    const marks = blank(x);
    const from = places(call.outputs[0].shape, broadcastStrides(x.shape, call.outputs[0].shape));
    for (let i = 0; i < from.length; i++) if (made![i]) marks[from[i]] = 1;
    return marks;
  });

/** An element depends on all that were reduced to it. */
function reduced(axes: (call: Call) => number[]): Rule {
  return (call, [made]) => {
    const [x] = call.inputs;
    const gone = axes(call);
    const kept = x.shape.map((d, i) => (gone.includes(i) ? 1 : d));
    const to = places(x.shape, broadcastStrides(kept, x.shape));
    return [blank(x).map((_, i) => made![to[i]])];
  };
}

/** Elements of a line depend on one another; `reach` says from where to where an element sees. */
function lined(reach: (call: Call) => "all" | "before" | "behind"): Rule {
  return (call, [made]) => {
    const [x] = call.inputs;
    const marks = blank(x);
    const [lead, length, inner] = around(x.shape, call.number("axis"));
    const how = reach(call);
    for (let i = 0; i < lead; i++)
      for (let j = 0; j < inner; j++) {
        const start = i * length * inner + j;
        for (let k = 0; k < length; k++) {
          if (!made![start + k * inner]) continue;
          const [first, last] = how === "all" ? [0, length - 1] : how === "before" ? [0, k] : [k, length - 1];
          for (let m = first; m <= last; m++) marks[start + m * inner] = 1;
        }
      }
    return [marks];
  };
}

const reshape: Rule = (_call, [made]) => [made!.slice()];

/** Marks moved as values are, the other way: element i of the result was element from[i]. */
function moved(from: (call: Call) => Int32Array): Rule {
  return (call, [made]) => {
    const marks = blank(call.inputs[0]);
    from(call).forEach((place, i) => {
      if (made![i]) marks[place] = 1;
    });
    return [marks, ...call.inputs.slice(1).map(() => null)];
  };
}

/** The same where the result is the larger one: element i of the argument became element to[i]. */
function placed(to: (call: Call) => Int32Array): Rule {
  return (call, [made]) => {
    const where = to(call);
    return [blank(call.inputs[0]).map((_, i) => made![where[i]]), ...call.inputs.slice(1).map(() => null)];
  };
}

function start(values: readonly number[], own: readonly number[]): number {
  return values.reduce((sum, value, axis) => sum + value * own[axis], 0);
}

function sliced(call: Call, whole: Aval, part: Aval): Int32Array {
  const own = strides(whole.shape);
  const steps = call.numbers("steps");
  return places(part.shape, own.map((s, axis) => s * steps[axis]), start(call.numbers("starts"), own));
}

const concat: Rule = (call, [made]) => {
  const axis = call.number("axis");
  const [lead, length, inner] = around(call.outputs[0].shape, axis);
  let at = 0;
  return call.inputs.map((x) => {
    const marks = blank(x);
    const width = x.shape[axis] * inner;
    for (let i = 0; i < lead; i++)
      marks.set(made!.subarray(i * length * inner + at, i * length * inner + at + width), i * width);
    at += width;
    return marks;
  });
};

const flip = moved((call) => {
  const [x] = call.inputs;
  const own = strides(x.shape);
  const axes = call.numbers("axes");
  const from = axes.reduce((sum, axis) => sum + (x.shape[axis] - 1) * own[axis], 0);
  return places(x.shape, own.map((s, axis) => (axes.includes(axis) ? -s : s)), from);
});

const matmul: Rule = (call, [made], _data, wanted) => {
  const [a, b] = call.inputs;
  const [out] = call.outputs;
  const batch = out.shape.slice(0, -2);
  const [rows, columns] = out.shape.slice(-2);
  const marks = [a, b].map((x, k) => (wanted[k] ? blank(x) : null));
  const mark = (k: 0 | 1, x: Aval, n: number, line: number, isRow: boolean) => {
    const own = marks[k];
    if (!own) return;
    const [height, width] = x.shape.slice(-2);
    const begin = places(batch, broadcastStrides(x.shape.slice(0, -2), batch))[n] * height * width;
    if (isRow) own.fill(1, begin + line * width, begin + (line + 1) * width);
    else for (let i = 0; i < height; i++) own[begin + i * width + line] = 1;
  };
  for (let n = 0; n < size(batch); n++) {
    const seen = new Set<number>();
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) {
        if (!made![(n * rows + i) * columns + j]) continue;
        if (!seen.has(i)) mark(0, a, n, i, !call.flag("transpose_a"));
        if (!seen.has(rows + j)) mark(1, b, n, j, call.flag("transpose_b"));
        seen.add(i).add(rows + j);
      }
  }
  return marks;
};

/** Convolutions and pools: windows of channels that belong together. */
function windowed(
  call: Call,
  x: Aval,
  out: Aval,
  kernel: readonly number[],
  padding: readonly (readonly [number, number])[],
  groups: number,
  dilation: readonly number[] | undefined,
  made: Marks,
  upwards: boolean,
): Marks {
  // `x` has one place for each input of the windows, `out` one for each window; marks go from
  // the windows to what they see, or upwards (transposed convolution) from places to windows.
  const table = windows(x.shape.slice(1, -1), kernel, call.numbers("strides"), padding, dilation);
  const [channels, filters] = [x.shape[x.shape.length - 1], out.shape[out.shape.length - 1]];
  const [deep, wide] = [channels / groups, filters / groups];
  const marks = blank(upwards ? out : x);
  const [from, step, to, run] = upwards ? [channels, deep, filters, wide] : [filters, wide, channels, deep];
  for (let n = 0; n < x.shape[0]; n++)
    for (let o = 0; o < table.outputs; o++)
      for (let cell = 0; cell < table.cells; cell++) {
        const place = table.at[o * table.cells + cell];
        if (place < 0) continue;
        const window = n * table.outputs + o;
        const input = n * table.inputs + place;
        const [source, target] = upwards ? [input, window] : [window, input];
        for (let g = 0; g < groups; g++) {
          const begin = source * from + g * step;
          let any = 0;
          for (let k = begin; k < begin + step; k++) any |= made[k];
          if (any) marks.fill(1, target * to + g * run, target * to + (g + 1) * run);
        }
      }
  return marks;
}

const conv: Rule = (call, [made], _data, wanted) => {
  const [x, w] = call.inputs;
  const groups = call.number("groups");
  const how = [w.shape.slice(0, -2), call.pairs("padding"), groups, call.numbers("dilation")] as const;
  return [windowed(call, x, call.outputs[0], ...how, made!, false), wanted[1] ? blank(w).fill(1) : null];
};

const transposedConv: Rule = (call, [made], _data, wanted) => {
  const [dy, w] = call.inputs;
  const groups = call.number("groups");
  const how = [w.shape.slice(0, -2), call.pairs("padding"), groups, call.numbers("dilation")] as const;
  return [windowed(call, call.outputs[0], dy, ...how, made!, true), wanted[1] ? blank(w).fill(1) : null];
};

const pool: Rule = (call, [made]) => {
  const [x] = call.inputs;
  const [out] = call.outputs;
  const channels = x.shape[x.shape.length - 1];
  const how = [call.numbers("window"), call.pairs("padding"), channels, undefined] as const;
  return [windowed(call, x, out, ...how, made!, false)];
};

const take: Rule = (call, [made], data, wanted) => {
  const [x, index] = call.inputs;
  const indices = data[1]();
  if (!indices) return all(call, [made], data, wanted);
  const [lead, length, inner] = around(x.shape, call.number("axis"));
  const rows = wanted[0] ? blank(x) : null;
  const chosen = blank(index);
  for (let i = 0; i < lead; i++)
    for (let k = 0; k < indices.length; k++)
      for (let j = 0; j < inner; j++) {
        if (!made![(i * indices.length + k) * inner + j]) continue;
        chosen[k] = 1;
        if (rows && indices[k] >= 0 && indices[k] < length) rows[(i * length + indices[k]) * inner + j] = 1;
      }
  return [rows, chosen];
};

/** Recurrent rows: a state depends on its sample's steps up to it. */
const recurrent: Rule = (call, made, _data, wanted) => {
  const [x, ...rest] = call.inputs;
  const [batch, time, width] = x.shape;
  const reverse = call.flag("reverse");
  const reach = new Int32Array(batch).fill(-1); // the last step that is needed, in order of computing
  made.forEach((marks, k) => {
    if (!marks) return;
    const { shape } = call.outputs[k];
    marks.forEach((on, e) => {
      if (!on) return;
      const inner = shape[shape.length - 1];
      const row = Math.floor(e / inner);
      if (shape.length === 2) reach[row] = time - 1; // the last cell state
      else if (k === 0) reach[Math.floor(row / time)] = Math.max(reach[Math.floor(row / time)], row % time);
      else reach[row % batch] = Math.max(reach[row % batch], Math.floor(row / batch)); // saved: time first
    });
  });
  const steps = blank(x);
  const seen = (n: number, t: number) => (reverse ? time - 1 - t : t) <= reach[n];
  for (let n = 0; n < batch; n++)
    for (let t = 0; t < time; t++) if (seen(n, t)) steps.fill(1, (n * time + t) * width, (n * time + t + 1) * width);
  return [
    steps,
    ...rest.map(({ dtype, shape }, k) => {
      if (!wanted[k + 1]) return null;
      const marks = blank({ dtype, shape });
      if (dtype === "bool") marks.forEach((_, e) => (marks[e] = Number(seen(Math.floor(e / time), e % time))));
      else if (shape[0] === batch) marks.forEach((_, e) => (marks[e] = Number(reach[Math.floor(e / shape[1])] >= 0)));
      else marks.fill(1);
      return marks;
    }),
  ];
};

/** Loops along a sequence: what is stacked at a step depends on the slices up to it. */
const scan: Rule = (call, made, _data, wanted) => {
  const constants = call.number("n_consts");
  const carried = call.number("n_carry");
  const length = call.number("length");
  const reverse = call.flag("reverse");
  let reach = made.slice(0, carried).some((m) => m?.includes(1)) ? length - 1 : -1;
  made.slice(carried).forEach((marks, k) => {
    const width = size(call.outputs[carried + k].shape.slice(1));
    marks?.forEach((on, e) => {
      const step = Math.floor(e / width);
      if (on) reach = Math.max(reach, reverse ? length - 1 - step : step);
    });
  });
  return call.inputs.map((x, i) => {
    if (reach < 0 || !wanted[i]) return null;
    const marks = blank(x);
    if (i < constants + carried) return marks.fill(1);
    const width = size(x.shape.slice(1));
    return reverse ? marks.fill(1, (length - 1 - reach) * width) : marks.fill(1, 0, (reach + 1) * width);
  });
};

const axisOf = (call: Call) => [call.number("axis")];
const axesOf = (call: Call) => call.numbers("axes");

const RULES: Record<string, Rule> = {
  full: none,
  iota: none,
  random_bits: none,
  reshape,
  transpose: moved((call) => {
    const own = strides(call.inputs[0].shape);
    return places(call.outputs[0].shape, call.numbers("perm").map((axis) => own[axis]));
  }),
  broadcast_to: elementwise,
  pad: placed((call) => {
    const own = strides(call.outputs[0].shape);
    return places(call.inputs[0].shape, own, start(call.pairs("widths").map(([before]) => before), own));
  }),
  slice: moved((call) => sliced(call, call.inputs[0], call.outputs[0])),
  pad_strided: placed((call) => sliced(call, call.outputs[0], call.inputs[0])),
  concat,
  flip,
  matmul,
  conv,
  conv_input_grad: transposedConv,
  max_pool: pool,
  sum_pool: pool,
  take,
  softmax: lined(() => "all"),
  log_softmax: lined(() => "all"),
  sort: lined(() => "all"),
  argsort: lined(() => "all"),
  cumsum: lined((call) => (call.flag("reverse") ? "behind" : "before")),
  cumprod: lined((call) => (call.flag("reverse") ? "behind" : "before")),
  argmax: reduced(axisOf),
  argmin: reduced(axisOf),
  softmax_cross_entropy_with_logits: all,
  lstm: recurrent,
  gru: recurrent,
  simple_rnn: recurrent,
  scan,
};
for (const name of ["sum", "prod", "max", "min", "any", "all", "variance"]) RULES[name] = reduced(axesOf);
for (const name of [
  "add sub mul div floordiv mod pow maximum minimum atan2 neg abs sign eq ne lt le gt ge isnan isfinite isinf",
  "logical_not bitwise_not bitwise_and bitwise_or bitwise_xor shift_left shift_right exp expm1 log log1p sqrt",
  "rsqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfinv logistic lgamma digamma polygamma",
  "floor ceil round select cast stop_gradient relu log_logistic cbrt logaddexp with_gradient_of",
].flatMap((line) => line.split(" ")))
  RULES[name] = elementwise;
