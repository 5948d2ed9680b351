// Whole sequences of recurrent layers, and their gradients; see minikeras/engine/prims/recurrent.py.
//
// One sample goes through all steps before the next one begins: steps of samples do not meet.

import type { Data } from "../../format";
import { size, zeros } from "../arrays";
import type { Call, Kernel, Row } from "./row";

const logistic = (x: number) => 1 / (1 + Math.exp(-x));

/** Sizes, order and mask of a walk along time. */
class Walk {
  readonly batch: number;
  readonly time: number;
  readonly units: number;
  private readonly reverse: boolean;

  constructor(call: Call, states: readonly number[]) {
    [this.batch, this.time, this.units] = states;
    this.reverse = call.flag("reverse");
  }

  /** Where a step is in `x` and in the mask. */
  place(step: number): number {
    return this.reverse ? this.time - 1 - step : step;
  }

  /** Whether a step of a sample is real. */
  real(mask: Data | undefined, n: number, step: number): boolean {
    return !mask || Boolean(mask[n * this.time + this.place(step)]);
  }
}

/** sums[j] += vector . column j of a matrix with `columns` columns. */
function product(vector: Float64Array, matrix: Data, columns: number, sums: Float64Array): void {
  for (let i = 0; i < vector.length; i++) {
    const value = vector[i];
    const row = i * columns;
    for (let j = 0; j < columns; j++) sums[j] += value * matrix[row + j];
  }
}

/** out[i] = vector . row i: the product with the transposed matrix. */
function backProduct(vector: Float64Array, matrix: Data, columns: number, out: Float64Array): void {
  for (let i = 0; i < out.length; i++) {
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += vector[j] * matrix[i * columns + j];
    out[i] = sum;
  }
}

function results(call: Call): Data[] {
  return call.outputs.map((out) => zeros(out.dtype, size(out.shape)));
}

const lstm: Row = (call): Kernel => {
  const walk = new Walk(call, call.outputs[0].shape);
  const { batch, time, units } = walk;
  const wide = 4 * units;
  return ([x, h0, c0, w, mask]) => {
    const [hs, last, cs, gates] = results(call);
    const z = new Float64Array(wide);
    for (let n = 0; n < batch; n++) {
      const h = Float64Array.from(h0.subarray(n * units, (n + 1) * units));
      const c = Float64Array.from(c0.subarray(n * units, (n + 1) * units));
      for (let step = 0; step < time; step++) {
        const row = (step * batch + n) * units;
        if (walk.real(mask, n, step)) {
          const at = (n * time + walk.place(step)) * wide;
          for (let j = 0; j < wide; j++) z[j] = x[at + j];
          product(h, w, wide, z);
          for (let j = 0; j < units; j++) {
            const i = logistic(z[j]);
            const f = logistic(z[units + j]);
            const candidate = Math.tanh(z[2 * units + j]);
            const o = logistic(z[3 * units + j]);
            c[j] = f * c[j] + i * candidate;
            h[j] = o * Math.tanh(c[j]);
            gates[4 * row + j] = i;
            gates[4 * row + units + j] = f;
            gates[4 * row + 2 * units + j] = candidate;
            gates[4 * row + 3 * units + j] = o;
          }
        }
        hs.set(h, (n * time + step) * units);
        cs.set(c, row);
      }
      last.set(c, n * units);
    }
    return [hs, last, cs, gates];
  };
};

const lstmGrad: Row = (call): Kernel => {
  const walk = new Walk(call, call.inputs[0].shape);
  const { batch, time, units } = walk;
  const wide = 4 * units;
  return ([g, gc, cs, gates, c0, w, mask]) => {
    const [dx, dh0, dc0] = results(call);
    const dz = new Float64Array(wide);
    const total = new Float64Array(units);
    for (let n = 0; n < batch; n++) {
      const dh = new Float64Array(units);
      const dc = Float64Array.from(gc.subarray(n * units, (n + 1) * units));
      for (let step = time - 1; step >= 0; step--) {
        const row = (step * batch + n) * units;
        for (let j = 0; j < units; j++) total[j] = dh[j] + g[(n * time + step) * units + j];
        if (!walk.real(mask, n, step)) {
          dh.set(total);
          continue;
        }
        for (let j = 0; j < units; j++) {
          const [i, f, candidate, o] = [0, 1, 2, 3].map((k) => gates[4 * row + k * units + j]);
          const t = Math.tanh(cs[row + j]);
          const before = step ? cs[row - batch * units + j] : c0[n * units + j];
          const inner = total[j] * o * (1 - t * t) + dc[j];
          dz[j] = inner * candidate * i * (1 - i);
          dz[units + j] = inner * before * f * (1 - f);
          dz[2 * units + j] = inner * i * (1 - candidate * candidate);
          dz[3 * units + j] = total[j] * t * o * (1 - o);
          dc[j] = inner * f;
        }
        dx.set(dz, (n * time + walk.place(step)) * wide);
        backProduct(dz, w, wide, dh);
      }
      dh0.set(dh, n * units);
      dc0.set(dc, n * units);
    }
    return [dx, dh0, dc0];
  };
};

