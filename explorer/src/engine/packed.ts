// Arrays out of JSON: base64, zlib, palettes and 8 bits.

import type { Data, DType, Packed, Tensor } from "../format";
import { size, toFloat16, zeros } from "./arrays";

/** The array that Python packed. */
export async function unpack(packed: Packed): Promise<Tensor> {
  const raw = fromBase64(packed.data);
  const bytes = packed.deflate ? await inflate(raw) : raw;
  const count = size(packed.shape);
  switch (packed.coding) {
    case "raw":
      return { shape: packed.shape, data: typed(packed.dtype, bytes, count) };
    case "palette": {
      const palette = (await unpack(packed.palette!)).data;
      const numbers = packed.width === 2 ? new Uint16Array(aligned(bytes)) : bytes;
      const data = zeros(packed.dtype, count);
      for (let i = 0; i < count; i++) data[i] = palette[numbers[i]];
      return { shape: packed.shape, data };
    }
    case "bytes":
      return { shape: packed.shape, data: fromBytes(packed, bytes, count) };
  }
}

function fromBytes(packed: Packed, bytes: Uint8Array, count: number): Data {
  const { low = 0, step = 1, shape } = packed;
  const data = zeros(packed.dtype, count);
  const row = packed.delta && shape[0] ? count / shape[0] : count;
  for (let i = 0; i < count; i++) {
    if (i >= row) bytes[i] += bytes[i - row]; // a Uint8Array wraps around by itself
    data[i] = low + step * bytes[i];
  }
  return data;
}

/** Bytes of base64 text. */
export function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

async function inflate(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The bytes at the start of a buffer of their own, as typed arrays need them. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  return bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength
    ? (bytes.buffer as ArrayBuffer)
    : (bytes.slice().buffer as ArrayBuffer);
}

function typed(dtype: DType, bytes: Uint8Array, count: number): Data {
  const buffer = aligned(bytes);
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer);
    case "float64":
      return new Float64Array(buffer);
    case "int32":
      return new Int32Array(buffer);
    case "uint8":
    case "bool":
      return new Uint8Array(buffer);
    case "float16":
      return Float32Array.from(new Uint16Array(buffer), fromHalf);
    case "bfloat16":
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (h) => h << 16).buffer);
    case "int64":
      return Float64Array.from(new BigInt64Array(buffer), Number);
    case "uint64":
      return Float64Array.from(new BigUint64Array(buffer), Number);
    default: {
      const kinds = { int8: Int8Array, int16: Int16Array, uint16: Uint16Array, uint32: Uint32Array };
      const source = new kinds[dtype](buffer);
      const data = zeros(dtype, count);
      data.set(source);
      return data;
    }
  }
}

function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  const value = exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : fraction * 2 ** -24;
  return sign * toFloat16(value);
}
