/** How the numbers of an output lie as tiles of rows and columns.
 *
 * For every view the flat place of a number is `tile * byTile + row * byRow + column * byColumn`; a
 * vector is one tile that is wrapped into rows. */
import type { View } from "../../format";

export interface Tiles {
  count: number;
  rows: number;
  columns: number;
  byTile: number;
  byRow: number;
  byColumn: number;
  /** How many numbers there are; the last row of a wrapped vector may be shorter. */
  size: number;
  /** What a tile is: a channel of maps, or nothing where there is only one. */
  axis: number | null;
}

export function strides(shape: readonly number[]): number[] {
  const out = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) out[i] = out[i + 1]! * shape[i + 1]!;
  return out;
}

export const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** `wrap`: how many numbers of a vector fit in a row. */
export function tilesOf(view: View, shape: readonly number[], wrap = 32): Tiles {
  const by = strides(shape);
  const size = product(shape);
  const one = { count: 1, byTile: 0, size, axis: null };
  switch (view.kind) {
    case "maps":
      return {
        count: shape[view.channels]!, rows: shape[view.rows]!, columns: shape[view.columns]!,
        byTile: by[view.channels]!, byRow: by[view.rows]!, byColumn: by[view.columns]!,
        size, axis: view.channels,
      };
    case "plane":
      return { ...one, rows: shape[view.rows]!, columns: shape[view.columns]!, byRow: by[view.rows]!, byColumn: by[view.columns]! };
    case "sequence": // time goes from left to right
      return { ...one, rows: shape[view.features]!, columns: shape[view.steps]!, byRow: by[view.features]!, byColumn: by[view.steps]! };
    case "tensor": {
      const columns = shape.length > 1 ? shape[shape.length - 1]! : Math.min(size, wrap);
      return { ...one, rows: Math.ceil(size / Math.max(1, columns)), columns, byRow: columns, byColumn: 1 };
    }
    default: {
      const columns = Math.max(1, Math.min(size, wrap));
      return { ...one, rows: Math.ceil(size / columns), columns, byRow: columns, byColumn: 1 };
    }
  }
}

export const flatOf = (tiles: Tiles, tile: number, row: number, column: number): number =>
  tile * tiles.byTile + row * tiles.byRow + column * tiles.byColumn;

/** Where a flat place is drawn. */
export function placeOf(tiles: Tiles, flat: number): { tile: number; row: number; column: number } {
  const parts: [keyof ReturnType<typeof zero>, number, number][] = [
    ["tile", tiles.byTile, tiles.count],
    ["row", tiles.byRow, tiles.rows],
    ["column", tiles.byColumn, tiles.columns],
  ];
  const out = zero();
  let rest = flat;
  for (const [name, by] of parts.filter(([, by, n]) => by > 0 && n > 1).sort((a, b) => b[1] - a[1])) {
    out[name] = Math.floor(rest / by);
    rest -= out[name] * by;
  }
  return out;
}

const zero = () => ({ tile: 0, row: 0, column: 0 });

export function unitOf(flat: number, shape: readonly number[]): number[] {
  let rest = flat;
  return strides(shape).map((by) => {
    const i = Math.floor(rest / by);
    rest -= i * by;
    return i;
  });
}

export const flatIndex = (unit: readonly number[], shape: readonly number[]): number =>
  strides(shape).reduce((sum, by, i) => sum + by * unit[i]!, 0);
