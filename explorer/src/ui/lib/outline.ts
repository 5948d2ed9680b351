/** The border around places that are on, whatever their form: boxes, holes of dilation, wrapped vectors.
 * `within` (ends included) says where any can be, so that large maps needn't be walked whole. */
export function tracePlaces(
  path: CanvasRenderingContext2D,
  on: (row: number, column: number) => boolean,
  rows: number,
  columns: number,
  x0: number,
  y0: number,
  width: number,
  height: number,
  within: { rows: [number, number]; columns: [number, number] } = { rows: [0, rows - 1], columns: [0, columns - 1] },
): void {
  const is = (row: number, column: number) =>
    row >= 0 && column >= 0 && row < rows && column < columns && on(row, column);
  for (let row = within.rows[0]; row <= within.rows[1]; row++)
    for (let column = within.columns[0]; column <= within.columns[1]; column++) {
      if (!on(row, column)) continue;
      const x = x0 + column * width, y = y0 + row * height;
      if (!is(row - 1, column)) line(path, x, y, x + width, y);
      if (!is(row + 1, column)) line(path, x, y + height, x + width, y + height);
      if (!is(row, column - 1)) line(path, x, y, x, y + height);
      if (!is(row, column + 1)) line(path, x + width, y, x + width, y + height);
    }
}

function line(path: CanvasRenderingContext2D, x: number, y: number, toX: number, toY: number): void {
  path.moveTo(x, y);
  path.lineTo(toX, toY);
}

/** A canvas of CSS size in device pixels, cleared, with its pen. */
export function penOf(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  const w = Math.max(1, Math.round(width * ratio));
  const h = Math.max(1, Math.round(height * ratio));
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const context = canvas.getContext("2d")!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}
