/** Pictures from files and the clipboard, and pictures out of a sample's numbers. */
import type { ImageInfo, InputInfo, Tensor } from "../../format";
import type { Palettes } from "./colour";
import { raster, rasterRgb } from "./paint";

/** Where a pixel's channel lies in the flat array of an image input. */
export function pixelIndex(image: ImageInfo): (row: number, column: number, channel: number) => number {
  const { rows, columns, channels, layout } = image;
  if (layout === "channels_first") return (r, c, k) => (k * rows + r) * columns + c;
  if (layout === "none") return (r, c) => r * columns + c;
  return (r, c, k) => (r * columns + c) * channels + k;
}

/** What stands for black and white in a picture's numbers. */
export function valueRange(input: InputInfo): [number, number] {
  const image = input.image;
  if (image?.drawable) return [image.background, image.ink];
  if (input.low >= 0 && input.high <= 1) return [0, 1];
  if (input.low >= 0 && input.high <= 255) return [0, 255];
  return [input.low, input.high];
}

/** One-channel drawings follow the page's paper and ink; photographs look the same on any page. */
export function inputPixels(input: InputInfo, tensor: Tensor, colours: Palettes, photo: Palettes): ImageData {
  const image = input.image!;
  const [low, high] = valueRange(input);
  const index = pixelIndex(image);
  const { rows, columns, channels } = image;
  if (channels < 3) {
    const palette = (image.drawable ? colours : photo).ink;
    const at = (i: number) => index(Math.floor(i / columns), i % columns, 0);
    return raster(tensor.data, columns, rows, at, palette, low, high);
  }
  const ordered = new Float32Array(rows * columns * 3);
  for (let r = 0, o = 0; r < rows; r++)
    for (let c = 0; c < columns; c++)
      for (let k = 0; k < 3; k++) ordered[o++] = tensor.data[index(r, c, k)]!;
  return rasterRgb(ordered, columns, rows, 3, low, high);
}

/** A file or a pasted picture as pixels, no side above `most`. */
export async function decode(file: Blob, most = 560): Promise<ImageData> {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, most / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d")!;
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** Ink of a scan or photograph, 0 to 1: what differs from the ground that lies along its edges. */
export function inkOf(image: ImageData): { rows: number; columns: number; ink: Float32Array } {
  const { width, height, data } = image;
  const grey = new Float32Array(width * height);
  for (let i = 0; i < grey.length; i++) {
    const clear = data[i * 4 + 3]! / 255;
    const light = (0.299 * data[i * 4]! + 0.587 * data[i * 4 + 1]! + 0.114 * data[i * 4 + 2]!) / 255;
    grey[i] = light * clear + 1 - clear;
  }
  const edge: number[] = [];
  for (let x = 0; x < width; x++) edge.push(grey[x]!, grey[(height - 1) * width + x]!);
  for (let y = 0; y < height; y++) edge.push(grey[y * width]!, grey[y * width + width - 1]!);
  const ground = edge.sort((a, b) => a - b)[edge.length >> 1]!;
  const dark = ground > 0.5;
  let most = 0;
  const ink = grey.map((v) => {
    const difference = Math.max(0, dark ? ground - v : v - ground);
    if (difference > most) most = difference;
    return difference;
  });
  // What is fainter than a tenth of the darkest stroke is the paper's grain.
  if (most > 0) for (let i = 0; i < ink.length; i++) ink[i] = ink[i]! < most * 0.1 ? 0 : ink[i]! / most;
  return { rows: height, columns: width, ink };
}

/** A picture of any size as the numbers of an image input, cut to its form from the middle. */
export function fitted(picture: ImageData, input: InputInfo): Float32Array {
  const image = input.image!;
  const [low, high] = valueRange(input);
  const source = document.createElement("canvas");
  source.width = picture.width;
  source.height = picture.height;
  source.getContext("2d")!.putImageData(picture, 0, 0);
  const target = document.createElement("canvas");
  target.width = image.columns;
  target.height = image.rows;
  const context = target.getContext("2d")!;
  context.imageSmoothingQuality = "high";
  const scale = Math.max(image.columns / picture.width, image.rows / picture.height);
  const w = picture.width * scale;
  const h = picture.height * scale;
  context.drawImage(source, (image.columns - w) / 2, (image.rows - h) / 2, w, h);
  const pixels = context.getImageData(0, 0, image.columns, image.rows).data;
  const out = new Float32Array(input.shape.reduce((a, b) => a * b, 1));
  const index = pixelIndex(image);
  for (let r = 0; r < image.rows; r++)
    for (let c = 0; c < image.columns; c++) {
      const p = (r * image.columns + c) * 4;
      if (image.channels < 3) {
        const light = (0.299 * pixels[p]! + 0.587 * pixels[p + 1]! + 0.114 * pixels[p + 2]!) / 255;
        out[index(r, c, 0)] = low + (high - low) * light;
      } else
        for (let k = 0; k < image.channels; k++) out[index(r, c, k)] = low + ((high - low) * pixels[p + k]!) / 255;
    }
  return out;
}
