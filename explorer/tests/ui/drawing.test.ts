import { describe, expect, it } from "vitest";
import { enlarge, setBlock, sheet, stroke } from "../../src/ui/lib/ink";
import { inkOf } from "../../src/ui/lib/pictures";

const total = (ink: Float32Array) => ink.reduce((a, b) => a + b, 0);

describe("ink", () => {
  it("covers the area of a disc and of a bar", () => {
    const page = sheet(100, 100);
    stroke(page, 50, 50, 50, 50, 20);
    expect(total(page.ink)).toBeCloseTo(Math.PI * 400, -1.5);
    const bar = sheet(100, 100);
    stroke(bar, 20, 50, 80, 50, 5);
    expect(total(bar.ink)).toBeCloseTo(60 * 10 + Math.PI * 25, -1.5);
  });

  it("takes away what it drew, and never leaves 0 to 1", () => {
    const page = sheet(40, 40);
    stroke(page, 5, 5, 35, 35, 4);
    stroke(page, 5, 35, 35, 5, 4);
    expect(Math.max(...page.ink)).toBe(1);
    stroke(page, 0, 20, 40, 20, 60, true);
    expect(total(page.ink)).toBe(0);
  });

  it("stays on the sheet when the pen leaves it", () => {
    const page = sheet(10, 10);
    stroke(page, -50, -50, 60, 60, 1);
    expect(page.ink[0]).toBe(1);
    expect(page.ink[9]).toBe(0);
  });

  it("shows small pictures as blocks", () => {
    const page = sheet(6, 6);
    enlarge(page, 3, (r, c) => (r === 1 && c === 0 ? 0.5 : 0));
    setBlock(page, 3, 0, 1, 1);
    expect(total(page.ink)).toBeCloseTo(9 * 0.5 + 9);
    expect(page.ink[3 * 6]).toBe(0.5);
    expect(page.ink[3]).toBe(1);
  });
});

function picture(width: number, height: number, colour: (x: number, y: number) => number[]): ImageData {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set(colour(x, y), (y * width + x) * 4);
  return { width, height, data, colorSpace: "srgb" } as unknown as ImageData;
}

describe("ink of pictures", () => {
  const inside = (x: number, y: number) => x >= 4 && x < 8 && y >= 2 && y < 9;
  const expected = (ink: Float32Array) => {
    for (let y = 0; y < 12; y++) for (let x = 0; x < 12; x++) expect(ink[y * 12 + x]).toBeCloseTo(inside(x, y) ? 1 : 0, 5);
  };

  it("is what is dark on light paper", () => {
    expected(inkOf(picture(12, 12, (x, y) => (inside(x, y) ? [30, 30, 30, 255] : [240, 240, 240, 255]))).ink);
  });
  it("is what is light on dark ground", () => {
    expected(inkOf(picture(12, 12, (x, y) => (inside(x, y) ? [255, 255, 255, 255] : [0, 0, 0, 255]))).ink);
  });
  it("is what is drawn on nothing", () => {
    expected(inkOf(picture(12, 12, (x, y) => (inside(x, y) ? [0, 0, 0, 255] : [0, 0, 0, 0]))).ink);
  });
  it("leaves the grain of the paper out", () => {
    expected(inkOf(picture(12, 12, (x, y) => (inside(x, y) ? [0, 0, 0, 255] : [240 + ((x * 7 + y) % 3), 240, 240, 255]))).ink.map((v) => Math.round(v)) as Float32Array);
  });
  it("is nothing on an empty page", () => {
    expect(total(inkOf(picture(5, 4, () => [200, 200, 200, 255])).ink)).toBe(0);
  });
});
