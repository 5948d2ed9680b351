/** The 3-D node view: layers are planes that lie above each other, seen from any side without perspective.
 *
 * A plane is x to the right and z towards the reader; layers go up along y. Parallel projection keeps planes
 * affine, so that a whole layer is one bitmap under one transform and no WebGL is needed. */
import type { Tensor, View } from "../../format";
import type { Palette } from "./colour";
import { flatOf, tilesOf, type Tiles } from "./tiles";

export interface Plane {
  layer: number;
  tiles: Tiles;
  perRow: number; // tiles side by side
  shown: number;
  columns: number; // cells of the whole plane, gaps between tiles included
  rows: number;
  cell: number; // size of a cell in the world
  y: number;
}

export interface Camera {
  yaw: number;
  pitch: number;
  zoom: number;
}

/** canvas = (a*u + c*v + e, b*u + d*v + f) for a cell (u, v) of a plane. */
export type Affine = [a: number, b: number, c: number, d: number, e: number, f: number];

const WIDTH = 170;
const AIR = 20; // between two layers
const MOST_TILES = 144;

/** `aspect`: of the room there is; where it is wide, so are planes, unless few layers leave room above. */
export function planesOf(layers: { layer: number; view: View; shape: readonly number[] }[], aspect = 1): Plane[] {
  const wide = Math.min(2, Math.max(1, (aspect * 0.62 * layers.length * AIR * 1.6) / WIDTH));
  let y = 0;
  let before = 0;
  return layers.map(({ layer, view, shape }) => {
    const flat = view.kind === "vector" || view.kind === "scalar";
    const size = shape.reduce((a, b) => a * b, 1);
    const wrap = flat ? (size <= 32 ? size : Math.ceil(Math.sqrt(size * 5))) : 32;
    const tiles = tilesOf(view, shape, wrap);
    const shown = Math.min(tiles.count, MOST_TILES);
    const perRow = shown <= 8 ? shown : Math.ceil(Math.sqrt(shown * 3 * (tiles.rows / Math.max(1, tiles.columns))));
    const columns = perRow * (tiles.columns + 1) - 1;
    const rows = Math.ceil(shown / perRow) * (tiles.rows + 1) - 1;
    const cell = Math.min(8 * wide, (WIDTH * wide) / Math.max(columns, rows * 3));
    // Deep planes need more air, or each would hide the one below it.
    const half = (rows * cell) / 2;
    y += AIR + (before + half) * 0.55;
    before = half;
    return { layer, tiles, perRow, shown, columns, rows, cell, y };
  });
}

/** Which tile, row and column lie at a cell of the plane; null in a gap. */
export function flatAt(plane: Plane, u: number, v: number): number | null {
  const { tiles, perRow } = plane;
  const across = Math.floor(u / (tiles.columns + 1)), down = Math.floor(v / (tiles.rows + 1));
  const column = Math.floor(u - across * (tiles.columns + 1)), row = Math.floor(v - down * (tiles.rows + 1));
  const tile = down * perRow + across;
  if (u < 0 || v < 0 || across >= perRow || tile >= plane.shown || column >= tiles.columns || row >= tiles.rows) return null;
  const flat = flatOf(tiles, tile, row, column);
  return flat < tiles.size ? flat : null;
}

export const cornerOf = (plane: Plane, tile: number): [number, number] => [
  (tile % plane.perRow) * (plane.tiles.columns + 1),
  Math.floor(tile / plane.perRow) * (plane.tiles.rows + 1),
];

export interface Projection {
  of: (x: number, y: number, z: number) => [number, number];
  plane: (plane: Plane) => Affine;
}

export function project(planes: readonly Plane[], camera: Camera, width: number, height: number): Projection {
  const cos = Math.cos(camera.yaw), sin = Math.sin(camera.yaw);
  const up = Math.cos(camera.pitch), tilt = Math.sin(camera.pitch);
  const raw = (x: number, y: number, z: number): [number, number] => [
    x * cos - z * sin,
    (x * sin + z * cos) * tilt - y * up,
  ];
  let left = Infinity, right = -Infinity, top = Infinity, bottom = -Infinity;
  for (const plane of planes)
    for (const sx of [-0.5, 0.5])
      for (const sz of [-0.5, 0.5]) {
        const [x, y] = raw(sx * plane.columns * plane.cell, plane.y, sz * plane.rows * plane.cell);
        left = Math.min(left, x); right = Math.max(right, x);
        top = Math.min(top, y); bottom = Math.max(bottom, y);
      }
  const margin = 28;
  const scale = planes.length
    ? Math.min((width - 2 * margin) / Math.max(1, right - left), (height - 2 * margin) / Math.max(1, bottom - top)) * camera.zoom
    : 1;
  const cx = width / 2 - ((left + right) / 2) * scale, cy = height / 2 - ((top + bottom) / 2) * scale;
  const of = (x: number, y: number, z: number): [number, number] => {
    const [px, py] = raw(x, y, z);
    return [cx + px * scale, cy + py * scale];
  };
  return {
    of,
    plane: (plane) => {
      const { cell, columns, rows, y } = plane;
      const [e, f] = of((-columns / 2) * cell, y, (-rows / 2) * cell);
      const k = cell * scale;
      return [cos * k, sin * tilt * k, -sin * k, cos * tilt * k, e, f];
    },
  };
}

export function unproject([a, b, c, d, e, f]: Affine, x: number, y: number): [number, number] {
  const det = a * d - b * c;
  if (Math.abs(det) < 1e-9) return [-1, -1];
  return [(d * (x - e) - c * (y - f)) / det, (a * (y - f) - b * (x - e)) / det];
}

/** A layer's bitmap: cells with a seam between them while they are few enough to be told apart. */
export function bitmap(plane: Plane, tensor: Tensor, palette: Palette, limit: number): HTMLCanvasElement {
  const { tiles } = plane;
  const cells = plane.columns * plane.rows;
  const side = cells <= 6000 ? 6 : cells <= 40_000 ? 3 : 1;
  const seam = side >= 3 ? 1 : 0;
  const canvas = document.createElement("canvas");
  canvas.width = plane.columns * side;
  canvas.height = plane.rows * side;
  const pen = canvas.getContext("2d")!;
  const image = pen.createImageData(canvas.width, canvas.height);
  const words = new Uint32Array(image.data.buffer);
  const scale = 127.5 / limit;
  for (let tile = 0; tile < plane.shown; tile++) {
    const [left, top] = cornerOf(plane, tile);
    for (let r = 0; r < tiles.rows; r++)
      for (let c = 0; c < tiles.columns; c++) {
        const flat = flatOf(tiles, tile, r, c);
        if (flat >= tiles.size) continue;
        const at = Math.round(127.5 + tensor.data[flat]! * scale);
        const word = palette.words[at < 0 ? 0 : at > 255 ? 255 : at || 0]!;
        const x0 = (left + c) * side, y0 = (top + r) * side;
        for (let y = y0; y < y0 + side - seam; y++) words.fill(word, y * canvas.width + x0, y * canvas.width + x0 + side - seam);
      }
  }
  pen.putImageData(image, 0, 0);
  return canvas;
}
