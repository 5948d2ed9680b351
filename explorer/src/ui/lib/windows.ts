/** The window of a unit, cut into slices that can be drawn: one for each channel. */
import type { Explanation, Term } from "../../format";

export interface Slices {
  count: number; // channels
  columns: number; // cells in a row of a slice
  perSlice: number;
  /** Which term is cell `cell` of slice `slice`. */
  term: (slice: number, cell: number) => number;
  sliceOf: (term: number) => number;
  cellOf: (term: number) => number;
}

export function slicesOf(explanation: Explanation): Slices {
  const shown = explanation.terms.length;
  const { grid } = explanation;
  const size = grid.reduce((a, b) => a * b, 1);
  if (grid.length === 3 && size >= shown) {
    const [rows, columns, channels] = grid as [number, number, number];
    return {
      count: channels, columns, perSlice: rows * columns,
      term: (slice, cell) => cell * channels + slice,
      sliceOf: (term) => term % channels,
      cellOf: (term) => Math.floor(term / channels),
    };
  }
  const columns = grid.length === 2 ? grid[1]! : Math.max(1, Math.ceil(Math.sqrt(shown)));
  return {
    count: 1, columns, perSlice: shown,
    term: (_, cell) => cell,
    sliceOf: () => 0,
    cellOf: (term) => term,
  };
}

/** Products added up to and including each term: what the animation counts with. */
export function runningSums(terms: readonly Term[]): Float64Array {
  const out = new Float64Array(terms.length);
  let sum = 0;
  terms.forEach((term, i) => (out[i] = sum += term.product));
  return out;
}

/** The places of a unit on its layer's map, row by row, where the window slides. */
export function nextUnit(unit: readonly number[], shape: readonly number[], axes: readonly number[], step: 1 | -1): number[] {
  const out = unit.slice();
  for (let i = axes.length - 1; i >= 0; i--) {
    const axis = axes[i]!;
    out[axis]! += step;
    if (out[axis]! >= 0 && out[axis]! < shape[axis]!) return out;
    out[axis] = step > 0 ? 0 : shape[axis]! - 1;
  }
  return out;
}
