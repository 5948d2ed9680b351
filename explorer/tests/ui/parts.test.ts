import { describe, expect, it } from "vitest";
import type { Explanation } from "../../src/format";
import { logTicks, ticks } from "../../src/ui/lib/axis";
import { palettes, reach } from "../../src/ui/lib/colour";
import { highlight } from "../../src/ui/lib/highlight";
import { latest } from "../../src/ui/lib/latest";
import { brief, count } from "../../src/ui/lib/numbers";
import { flatAt, planesOf, project, unproject } from "../../src/ui/lib/scene";
import { nextUnit, runningSums, slicesOf } from "../../src/ui/lib/windows";

describe("numbers", () => {
  it("are short and keep their size", () => {
    expect(brief(0.123456)).toBe("0.1235");
    expect(brief(-12)).toBe("−12");
    expect(brief(1.5e-7)).toBe("1.50e−7");
    expect(brief(NaN)).toBe("NaN");
    expect(brief(-Infinity)).toBe("−∞");
    expect(count(61706)).toBe("61.7 k");
    expect(count(2416)).toBe("2\u202f416");
    expect(count(138_357_544)).toBe("138 M");
  });
  it("on axes are round", () => {
    expect(ticks(0, 1, 4)).toEqual([0, 0.5, 1]);
    expect(ticks(3, 3)).toEqual([3]);
    expect(logTicks(0.004, 30)).toEqual([0.01, 0.1, 1, 10]);
  });
});

describe("colours", () => {
  it("are zero's in the middle, and warm above it", () => {
    for (const dark of [false, true]) {
      const { words } = palettes(dark).signed;
      const red = (i: number) => words[i]! & 255, blue = (i: number) => (words[i]! >> 16) & 255;
      expect(red(220)).toBeGreaterThan(blue(220) + 60);
      expect(blue(35)).toBeGreaterThan(red(35) + 60);
      expect(Math.abs(red(127) - blue(127))).toBeLessThan(14);
    }
  });
  it("ignore what is no number", () => {
    expect(reach([1, NaN, -3, Infinity])).toBe(3);
    expect(reach([0, 0])).toBe(1);
  });
});

describe("code in pieces", () => {
  it("is the code again when joined", () => {
    const code = 'import keras  # "no string"\nx = keras.Input((28, 1e-3))\ns = "a # b \\" c"\n<script>alert(1)</script>';
    const pieces = highlight(code);
    expect(pieces.map((p) => p.text).join("")).toBe(code);
    expect(pieces.filter((p) => p.kind === "comment").map((p) => p.text)).toEqual(['# "no string"']);
    expect(pieces.filter((p) => p.kind === "string").map((p) => p.text)).toEqual(['"a # b \\" c"']);
    expect(pieces.filter((p) => p.kind === "keyword").map((p) => p.text)).toEqual(["import"]);
  });
});

describe("latest", () => {
  it("runs the first and the newest of many calls, and answers all", async () => {
    const seen: number[] = [];
    let free: () => void = () => {};
    const call = latest(async (n: number) => {
      seen.push(n);
      if (n === 1) await new Promise<void>((resolve) => (free = resolve));
    });
    const all = [call(1), call(2), call(3)];
    free();
    await Promise.all(all);
    expect(seen).toEqual([1, 3]);
    await call(4);
    expect(seen).toEqual([1, 3, 4]);
  });
  it("goes on after a failure", async () => {
    const call = latest(async (n: number) => {
      if (n === 1) throw new Error("no");
    });
    await expect(call(1)).rejects.toThrow("no");
    await expect(call(2)).resolves.toBeUndefined();
  });
});

describe("windows", () => {
  const term = (product: number) => ({ place: [], argument: 0, inside: true, input: 1, weight: product, product });
  const explanation = (grid: number[], n: number) => ({ grid, terms: Array.from({ length: n }, (_, i) => term(i)) }) as unknown as Explanation;

  it("are cut by channel, channels being last", () => {
    const slices = slicesOf(explanation([2, 3, 4], 24));
    expect([slices.count, slices.columns, slices.perSlice]).toEqual([4, 3, 6]);
    expect(slices.term(1, 5)).toBe(21);
    expect([slices.sliceOf(21), slices.cellOf(21)]).toEqual([1, 5]);
  });
  it("of dense layers are one block", () => {
    const slices = slicesOf(explanation([10], 10));
    expect([slices.count, slices.columns, slices.perSlice]).toEqual([1, 4, 10]);
  });
  it("add up", () => {
    expect([...runningSums([1, 2, 3].map(term))]).toEqual([1, 3, 6]);
  });
  it("slide row by row and start again", () => {
    expect(nextUnit([0, 3, 5], [4, 4, 8], [0, 1], 1)).toEqual([1, 0, 5]);
    expect(nextUnit([3, 3, 5], [4, 4, 8], [0, 1], 1)).toEqual([0, 0, 5]);
    expect(nextUnit([0, 0, 5], [4, 4, 8], [0, 1], -1)).toEqual([3, 3, 5]);
  });
});

describe("the scene", () => {
  it("finds from any side the cell that is drawn there", () => {
    const planes = planesOf([
      { layer: 0, view: { kind: "maps", rows: 0, columns: 1, channels: 2 }, shape: [6, 5, 9] },
      { layer: 1, view: { kind: "vector" }, shape: [10] },
    ]);
    for (const camera of [{ yaw: -0.45, pitch: 0.5, zoom: 1 }, { yaw: 2, pitch: -1, zoom: 3 }]) {
      const projection = project(planes, camera, 600, 400);
      for (const plane of planes) {
        const to = projection.plane(plane);
        const [u, v] = [plane.columns - 0.5, 0.5];
        const [x, y] = [to[0] * u + to[2] * v + to[4], to[1] * u + to[3] * v + to[5]];
        const back = unproject(to, x, y);
        expect(back[0]).toBeCloseTo(u, 6);
        expect(back[1]).toBeCloseTo(v, 6);
      }
    }
    expect(flatAt(planes[0]!, 0.5, 0.5)).toBe(0);
    expect(flatAt(planes[0]!, 5.5, 0.5)).toBeNull(); // the seam between two maps
    expect(flatAt(planes[0]!, 6.5, 0.5)).toBe(1); // the second map's first cell
    expect(flatAt(planes[1]!, 9.5, 0.5)).toBe(9);
  });
});
