import type { Palette } from "./colour";

/** Values as pixels of an ImageData, one pixel a value; NaN and infinities are magenta. */
export function raster(
  values: ArrayLike<number>,
  width: number,
  height: number,
  at: (index: number) => number,
  palette: Palette,
  low: number,
  high: number,
): ImageData {
  const image = new ImageData(Math.max(1, width), Math.max(1, height));
  const words = new Uint32Array(image.data.buffer);
  const scale = 255 / (high - low || 1);
  for (let i = 0; i < width * height; i++) {
    const value = values[at(i)];
    if (value === undefined) continue; // behind the end of a wrapped vector: clear
    if (!Number.isFinite(value)) words[i] = 0xffb400ff;
    else {
      const place = Math.round((value - low) * scale);
      words[i] = palette.words[place < 0 ? 0 : place > 255 ? 255 : place]!;
    }
  }
  return image;
}

/** A picture with three or four channels of values in [low, high]. */
export function rasterRgb(
  values: ArrayLike<number>,
  width: number,
  height: number,
  channels: number,
  low: number,
  high: number,
): ImageData {
  const image = new ImageData(width, height);
  const scale = 255 / (high - low || 1);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[i * 4 + c] = (values[i * channels + c]! - low) * scale;
    image.data[i * 4 + 3] = 255;
  }
  return image;
}

/** Puts pixels on a canvas of exactly their size; CSS scales it. */
export function show(canvas: HTMLCanvasElement, image: ImageData): void {
  if (canvas.width !== image.width) canvas.width = image.width;
  if (canvas.height !== image.height) canvas.height = image.height;
  canvas.getContext("2d")!.putImageData(image, 0, 0);
}

/** The width of a row when `count` things of one size are put in a near-square block. */
export const nearSquare = (count: number, most = Infinity): number =>
  Math.max(1, Math.min(most, Math.ceil(Math.sqrt(count))));
