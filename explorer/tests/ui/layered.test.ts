import { describe, expect, it } from "vitest";
import { layered } from "../../src/ui/lib/layered";

const box = (id: number) => ({ id, width: 100, height: 40 });

describe("layered graphs", () => {
  it("puts a chain straight down", () => {
    const { boxes } = layered([0, 1, 2].map(box), [{ from: 0, to: 1 }, { from: 1, to: 2 }]);
    const at = [0, 1, 2].map((i) => boxes.get(i)!);
    expect(at[0]!.x).toBe(at[1]!.x);
    expect(at[1]!.x).toBe(at[2]!.x);
    expect(at[0]!.y + 40).toBeLessThan(at[1]!.y);
  });

  it("leads a skipping edge past what lies between", () => {
    const { boxes, routes } = layered([0, 1, 2].map(box), [{ from: 0, to: 1 }, { from: 1, to: 2 }, { from: 0, to: 2 }]);
    expect(routes[2]).toHaveLength(4);
    for (const point of routes[2]!.slice(1, 3)) expect(Math.abs(point.x - boxes.get(1)!.x)).toBeGreaterThan(50);
    expect(routes[2]![2]!.y - routes[2]![1]!.y).toBe(40);
  });

  it("overlaps no boxes and crosses no branches that need not", () => {
    // Two chains beside each other, given in an order that crosses them.
    const ids = [0, 1, 2, 3, 4, 5];
    const links = [{ from: 0, to: 2 }, { from: 0, to: 1 }, { from: 1, to: 4 }, { from: 2, to: 3 }, { from: 4, to: 5 }, { from: 3, to: 5 }];
    const { boxes } = layered(ids.map(box), links);
    const [a, b, c, d] = [1, 2, 4, 3].map((i) => boxes.get(i)!) as [{ x: number; y: number }, { x: number; y: number }, { x: number; y: number }, { x: number; y: number }];
    expect(Math.sign(a.x - b.x)).toBe(Math.sign(c.x - d.x));
    expect(Math.abs(a.x - b.x)).toBeGreaterThanOrEqual(100);
  });

  it("takes boxes without links, links to nowhere, and nothing at all", () => {
    expect(layered([box(7)], [{ from: 7, to: 9 }, { from: 7, to: 7 }]).routes).toEqual([[], []]);
    expect(layered([], []).height).toBe(0);
  });
});
