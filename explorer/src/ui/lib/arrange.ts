/** Where tiles are put, in CSS pixels. */
import type { View } from "../../format";
import { flatOf, product, tilesOf, type Tiles } from "./tiles";

export interface Arrangement {
  tiles: Tiles;
  shown: number; // tiles that are drawn
  width: number;
  height: number;
  cellWidth: number;
  cellHeight: number;
  tileWidth: number;
  tileHeight: number;
  grid: boolean; // cells are large enough to be told apart by lines
  corner: (tile: number) => [number, number];
  perRow: number;
}

const GAP = 6;

/** The side of a tile that leaves room for all, within what the eye can still read. */
function sideFor(count: number): number {
  if (count <= 1) return 224;
  if (count <= 8) return 104;
  if (count <= 32) return 80;
  return count <= 128 ? 56 : 40;
}

const cellForVector = (size: number) => (size <= 16 ? 30 : size <= 64 ? 18 : size <= 256 ? 12 : size <= 2048 ? 8 : 4);

/** `width`: the room there is. `side`: the side of a tile, instead of one that follows from their number. */
export function arrange(
  view: View, shape: readonly number[], width: number, mostTiles = Infinity, side: number | null = null,
): Arrangement {
  const size = product(shape);
  let cellWidth: number;
  let cellHeight: number;
  let tiles: Tiles;
  if (view.kind === "vector" || view.kind === "scalar" || (view.kind === "tensor" && shape.length < 2)) {
    cellWidth = cellHeight = side ?? cellForVector(size);
    tiles = tilesOf(view, shape, Math.max(1, Math.floor(width / cellWidth)));
  } else {
    tiles = tilesOf(view, shape);
    const { rows, columns } = tiles;
    if (view.kind === "sequence" || view.kind === "tensor") {
      cellWidth = fit(Math.min(22, width / columns));
      cellHeight = fit(Math.min(16, Math.max(220 / rows, 1)));
    } else {
      const target = Math.min(side ?? sideFor(tiles.count), width);
      cellWidth = cellHeight = fit(Math.min(16, target / Math.max(rows, columns, 1)));
    }
  }
  const tileWidth = tiles.columns * cellWidth;
  const tileHeight = tiles.rows * cellHeight;
  const shown = Math.min(tiles.count, mostTiles);
  const fitting = Math.max(1, Math.min(shown, Math.floor((width + GAP) / (tileWidth + GAP))));
  const lines = Math.ceil(shown / fitting);
  const perRow = Math.max(1, Math.ceil(shown / Math.max(1, lines))); // rows as even as they can be
  return {
    tiles, shown, cellWidth, cellHeight, tileWidth, tileHeight, perRow,
    grid: cellWidth >= 12 && cellHeight >= 12,
    width: Math.max(1, perRow * (tileWidth + GAP) - GAP),
    height: Math.max(1, lines * (tileHeight + GAP) - GAP),
    corner: (tile) => [(tile % perRow) * (tileWidth + GAP), Math.floor(tile / perRow) * (tileHeight + GAP)],
  };
}

/** Whole pixels where there is one for each cell. */
const fit = (cell: number): number => (cell >= 1 ? Math.floor(cell) : cell);

/** The flat place under a point, or null between tiles. */
export function cellAt(a: Arrangement, x: number, y: number): number | null {
  const across = Math.floor(x / (a.tileWidth + GAP));
  const down = Math.floor(y / (a.tileHeight + GAP));
  const tile = down * a.perRow + across;
  const column = Math.floor((x - across * (a.tileWidth + GAP)) / a.cellWidth);
  const row = Math.floor((y - down * (a.tileHeight + GAP)) / a.cellHeight);
  if (x < 0 || y < 0 || across >= a.perRow || tile >= a.shown) return null;
  if (column < 0 || row < 0 || column >= a.tiles.columns || row >= a.tiles.rows) return null;
  const flat = flatOf(a.tiles, tile, row, column);
  return flat < a.tiles.size ? flat : null;
}
