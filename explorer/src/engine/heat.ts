// Maps that say which places of an input matter for a class.

import type { Data, HeatMap, InputInfo, LayerInfo, OcclusionOptions } from "../format";
import { offset, size } from "./arrays";

function ranged(rows: number, columns: number, values: Float32Array): HeatMap {
  let [low, high] = [Infinity, -Infinity];
  for (const v of values) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  return values.length ? { rows, columns, values, low, high } : { rows, columns, values, low: 0, high: 0 };
}

/** Rows, columns and depth of an input as a picture: sequences are one row of steps, tables one of features. */
export interface Grid {
  rows: number;
  columns: number;
  /** Flat places in the input of a cell. */
  cell: (row: number, column: number) => number[];
}

export function gridOf(input: InputInfo): Grid {
  const { image, shape } = input;
  if (image) {
    const { rows, columns, channels } = image;
    const index = {
      channels_last: (r: number, c: number, k: number) => (r * columns + c) * channels + k,
      flat: (r: number, c: number, k: number) => (r * columns + c) * channels + k,
      channels_first: (r: number, c: number, k: number) => (k * rows + r) * columns + c,
      none: (r: number, c: number) => r * columns + c,
    }[image.layout];
    return { rows, columns, cell: (r, c) => Array.from({ length: channels }, (_, k) => index(r, c, k)) };
  }
  if (shape.length === 1) return { rows: 1, columns: shape[0], cell: (_, c) => [c] };
  const [steps] = shape.length ? shape : [1];
  const width = size(shape.slice(1));
  return { rows: 1, columns: steps, cell: (_, c) => Array.from({ length: width }, (__, k) => c * width + k) };
}

/** For each cell of the input the greatest of its values, by size, with its sign. */
export function saliencyMap(grid: Grid, gradient: Data): HeatMap {
  const values = new Float32Array(grid.rows * grid.columns);
  for (let r = 0; r < grid.rows; r++)
    for (let c = 0; c < grid.columns; c++) {
      let best = 0;
      for (const place of grid.cell(r, c)) if (Math.abs(gradient[place]) > Math.abs(best)) best = gradient[place];
      values[r * grid.columns + c] = best;
    }
  return ranged(grid.rows, grid.columns, values);
}

/** For tokens: the length of the gradient by each token's vector. */
export function lengths(gradient: Data, steps: number): HeatMap {
  const width = gradient.length / steps;
  const values = new Float32Array(steps);
  for (let i = 0; i < gradient.length; i++) values[Math.floor(i / width)] += gradient[i] ** 2;
  return ranged(1, steps, values.map(Math.sqrt));
}

/**
 * relu(sum over channels of mean gradient * map).
 * Selvaraju et al., Grad-CAM (2017), equations 1 and 2.
 */
export function gradCamMap(layer: LayerInfo, values: Data, gradient: Data): HeatMap {
  const { shape, view } = layer.outputs[0];
  if (view.kind !== "maps" && view.kind !== "sequence") throw new Error(`${layer.name} has no maps for Grad-CAM.`);
  const maps = view.kind === "maps";
  const [rowAxis, columnAxis] = maps ? [view.rows, view.columns] : [-1, view.steps];
  const channelAxis = maps ? view.channels : view.features;
  const [rows, columns, channels] = [maps ? shape[rowAxis] : 1, shape[columnAxis], shape[channelAxis]];
  const at = (r: number, c: number, k: number) => {
    const index = new Array<number>(shape.length);
    if (maps) index[rowAxis] = r;
    index[columnAxis] = c;
    index[channelAxis] = k;
    return offset(shape, index);
  };
  const made = new Float64Array(rows * columns);
  for (let k = 0; k < channels; k++) {
    let weight = 0;
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) weight += gradient[at(r, c, k)];
    weight /= rows * columns;
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) made[r * columns + c] += weight * values[at(r, c, k)];
  }
  return ranged(rows, columns, Float32Array.from(made, (v) => Math.max(v, 0)));
}

/**
 * How much a score falls when a window is covered; each cell gets the mean of the windows that cover it.
 * Zeiler and Fergus, Visualizing and understanding convolutional networks (2014).
 */
export async function occlusionMap(
  input: InputInfo,
  sample: Data,
  score: (data: Data) => number,
  options: OcclusionOptions,
  pause: (share: number) => Promise<void>,
): Promise<HeatMap> {
  const grid = gridOf(input);
  const single = !input.image;
  const side = options.window ?? (single ? 1 : Math.max(1, Math.round(Math.min(grid.rows, grid.columns) / 7)));
  const step = options.stride ?? Math.max(1, Math.floor(side / 2));
  const cover = input.image ? input.image.background : input.kind === "tokens" ? 0 : mean(sample);
  const whole = score(sample);
  const starts = (length: number, window: number) => {
    const found: number[] = [];
    for (let s = 0; s + window < length; s += step) found.push(s);
    found.push(Math.max(0, length - window));
    return found;
  };
  const [high, wide] = [Math.min(side, grid.rows), Math.min(side, grid.columns)];
  const corners = starts(grid.rows, high).flatMap((r) => starts(grid.columns, wide).map((c) => [r, c]));
  const sums = new Float64Array(grid.rows * grid.columns);
  const counts = new Float64Array(sums.length);
  for (const [number, [top, left]] of corners.entries()) {
    await pause(number / corners.length);
    const covered = sample.slice();
    for (let r = top; r < top + high; r++)
      for (let c = left; c < left + wide; c++) for (const place of grid.cell(r, c)) covered[place] = cover;
    const fall = whole - score(covered);
    for (let r = top; r < top + high; r++)
      for (let c = left; c < left + wide; c++) {
        sums[r * grid.columns + c] += fall;
        counts[r * grid.columns + c]++;
      }
  }
  return ranged(grid.rows, grid.columns, Float32Array.from(sums, (sum, i) => (counts[i] ? sum / counts[i] : 0)));
}

function mean(values: Data): number {
  let sum = 0;
  for (const v of values) sum += v;
  return values.length ? sum / values.length : 0;
}
