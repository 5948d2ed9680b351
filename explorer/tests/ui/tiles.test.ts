import { describe, expect, it } from "vitest";
import type { View } from "../../src/format";
import { arrange, cellAt } from "../../src/ui/lib/arrange";
import { flatIndex, flatOf, placeOf, tilesOf, unitOf } from "../../src/ui/lib/tiles";

const CASES: [string, View, number[]][] = [
  ["channels last", { kind: "maps", rows: 0, columns: 1, channels: 2 }, [5, 4, 3]],
  ["channels first", { kind: "maps", rows: 1, columns: 2, channels: 0 }, [3, 5, 4]],
  ["one row of maps", { kind: "maps", rows: 0, columns: 1, channels: 2 }, [1, 6, 3]],
  ["one column, one channel", { kind: "maps", rows: 0, columns: 1, channels: 2 }, [6, 1, 1]],
  ["one place", { kind: "maps", rows: 0, columns: 1, channels: 2 }, [1, 1, 7]],
  ["plane", { kind: "plane", rows: 0, columns: 1 }, [4, 6]],
  ["sequence", { kind: "sequence", steps: 0, features: 1 }, [7, 3]],
  ["vector", { kind: "vector" }, [37]],
  ["scalar", { kind: "scalar" }, []],
  ["tensor", { kind: "tensor" }, [2, 3, 4, 5]],
];

describe("tiles", () => {
  it.each(CASES)("%s: every number has one place, and the place leads back to it", (_, view, shape) => {
    const tiles = tilesOf(view, shape, 8);
    const seen = new Set<number>();
    for (let tile = 0; tile < tiles.count; tile++)
      for (let row = 0; row < tiles.rows; row++)
        for (let column = 0; column < tiles.columns; column++) {
          const flat = flatOf(tiles, tile, row, column);
          if (flat >= tiles.size) continue;
          expect(placeOf(tiles, flat)).toEqual({ tile, row, column });
          expect(flatIndex(unitOf(flat, shape), shape)).toBe(flat);
          seen.add(flat);
        }
    expect(seen.size).toBe(shape.reduce((a, b) => a * b, 1));
  });

  it.each(CASES)("%s: a press in the middle of a cell finds it, between tiles nothing", (_, view, shape) => {
    const plan = arrange(view, shape, 180);
    for (let flat = 0; flat < plan.tiles.size; flat++) {
      const { tile, row, column } = placeOf(plan.tiles, flat);
      const [x, y] = plan.corner(tile);
      expect(cellAt(plan, x + (column + 0.5) * plan.cellWidth, y + (row + 0.5) * plan.cellHeight)).toBe(flat);
    }
    expect(cellAt(plan, -1, 1)).toBeNull();
    expect(cellAt(plan, plan.width + 3, 1)).toBeNull();
  });

  it("keeps wide layers within the room, and says how many tiles are left out", () => {
    const plan = arrange({ kind: "maps", rows: 0, columns: 1, channels: 2 }, [56, 56, 512], 360, 64);
    expect(plan.width).toBeLessThanOrEqual(360);
    expect(plan.shown).toBe(64);
    expect(plan.tiles.count).toBe(512);
  });

  it("squeezes long sequences into the room", () => {
    const plan = arrange({ kind: "sequence", steps: 0, features: 1 }, [1000, 600], 300);
    expect(plan.width).toBeLessThanOrEqual(300.001);
    expect(plan.height).toBeLessThanOrEqual(600);
  });
});
