// Sliding windows: which place of the input each place of a window lies on.

import { size, strides, unravel } from "../arrays";

export interface Windows {
  outputs: number; // number of windows
  cells: number; // places in a window
  inputs: number; // places of the input
  /** [window * cells + cell]: flat place in the input, -1 outside of it. */
  at: Int32Array;
}

/** The table for an input of spatial shape `spatial`; padding counts before and after each axis. */
export function windows(
  spatial: readonly number[],
  kernel: readonly number[],
  steps: readonly number[],
  padding: readonly (readonly [number, number])[],
  dilation: readonly number[] = kernel.map(() => 1),
): Windows {
  const counts = spatial.map((n, i) => {
    const room = n + padding[i][0] + padding[i][1] - dilation[i] * (kernel[i] - 1) - 1;
    return Math.floor(room / steps[i]) + 1;
  });
  const outputs = size(counts);
  const cells = size(kernel);
  const own = strides(spatial);
  const at = new Int32Array(outputs * cells);
  const offsets = Array.from({ length: cells }, (_, cell) => unravel(kernel, cell).map((k, i) => k * dilation[i]));
  for (let o = 0; o < outputs; o++) {
    const corner = unravel(counts, o).map((p, i) => p * steps[i] - padding[i][0]);
    for (let cell = 0; cell < cells; cell++) {
      let place = 0;
      for (let i = 0; i < spatial.length; i++) {
        const p = corner[i] + offsets[cell][i];
        if (p < 0 || p >= spatial[i]) {
          place = -1;
          break;
        }
        place += p * own[i];
      }
      at[o * cells + cell] = place;
    }
  }
  return { outputs, cells, inputs: size(spatial), at };
}