const gru: Row = (call): Kernel => {
  const walk = new Walk(call, call.outputs[0].shape);
  const { batch, time, units } = walk;
  return ([x, h0, w, b, mask]) => {
    const [hs, saved] = results(call);
    const z = new Float64Array(3 * units);
    for (let n = 0; n < batch; n++) {
      const h = Float64Array.from(h0.subarray(n * units, (n + 1) * units));
      for (let step = 0; step < time; step++) {
        const row = 4 * (step * batch + n) * units;
        if (walk.real(mask, n, step)) {
          const at = 3 * (n * time + walk.place(step)) * units;
          for (let j = 0; j < 3 * units; j++) z[j] = b[j];
          product(h, w, 3 * units, z);
          for (let j = 0; j < units; j++) {
            const update = logistic(x[at + j] + z[j]);
            const reset = logistic(x[at + units + j] + z[units + j]);
            const inner = z[2 * units + j];
            const value = Math.tanh(x[at + 2 * units + j] + reset * inner);
            h[j] = value + update * (h[j] - value);
            [update, reset, inner, value].forEach((part, k) => (saved[row + k * units + j] = part));
          }
        }
        hs.set(h, (n * time + step) * units);
      }
    }
    return [hs, saved];
  };
};

const gruGrad: Row = (call): Kernel => {
  const walk = new Walk(call, call.inputs[0].shape);
  const { batch, time, units } = walk;
  return ([g, hs, saved, h0, w, mask]) => {
    const [dx, da, dh0] = results(call);
    const outer = new Float64Array(3 * units);
    const total = new Float64Array(units);
    for (let n = 0; n < batch; n++) {
      const dh = new Float64Array(units);
      for (let step = time - 1; step >= 0; step--) {
        const row = 4 * (step * batch + n) * units;
        const state = (n * time + step) * units;
        for (let j = 0; j < units; j++) total[j] = dh[j] + g[state + j];
        if (!walk.real(mask, n, step)) {
          dh.set(total);
          continue;
        }
        const inner = new Float64Array(3 * units);
        for (let j = 0; j < units; j++) {
          const [z, r, product, value] = [0, 1, 2, 3].map((k) => saved[row + k * units + j]);
          const before = step ? hs[state - units + j] : h0[n * units + j];
          const dn = (1 - z) * total[j] * (1 - value * value);
          outer[j] = (before - value) * total[j] * z * (1 - z);
          outer[units + j] = dn * product * r * (1 - r);
          outer[2 * units + j] = dn;
          inner[j] = outer[j];
          inner[units + j] = outer[units + j];
          inner[2 * units + j] = dn * r;
        }
        const at = 3 * (n * time + walk.place(step)) * units;
        dx.set(outer, at);
        da.set(inner, at);
        backProduct(inner, w, 3 * units, dh);
        for (let j = 0; j < units; j++) dh[j] += total[j] * saved[row + j];
      }
      dh0.set(dh, n * units);
    }
    return [dx, da, dh0];
  };
};

const ACTIVATIONS: Record<string, { value: (x: number) => number; slope: (y: number) => number }> = {
  tanh: { value: Math.tanh, slope: (y) => 1 - y * y },
  relu: { value: (x) => Math.max(x, 0), slope: (y) => Number(y > 0) },
  linear: { value: (x) => x, slope: () => 1 },
};

const simpleRnn: Row = (call): Kernel => {
  const walk = new Walk(call, call.outputs[0].shape);
  const { batch, time, units } = walk;
  const { value } = ACTIVATIONS[call.text("activation")];
  return ([x, h0, w, mask]) => {
    const [hs] = results(call);
    const z = new Float64Array(units);
    for (let n = 0; n < batch; n++) {
      const h = Float64Array.from(h0.subarray(n * units, (n + 1) * units));
      for (let step = 0; step < time; step++) {
        if (walk.real(mask, n, step)) {
          const at = (n * time + walk.place(step)) * units;
          for (let j = 0; j < units; j++) z[j] = x[at + j];
          product(h, w, units, z);
          for (let j = 0; j < units; j++) h[j] = value(z[j]);
        }
        hs.set(h, (n * time + step) * units);
      }
    }
    return [hs];
  };
};

const simpleRnnGrad: Row = (call): Kernel => {
  const walk = new Walk(call, call.inputs[0].shape);
  const { batch, time, units } = walk;
  const { slope } = ACTIVATIONS[call.text("activation")];
  return ([g, hs, w, mask]) => {
    const [dx, dh0] = results(call);
    const dz = new Float64Array(units);
    for (let n = 0; n < batch; n++) {
      const dh = new Float64Array(units);
      for (let step = time - 1; step >= 0; step--) {
        const state = (n * time + step) * units;
        for (let j = 0; j < units; j++) dh[j] += g[state + j];
        if (!walk.real(mask, n, step)) continue;
        for (let j = 0; j < units; j++) dz[j] = dh[j] * slope(hs[state + j]);
        dx.set(dz, (n * time + walk.place(step)) * units);
        backProduct(dz, w, units, dh);
      }
      dh0.set(dh, n * units);
    }
    return [dx, dh0];
  };
};

export const RECURRENT: Record<string, Row> = {
  lstm,
  lstm_grad: lstmGrad,
  gru,
  gru_grad: gruGrad,
  simple_rnn: simpleRnn,
  simple_rnn_grad: simpleRnnGrad,
};
