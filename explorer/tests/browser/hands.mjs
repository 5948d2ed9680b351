// What a reader's hands do, and what a test sees.
import assert from "node:assert/strict";

/** The number of the newest result of the network. */
export const runs = async (page) => Number(await page.getByTestId("panel").getAttribute("data-runs"));

/** Does something that makes the network run, and waits until the newest result is there. */
export async function running(page, act) {
  const before = await runs(page);
  await act();
  await page.waitForFunction((n) => Number(document.querySelector("[data-testid=panel]").dataset.runs) > n, before);
  await settled(page);
}

/** Until no result has come for a while: strokes are many runs. */
export async function settled(page) {
  for (let last = -1, now = await runs(page); now !== last; now = await runs(page)) {
    last = now;
    await page.waitForTimeout(70);
  }
}

/** Draws lines through points, which are shares of the sheet's sides. */
export async function draw(page, points) {
  const pad = page.getByTestId("pad");
  await pad.scrollIntoViewIfNeeded();
  const box = await pad.boundingBox();
  const at = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.move(...at(points[0]));
  await page.mouse.down();
  for (const point of points.slice(1)) await page.mouse.move(...at(point), { steps: 8 });
  await page.mouse.up();
  await settled(page);
}

export const layer = (page, number) => page.locator(`[data-layer="${number}"]`);

/** Points at a cell of a layer: tile, row and column as they are drawn, given the sizes of a tile. */
export async function pointAt(page, number, { tile = 0, row = 0, column = 0, rows, columns, tiles = 1 }) {
  const canvas = layer(page, number).getByRole("application");
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  // As arrange() lays tiles out: a gap of 6 pixels, rows filled from the left.
  let perRow = tiles;
  let side = (box.width + 6) / perRow - 6;
  while (perRow > 1 && Math.abs(((side / columns) * rows + 6) * Math.ceil(tiles / perRow) - 6 - box.height) > 1.5) {
    perRow -= 1;
    side = (box.width + 6) / perRow - 6;
  }
  const cell = side / columns;
  const x = (tile % perRow) * (side + 6) + (column + 0.5) * cell;
  const y = Math.floor(tile / perRow) * (cell * rows + 6) + (row + 0.5) * cell;
  await page.mouse.move(box.x + x, box.y + y);
}

/** Moves over the layer's units by keyboard alone, to the unit that has these indices. */
export async function stepTo(page, number, unit, keys) {
  const canvas = layer(page, number).getByRole("application");
  await canvas.focus();
  for (const [key, times] of keys) for (let i = 0; i < times; i++) await page.keyboard.press(key);
  await page.waitForFunction((text) => document.querySelector("[data-testid=unit]")?.textContent === text, `[${unit.join(", ")}]`);
}

export const number = async (page, id) => Number(await page.getByTestId(id).first().getAttribute("data-value"));

export function close(actual, expected, tolerance, what) {
  const allowed = tolerance * Math.max(1, Math.abs(expected));
  assert.ok(Math.abs(actual - expected) <= allowed, `${what}: the page shows ${actual}, Python has ${expected}`);
}

export async function noSeriousFault(page, axe, where) {
  // The page's policy lets no script in; an evaluation by the debugger isn't one.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  const text = serious.map((v) => `${v.id}: ${v.help}\n  ${v.nodes.slice(0, 4).map((n) => `${n.html.slice(0, 160)} ${n.failureSummary?.replaceAll("\n", " ").slice(0, 220)}`).join("\n  ")}`);
  assert.equal(serious.length, 0, `${where}: ${text.join("\n")}`);
}
