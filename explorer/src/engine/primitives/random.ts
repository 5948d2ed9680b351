// Random bits by counter: Philox 4x32-10, the same bits as in Python.
//
// Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3 (SC 2011).

import { size, zeros } from "../arrays";
import type { Row } from "./row";

/** High and low 32 bits of a product of two 32-bit numbers. */
function multiply(a: number, b: number): [number, number] {
  const low = Math.imul(a, b) >>> 0;
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const first = aLow * bLow;
  const middle = aHigh * bLow + (first >>> 16);
  const rest = aLow * bHigh + (middle % 65536);
  return [aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(rest / 65536), low];
}

/** The four words of a block. */
export function philox(seed: number, counter: number, block: number): [number, number, number, number] {
  let words: [number, number, number, number] = [block >>> 0, Math.floor(block / 2 ** 32), counter, 0];
  let k0 = seed >>> 0;
  let k1 = 0;
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = multiply(0xd2511f53, words[0]);
    const [high1, low1] = multiply(0xcd9e8d57, words[2]);
    words = [(high1 ^ words[1] ^ k0) >>> 0, low1, (high0 ^ words[3] ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return words;
}

const randomBits: Row = (call) => {
  const count = size(call.outputs[0].shape);
  const start = call.number("start", 0);
  return ([key]) => {
    const made = zeros("uint32", count);
    for (let block = Math.floor(start / 4); 4 * block < start + count; block++)
      philox(key[0], key[1], block).forEach((word, k) => {
        const place = 4 * block + k - start;
        if (place >= 0 && place < count) made[place] = word;
      });
    return [made];
  };
};

export const RANDOM: Record<string, Row> = { random_bits: randomBits };
