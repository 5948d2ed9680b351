/** Drawing on a grid of ink, 0 to 1, without a canvas, so that the numbers are the same in every browser. */
export interface Sheet {
  rows: number;
  columns: number;
  ink: Float32Array;
}

export const sheet = (rows: number, columns: number): Sheet => ({ rows, columns, ink: new Float32Array(rows * columns) });

/** A stroke from one point to another with round ends and an edge one cell soft; `erase` takes ink away. */
export function stroke(on: Sheet, x0: number, y0: number, x1: number, y1: number, radius: number, erase = false): void {
  const left = Math.max(0, Math.floor(Math.min(x0, x1) - radius - 1));
  const right = Math.min(on.columns - 1, Math.ceil(Math.max(x0, x1) + radius + 1));
  const top = Math.max(0, Math.floor(Math.min(y0, y1) - radius - 1));
  const bottom = Math.min(on.rows - 1, Math.ceil(Math.max(y0, y1) + radius + 1));
  const dx = x1 - x0, dy = y1 - y0;
  const length = dx * dx + dy * dy;
  for (let y = top; y <= bottom; y++)
    for (let x = left; x <= right; x++) {
      const px = x + 0.5 - x0, py = y + 0.5 - y0;
      const along = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
      const distance = Math.hypot(px - along * dx, py - along * dy);
      const cover = Math.min(1, Math.max(0, radius + 0.5 - distance));
      const i = y * on.columns + x;
      on.ink[i] = erase ? Math.min(on.ink[i]!, 1 - cover) : Math.max(on.ink[i]!, cover);
    }
}

/** Every pixel of a small picture as a block of `factor` by `factor` cells. */
export function enlarge(on: Sheet, factor: number, pixel: (row: number, column: number) => number): void {
  for (let y = 0; y < on.rows; y++)
    for (let x = 0; x < on.columns; x++)
      on.ink[y * on.columns + x] = pixel(Math.floor(y / factor), Math.floor(x / factor));
}

export function setBlock(on: Sheet, factor: number, row: number, column: number, value: number): void {
  for (let y = row * factor; y < (row + 1) * factor; y++) on.ink.fill(value, y * on.columns + column * factor, y * on.columns + (column + 1) * factor);
}
