// A drawing made ready as MNIST's pictures were: cut out, scaled into a box of 20 by 20 pixels
// with its sides kept in proportion, and put into 28 by 28, by whole pixels, so that its centre of mass
// is in the pixel behind the middle (number 14 of 0 to 27), as it is in MNIST's files.
//
// LeCun, Cortes, Burges: The MNIST database of handwritten digits.

import type { Drawing, Tensor } from "../format";

const SHARE = 20 / 28; // of the picture's side that the box has

interface Plane {
  rows: number;
  columns: number;
  data: Float32Array;
}

/** The drawing as the network sees it, `(rows, columns)`, 0 ground and 1 ink. */
export function centre(drawing: Drawing): Tensor {
  const { rows, columns, centre: centred } = drawing.target;
  const plane = { rows: drawing.rows, columns: drawing.columns, data: drawing.ink };
  const made = centred ? centredPlane(plane, rows, columns) : fitted(plane, rows, columns);
  return { shape: [rows, columns], data: made };
}

/** The whole drawing, scaled to the picture's size. */
function fitted(plane: Plane, rows: number, columns: number): Float32Array {
  return resampled(plane, 0, 0, plane.rows / rows, plane.columns / columns, rows, columns);
}

function centredPlane(plane: Plane, rows: number, columns: number): Float32Array {
  const box = bounds(plane);
  if (!box) return new Float32Array(rows * columns);
  const room = Math.round(SHARE * Math.min(rows, columns));
  const scale = Math.max(box.height, box.width) / room; // places of the drawing for a pixel
  const high = Math.max(1, Math.round(box.height / scale));
  const wide = Math.max(1, Math.round(box.width / scale));
  const small = resampled(plane, box.top, box.left, box.height / high, box.width / wide, high, wide);
  const [x, y] = mass({ rows: high, columns: wide, data: small });
  const inside = (at: number, length: number, whole: number) => Math.min(Math.max(at, 0), whole - length);
  const top = inside(Math.floor(rows / 2) - Math.floor(y), high, rows);
  const left = inside(Math.floor(columns / 2) - Math.floor(x), wide, columns);
  const made = new Float32Array(rows * columns);
  for (let r = 0; r < high; r++)
    made.set(small.subarray(r * wide, (r + 1) * wide), (top + r) * columns + left);
  return made;
}

interface Box {
  top: number;
  left: number;
  height: number;
  width: number;
}

function bounds({ rows, columns, data }: Plane): Box | null {
  let [top, bottom, left, right] = [rows, -1, columns, -1];
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++)
      if (data[r * columns + c] > 0) {
        top = Math.min(top, r);
        bottom = Math.max(bottom, r);
        left = Math.min(left, c);
        right = Math.max(right, c);
      }
  return bottom < 0 ? null : { top, left, height: bottom - top + 1, width: right - left + 1 };
}

/** Where the ink's weight is: x, y, where the first place reaches from 0 to 1. */
function mass({ rows, columns, data }: Plane): [number, number] {
  let [total, x, y] = [0, 0, 0];
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      const ink = data[r * columns + c];
      total += ink;
      x += ink * (c + 0.5);
      y += ink * (r + 0.5);
    }
  return [x / total, y / total];
}

/**
 * Pixels from a place of the plane on, `down` and `across` places apart. Smaller pictures take the mean of
 * what a pixel covers; larger ones go between the middles of neighbours in straight lines. Outside is ground.
 */
function resampled(
  plane: Plane, top: number, left: number, down: number, across: number, rows: number, columns: number,
): Float32Array {
  const vertical = weights(plane.rows, top, down, rows);
  const horizontal = weights(plane.columns, left, across, columns);
  const made = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      let sum = 0;
      for (const [y, share] of vertical[r])
        for (const [x, part] of horizontal[c]) sum += share * part * plane.data[y * plane.columns + x];
      made[r * columns + c] = Math.min(Math.max(sum, 0), 1);
    }
  return made;
}

/** For each pixel the places along one axis, with their shares. */
function weights(length: number, start: number, step: number, count: number): [number, number][][] {
  const reach = Math.max(step, 1); // half the foot of the triangle, or the side of the box
  return Array.from({ length: count }, (_, pixel) => {
    const found: [number, number][] = [];
    if (step >= 1) {
      const [from, to] = [start + pixel * step, start + (pixel + 1) * step];
      for (let place = Math.max(Math.floor(from), 0); place < Math.min(to, length); place++) {
        const share = (Math.min(to, place + 1) - Math.max(from, place)) / step;
        if (share > 0) found.push([place, share]);
      }
      return found;
    }
    const middle = start + (pixel + 0.5) * step;
    for (let place = Math.max(Math.floor(middle - reach - 0.5), 0); place < length; place++) {
      const distance = Math.abs(place + 0.5 - middle);
      if (place + 0.5 > middle + reach) break;
      if (distance < reach) found.push([place, 1 - distance / reach]);
    }
    return found;
  });
}
