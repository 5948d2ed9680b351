// Loops and conditions, whose bodies are graphs.

import type { Data } from "../../format";
import { size, zeros } from "../arrays";
import type { Row } from "./row";

const scan: Row = (call) => {
  const body = call.body("body");
  const run = call.compile(body);
  const constants = call.number("n_consts");
  const carried = call.number("n_carry");
  const length = call.number("length");
  const reverse = call.flag("reverse");
  const sliced = call.inputs.slice(constants + carried).map(({ shape }) => size(shape.slice(1)));
  const stacked = call.outputs.slice(carried);
  return (arrays) => {
    const fixed = arrays.slice(0, constants);
    let carry = arrays.slice(constants, constants + carried);
    const rows = arrays.slice(constants + carried);
    const made: Data[] = stacked.map(({ dtype, shape }) => zeros(dtype, size(shape)));
    for (let step = 0; step < length; step++) {
      const at = reverse ? length - 1 - step : step;
      const slices = rows.map((x, i) => x.subarray(at * sliced[i], (at + 1) * sliced[i]));
      const results = run([...fixed, ...carry, ...slices]);
      carry = results.slice(0, carried);
      results.slice(carried).forEach((y, i) => made[i].set(y, at * y.length));
    }
    return [...carry, ...made];
  };
};

const MOST_STEPS = 1e6; // a page must not hang on a loop that never ends

const whileLoop: Row = (call) => {
  const test = call.compile(call.body("cond"));
  const run = call.compile(call.body("body"));
  const first = call.number("n_cond");
  const second = first + call.number("n_body");
  return (arrays) => {
    const testing = arrays.slice(0, first);
    const fixed = arrays.slice(first, second);
    let carry = arrays.slice(second);
    for (let step = 0; test([...testing, ...carry])[0][0]; step++) {
      if (step === MOST_STEPS) throw new Error(`while_loop: no end after ${MOST_STEPS} steps.`);
      carry = run([...fixed, ...carry]);
    }
    return carry;
  };
};

const cond: Row = (call) => {
  const yes = call.compile(call.body("yes"));
  const no = call.compile(call.body("no"));
  const count = call.number("n_yes");
  return ([taken, ...rest]) => (taken[0] ? yes(rest.slice(0, count)) : no(rest.slice(count)));
};

export const CONTROL: Record<string, Row> = { scan, while_loop: whileLoop, cond };
