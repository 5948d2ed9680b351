// What must hold in a browser; each exported function is a check. No request, no message on the console and no
// error is allowed in any of them (run.mjs).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { close, draw, layer, noSeriousFault, number, pointAt, running, runs, settled, stepTo } from "./hands.mjs";

const VIEWS = ["network", "training", "results", "graph", "code"];
const SEVEN = [[0.25, 0.25], [0.74, 0.25], [0.45, 0.82]];

export async function draws_a_seven_with_the_mouse({ open }) {
  const page = await open("lenet");
  await running(page, () => page.getByTestId("clear").click());
  await draw(page, SEVEN);
  assert.equal(await page.getByTestId("guess").textContent(), "7");
}

export async function draws_by_keyboard({ open }) {
  const page = await open("lenet");
  await running(page, () => page.getByTestId("clear").click());
  await page.getByTestId("pad").focus();
  const press = async (key, times) => {
    for (let i = 0; i < times; i++) await page.keyboard.press(key);
  };
  await press("ArrowUp", 10);
  await page.keyboard.press("Space");
  await press("ArrowDown", 19);
  await page.keyboard.press("Space");
  await settled(page);
  assert.equal(await page.getByTestId("guess").textContent(), "1");
}

export async function draws_by_finger_at_phone_width({ open }) {
  const page = await open("lenet", { width: 400, height: 800 });
  await running(page, () => page.getByTestId("clear").click());
  const box = await page.getByTestId("pad").boundingBox();
  const touch = (type, [x, y]) =>
    page.getByTestId("pad").dispatchEvent(type, {
      pointerId: 5, pointerType: "touch", isPrimary: true, button: 0, buttons: 1,
      clientX: box.x + x * box.width, clientY: box.y + y * box.height,
    });
  // A pointer that the browser doesn't know can't be captured; a real finger is.
  await page.evaluate(() => (Element.prototype.setPointerCapture = () => {}));
  await touch("pointerdown", SEVEN[0]);
  for (let i = 1; i < SEVEN.length; i++)
    for (let k = 1; k <= 10; k++)
      await touch("pointermove", [0, 1].map((a) => SEVEN[i - 1][a] + ((SEVEN[i][a] - SEVEN[i - 1][a]) * k) / 10));
  await touch("pointerup", SEVEN[2]);
  await settled(page);
  assert.equal(await page.getByTestId("guess").textContent(), "7");
}

export async function takes_a_dropped_and_a_chosen_picture({ open, spec }) {
  const page = await open("lenet");
  const bytes = readFileSync(spec.picture).toString("base64");
  const transfer = await page.evaluateHandle((text) => {
    const data = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const made = new DataTransfer();
    made.items.add(new File([data], "digit.png", { type: "image/png" }));
    return made;
  }, bytes);
  await running(page, () => page.locator("section[aria-label^=Input]").first().dispatchEvent("drop", { dataTransfer: transfer }));
  assert.equal(await page.getByTestId("guess").textContent(), String(spec.pictureShows));
  await running(page, () => page.getByTestId("clear").click());
  await page.getByText("Perturb, drop or paste").click();
  await running(page, () => page.locator("input[type=file]").setInputFiles(spec.picture));
  assert.equal(await page.getByTestId("guess").textContent(), String(spec.pictureShows));
}

export async function pixels_can_be_changed({ open }) {
  const page = await open("lenet");
  const before = await page.getByTestId("panel").locator("ol .value").allTextContents();
  await page.getByRole("button", { name: "Pixels" }).click();
  await draw(page, [[0.1, 0.9], [0.9, 0.9]]);
  const after = await page.getByTestId("panel").locator("ol .value").allTextContents();
  assert.notDeepEqual(after, before);
  for (const name of ["Add noise", "Invert", "Shift left"]) {
    if (name === "Add noise") await page.getByText("Perturb, drop or paste").click();
    await running(page, () => page.getByRole("button", { name }).click());
  }
}

export async function shows_the_values_of_python({ open, spec }) {
  const page = await open("lenet");
  const { sample, units } = spec.lenet;
  await running(page, () => page.getByRole("button", { name: new RegExp(`^sample ${sample},`) }).first().click());
  for (const { layer: at, unit, keys, value } of units) {
    await stepTo(page, at, unit, keys);
    close(await number(page, "value"), value, 1e-5, `layer ${at} at ${unit}`);
  }
}

export async function takes_a_unit_of_a_convolution_apart({ open, spec }) {
  const page = await open("lenet");
  const { sample, conv } = spec.lenet;
  await running(page, () => page.getByRole("button", { name: new RegExp(`^sample ${sample},`) }).first().click());
  await pointAt(page, conv.layer, conv.point);
  await page.waitForFunction((text) => document.querySelector("[data-testid=unit]")?.textContent === text, `[${conv.unit.join(", ")}]`);
  const field = page.getByTestId("field");
  assert.deepEqual(JSON.parse(await field.getAttribute("data-box")), conv.box);
  assert.equal(Number(await field.getAttribute("data-count")), conv.count);
  close(await number(page, "sum"), conv.sum, 1e-5, "sum");
  close(await number(page, "bias"), conv.bias, 1e-6, "bias");
  close(await number(page, "output"), conv.output, 1e-5, "output");
  await page.getByText("All terms").click();
  await page.getByTestId("terms").locator("tbody tr").nth(conv.weights.length - 1).waitFor({ state: "attached" });
  const cells = await page.getByTestId("terms").locator("tbody tr").evaluateAll((rows) =>
    rows.map((row) => [...row.cells].map((cell) => cell.textContent.replace("−", "-"))));
  assert.equal(cells.length, conv.weights.length);
  cells.forEach((cell, i) => {
    close(Number(cell[1]), conv.inputs[i], 1e-3, `input ${i}`);
    close(Number(cell[2]), conv.weights[i], 1e-3, `weight ${i}`);
    assert.ok(Math.abs(Number(cell[3]) - conv.weights[i] * conv.inputs[i]) < 1e-3, `product ${i}`);
  });
}

export async function animates_step_by_step_and_pauses({ open, spec }) {
  const page = await open("lenet");
  const { conv } = spec.lenet;
  await pointAt(page, conv.layer, conv.point);
  await page.getByTestId("inspector").getByText("sum of").waitFor();
  await page.mouse.down();
  await page.mouse.up();
  await page.getByText("Let go").waitFor();
  await page.getByText("All terms").click();
  await page.getByTestId("terms").locator("tbody tr").first().waitFor();
  const current = page.getByTestId("terms").locator("tr.current");
  await page.getByTestId("step").click();
  assert.equal(await current.getAttribute("data-term"), "0");
  await page.getByTestId("step").click();
  assert.equal(await current.getAttribute("data-term"), "1");
  await page.getByLabel("One step back").click();
  assert.equal(await current.getAttribute("data-term"), "0");
  await page.getByLabel("speed").fill("30");
  await page.getByTestId("play").click();
  await page.waitForFunction(() => Number(document.querySelector("tr.current").dataset.term) >= 3);
  await page.getByTestId("play").click();
  const paused = await current.getAttribute("data-term");
  await page.waitForTimeout(150);
  assert.equal(await current.getAttribute("data-term"), paused);
  await page.getByRole("button", { name: "Slide window" }).click();
  const unit = await page.getByTestId("unit").textContent();
  await page.getByTestId("step").click();
  await page.waitForFunction((old) => document.querySelector("[data-testid=unit]").textContent !== old, unit);
}

export async function compares_two_pinned_units_and_shows_a_filter({ open, spec }) {
  const page = await open("lenet");
  const { conv } = spec.lenet;
  const point = async (extra) => {
    await pointAt(page, conv.layer, { ...conv.point, ...extra });
    await page.waitForTimeout(120);
  };
  await point({});
  await page.mouse.down();
  await page.mouse.up();
  await page.getByTestId("pin").click();
  await page.keyboard.press("Escape");
  await point({ tile: 1 });
  await page.mouse.down();
  await page.mouse.up();
  await page.getByTestId("pin").click();
  const heads = await page.getByTestId("compare").locator("thead th").allTextContents();
  assert.equal(heads.filter((text) => text.includes("Pinned")).length, 2);
  assert.equal(await page.getByTestId("compare").getByText(`${conv.name} [`).count(), 2);
  // What is pinned follows the sample.
  const outputs = () => page.getByTestId("compare").locator("tbody tr").nth(1).locator("td").allTextContents();
  const before = await outputs();
  await running(page, () => page.getByRole("button", { name: /^sample 1,/ }).first().click());
  await page.waitForFunction((old) => {
    const row = document.querySelectorAll("[data-testid=compare] tbody tr")[1];
    return row && row.textContent.replaceAll(/\s/g, "") !== `output${old}`;
  }, before.join("").replaceAll(/\s/g, ""));
  await page.getByTestId("top").getByRole("button").nth(8).waitFor();
  const top = await page.getByTestId("top").getByRole("button").evaluateAll((all) => all.map((b) => b.title.split(",")[0]));
  assert.deepEqual(top, spec.lenet.top.map((n) => `sample ${n}`));
}

export async function flags_dead_units({ open, spec }) {
  const page = await open("lenet");
  const { layer: at, count, keys, unit } = spec.lenet.dead;
  await layer(page, at).scrollIntoViewIfNeeded();
  assert.ok((await layer(page, at).textContent()).includes(`${count} dead`));
  await stepTo(page, at, unit, keys);
  await page.getByTestId("dead").waitFor();
}

export async function says_why({ open }) {
  const page = await open("lenet");
  for (const [button, name] of [["Saliency", "saliency"], ["Grad-CAM", "gradcam"], ["Occlusion", "occlusion"]]) {
    await page.getByRole("button", { name: button, exact: true }).click();
    await page.getByTestId("heat").filter({ hasText: name }).waitFor({ state: "attached", timeout: 15_000 });
  }
  await page.getByRole("button", { name: "Saliency", exact: true }).click();
  const heat = page.getByTestId("heat");
  await heat.waitFor({ state: "attached" });
  const before = await heat.textContent();
  await page.locator("section[aria-label^=Why] select").first().selectOption("2");
  await page.waitForFunction((old) => {
    const now = document.querySelector("[data-testid=heat]")?.textContent;
    return now && now !== old;
  }, before);
}

export async function scrubs_to_the_first_epoch({ open, spec }) {
  const page = await open("lenet");
  const { unit, keys, layer: at, value, now, name } = spec.lenet.scrub;
  await running(page, () => page.getByRole("button", { name: new RegExp(`^sample ${spec.lenet.sample},`) }).first().click());
  await stepTo(page, at, unit, keys);
  close(await number(page, "value"), now, 1e-5, "as saved");
  await running(page, () => page.getByTestId("epoch").fill("0"));
  assert.equal(await page.getByTestId("epoch-name").textContent(), name);
  await page.waitForFunction(
    ([v, t]) => Math.abs(Number(document.querySelector("[data-testid=value]").dataset.value) - v) <= t,
    [value, spec.lenet.scrub.tolerance],
  );
  const last = await page.getByTestId("epoch").getAttribute("max");
  await running(page, () => page.getByTestId("epoch").fill(last));
  close(await number(page, "value"), now, 1e-5, "as saved again");
}

export async function goes_from_a_confusion_cell_to_the_network({ open, spec }) {
  const page = await open("lenet");
  await page.locator("#tab-results").click();
  const { row, column, count, inPage } = spec.lenet.cell;
  // By keyboard from the cell beside it.
  await page.locator(`[data-cell="${row},${column ? column - 1 : 1}"]`).click();
  await page.keyboard.press(column ? "ArrowRight" : "ArrowLeft");
  await page.keyboard.press("Enter");
  const cell = page.getByTestId("cell");
  assert.ok((await cell.locator("h2").first().textContent()).endsWith(`: ${count}`));
  const thumbs = cell.locator(".thumbs").first().getByRole("button");
  assert.equal(await thumbs.count(), Math.min(inPage, 60));
  await running(page, () => thumbs.first().click());
  assert.equal(await page.locator("#tab-network").getAttribute("aria-selected"), "true");
  assert.equal(await page.getByTestId("guess").textContent(), String(column));
  await page.locator("#tab-results").click();
  assert.equal(await page.getByTestId("worst").getByRole("button").count(), spec.lenet.worst);
}

export async function turns_in_three_dimensions({ open }) {
  const page = await open("lenet");
  await page.getByTestId("deep").click();
  const scene = page.getByTestId("scene");
  await scene.scrollIntoViewIfNeeded();
  const picture = () => scene.evaluate((canvas) => canvas.toDataURL());
  await page.waitForTimeout(100);
  const first = await picture();
  const box = await scene.boundingBox();
  await page.mouse.move(box.x + 20, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + 160, box.y + 60, { steps: 4 });
  await page.mouse.up();
  await page.waitForTimeout(50);
  const turned = await picture();
  assert.notEqual(turned, first);
  await scene.focus();
  await page.keyboard.press("+");
  await page.waitForTimeout(50);
  assert.notEqual(await picture(), turned);
  await page.keyboard.press("0");
  await page.waitForTimeout(50);
  assert.equal(await picture(), first);
  // Somewhere along the middle there is a unit.
  for (let y = 0.1; y < 0.95 && !(await page.getByTestId("unit").count()); y += 0.02)
    await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * y), await page.waitForTimeout(25);
  assert.equal(await page.getByTestId("unit").count(), 1);
}

export async function hides_and_shows_layers({ open, spec }) {
  const page = await open("lenet");
  const at = spec.lenet.conv.layer;
  await page.getByRole("button", { name: `Hide ${spec.lenet.conv.name}` }).click();
  assert.equal(await layer(page, at).count(), 0);
  await page.getByText("layers shown").click();
  await page.getByRole("button", { name: "All", exact: true }).click();
  assert.equal(await page.locator("[data-layer]").count(), spec.lenet.layers);
}

export async function saves_the_graph_and_finds_layers({ open, spec }) {
  const page = await open("lenet");
  await page.locator("#tab-graph").click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("svg").click()]);
  const text = readFileSync(await download.path(), "utf8");
  assert.ok(text.includes('xmlns="http://www.w3.org/2000/svg"'));
  assert.ok(text.includes(spec.lenet.conv.name) && !text.includes("var(--"));
  await page.getByLabel("Search layers").fill(spec.lenet.conv.name);
  assert.equal(await page.locator("g.hit").count(), 1);
  await page.keyboard.press("Enter");
  await page.locator(".detail h2", { hasText: spec.lenet.conv.name }).waitFor();
  for (const shape of spec.lenet.shapes) assert.ok((await page.locator("text.shape").allTextContents()).includes(shape), shape);
  await page.locator("#tab-code").click();
  assert.equal(await page.locator("#code").textContent(), spec.lenet.code);
}

export async function shows_sequences_with_their_attention({ open, spec }) {
  const page = await open("tokens");
  const { query, key, weight, state } = spec.tokens;
  await page.locator("[data-layer]", { hasText: "MultiHeadAttention" }).scrollIntoViewIfNeeded();
  await page.getByRole("application", { name: /Attention: a tile/ }).focus();
  for (const [press, times] of [["ArrowRight", key], ["ArrowDown", query], ["PageDown", 1]])
    for (let i = 0; i < times; i++) await page.keyboard.press(press);
  const said = page.getByTestId("part-attention");
  await said.filter({ hasText: "Head 1" }).waitFor();
  const [, from, to, value] = /^Head 1: (\S+) looks at (\S+) with (\S+)$/.exec(await said.textContent());
  assert.deepEqual([from, to], spec.tokens.words);
  assert.ok(Math.abs(Number(value) - weight) <= 0.006 * weight, `attention: ${value} for ${weight}`);
  await page.locator("[data-layer]", { hasText: "LSTM" }).scrollIntoViewIfNeeded();
  await page.getByRole("application", { name: /States over time/ }).focus();
  for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  const states = page.getByTestId("part-states");
  await states.filter({ hasText: "Step 5, unit 1: " }).waitFor();
  close(Number((await states.textContent()).split(": ")[1].replace("−", "-")), state, 1e-3, "state");
  const before = await page.getByTestId("panel").locator("ol .value").allTextContents();
  const box = page.getByLabel("Tokens that go in");
  await running(page, async () => {
    await box.fill("5 4 3");
    await box.blur();
  });
  assert.notDeepEqual(await page.getByTestId("panel").locator("ol .value").allTextContents(), before);
  await box.fill("no-such-word");
  await box.blur();
  await page.getByRole("alert").filter({ hasText: "no-such-word" }).waitFor();
}

export async function shows_tables_and_runs_nothing_of_their_names({ open, spec }) {
  const page = await open("hostile");
  const text = await page.locator("body").textContent();
  for (const name of spec.hostile.names) assert.ok(text.includes(name), `${name} is not shown as text`);
  await running(page, () => page.locator("input[type=range][aria-label$=slider]").first().fill(spec.hostile.move));
  for (const view of VIEWS) {
    await page.locator(`#tab-${view}`).click();
    await page.waitForTimeout(40);
    assert.equal(await page.locator("img, iframe, main script").count(), 0);
  }
  assert.equal(await page.evaluate(() => globalThis.harmed), undefined);
}

export async function runs_in_a_notebook({ open }) {
  const page = await open("notebook", { framed: true });
  const frame = page.frameLocator("iframe");
  assert.ok(["bad", "fair", "good"].includes(await frame.getByTestId("guess").textContent()));
}

export async function works_without_workers({ open }) {
  const page = await open("lenet", { before: "delete globalThis.Worker" });
  assert.match(await page.getByTestId("guess").textContent(), /^\d$/);
}

export async function prints_light_from_dark({ open }) {
  const page = await open("lenet", { dark: true });
  const corner = () => page.getByTestId("pad").evaluate((canvas) => {
    const copy = document.createElement("canvas").getContext("2d");
    copy.drawImage(canvas, 0, 0);
    return copy.getImageData(3, 3, 1, 1).data[0];
  });
  assert.ok((await corner()) < 60);
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  assert.ok((await corner()) > 200);
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "light");
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  assert.ok((await corner()) < 60);
}

export async function fits_a_phone({ open }) {
  for (const which of ["lenet", "tokens", "hostile"]) {
    const page = await open(which, { width: 400, height: 800 });
    for (const view of VIEWS) {
      await page.locator(`#tab-${view}`).click();
      await page.waitForTimeout(40);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= 400, `${which}, ${view} is ${width} pixels wide`);
    }
  }
}

export async function is_accessible_in_light({ open, axe }) {
  const page = await open("lenet");
  await pointAt(page, 1, { rows: 24, columns: 24, tiles: 6, row: 12, column: 12 });
  await page.getByTestId("unit").waitFor();
  for (const view of VIEWS) {
    await page.locator(`#tab-${view}`).click();
    await noSeriousFault(page, axe, view);
  }
}

export async function is_accessible_in_dark_and_with_other_inputs({ open, axe }) {
  for (const which of ["lenet", "tokens", "hostile"]) {
    const page = await open(which, { dark: true });
    for (const view of which === "lenet" ? VIEWS : ["network"]) {
      await page.locator(`#tab-${view}`).click();
      await noSeriousFault(page, axe, `${which}, ${view}`);
    }
  }
}

export async function answers_each_stroke_once({ open }) {
  const page = await open("lenet");
  await running(page, () => page.getByTestId("clear").click());
  // From the pointer's event to the frame in which the answer is painted.
  await page.evaluate(() => {
    const times = (globalThis.times = []);
    let since = null;
    document.querySelector("[data-testid=pad]").addEventListener("pointermove", (event) => (since ??= event.timeStamp), true);
    new MutationObserver(() => {
      if (since === null) return;
      const from = since;
      since = null;
      const painted = new MessageChannel();
      painted.port1.onmessage = () => times.push(performance.now() - from);
      requestAnimationFrame(() => painted.port2.postMessage(0));
    }).observe(document.querySelector("[data-testid=panel]"), { attributes: true, attributeFilter: ["data-runs"] });
  });
  const box = await page.getByTestId("pad").boundingBox();
  const go = (x, y) => page.mouse.move(box.x + x * box.width, box.y + y * box.height);
  await go(...SEVEN[0]);
  await running(page, () => page.mouse.down());
  const before = await runs(page);
  await page.evaluate(() => (globalThis.times.length = 0));
  for (let i = 1; i <= 12; i++) {
    const done = await runs(page);
    await go(0.25 + 0.04 * i, 0.25);
    await page.waitForFunction((n) => Number(document.querySelector("[data-testid=panel]").dataset.runs) > n, done);
  }
  await settled(page);
  assert.equal(await runs(page), before + 12, "one run for each piece of a stroke");
  await page.waitForFunction(() => globalThis.times.length === 12);
  const times = (await page.evaluate(() => globalThis.times)).sort((a, b) => a - b);
  // A burst that comes while the network runs: what is stale is dropped, the newest is answered.
  const [burst, last] = await page.getByTestId("pad").evaluate(async (pad, [x0, y0, side]) => {
    const panel = document.querySelector("[data-testid=panel]");
    const start = Number(panel.dataset.runs);
    for (let i = 0; i <= 60; i++)
      pad.dispatchEvent(new PointerEvent("pointermove", {
        bubbles: true, pointerId: 1, buttons: 1, clientX: x0 + (0.74 - 0.29 * (i / 60)) * side, clientY: y0 + (0.25 + 0.57 * (i / 60)) * side,
      }));
    await new Promise((resume) => setTimeout(resume, 600));
    return [Number(panel.dataset.runs) - start, document.querySelector("[data-testid=guess]").textContent];
  }, [box.x, box.y, box.width]);
  await page.mouse.up();
  assert.ok(burst >= 1 && burst <= 2, `${burst} runs for 61 events at once`);
  assert.equal(last, "7");
  return `stroke to painted answer: median ${times[6].toFixed(0)} ms, longest ${times[11].toFixed(0)} ms`;
}

export async function pastes_a_picture_and_copies_the_code({ open, spec }) {
  const page = await open("lenet");
  const bytes = readFileSync(spec.picture).toString("base64");
  await running(page, () => page.evaluate((text) => {
    const data = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([data], "digit.png", { type: "image/png" }));
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }));
  }, bytes));
  assert.equal(await page.getByTestId("guess").textContent(), String(spec.pictureShows));
  await page.locator("#tab-code").click();
  await page.getByTestId("copy").click();
  await page.getByTestId("copy").filter({ hasText: "Copied" }).waitFor();
  await page.locator("#tab-graph").click();
  // The clipboard's text lands where it is pasted.
  const search = page.getByLabel("Search layers");
  await search.evaluate((input) => input.addEventListener("paste", (event) => (globalThis.pasted = event.clipboardData.getData("text"))));
  await search.focus();
  await page.keyboard.press("Control+v");
  await page.waitForFunction(() => globalThis.pasted !== undefined);
  assert.equal(await page.evaluate(() => globalThis.pasted), spec.lenet.code);
}

export async function prints_all_layers_and_no_buttons({ open, spec }) {
  const page = await open("lenet", { dark: true });
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.getByRole("tab").first().isVisible(), false);
  assert.equal(await page.getByTestId("clear").isVisible(), false);
  const painted = await page.locator("[data-layer]").evaluateAll((cards) => cards.map((card) => {
    const canvas = card.querySelector("canvas");
    return !!canvas && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((v) => v > 0);
  }));
  assert.ok(painted.length >= spec.lenet.layers - 1 && painted.every(Boolean), `layers painted: ${painted}`);
  const pdf = await page.pdf({ printBackground: true });
  assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
}

export async function shows_calibration_and_histograms({ open, spec }) {
  const page = await open("lenet");
  await page.locator("#tab-results").click();
  const { calibration, histograms } = spec.lenet;
  const plot = page.locator("svg[aria-label^='Accuracy by confidence']");
  const bins = calibration.bins.filter((bin) => bin.count);
  const bars = await plot.locator("rect").evaluateAll((all) => all.map((bar) => Number(bar.getAttribute("height"))));
  assert.equal(bars.length, bins.length);
  bins.forEach((bin, i) => close(bars[i] / 220, bin.accuracy, 1e-6, `bar ${i}`));
  const dots = await plot.locator("circle").evaluateAll((all) => all.map((dot) => Number(dot.getAttribute("cx"))));
  bins.forEach((bin, i) => close(dots[i] / 220, bin.confidence, 1e-6, `dot ${i}`));
  await page.getByText(`error ${(calibration.error * 100).toFixed(2)} %`).waitFor();
  await page.locator("#tab-training").click();
  const drawn = page.getByTestId("histogram");
  assert.equal(await drawn.count(), histograms.length);
  // The bars of the last epoch: their heights are as their counts.
  const shape = () => drawn.first().locator("path.now").getAttribute("d");
  const heights = (await shape()).split("L").slice(1, -1).map((at) => 130 - Number(at.split(" ")[1]));
  const counts = histograms[0].at(-1);
  const scale = Math.max(...heights) / Math.max(...counts);
  counts.forEach((n, i) => assert.ok(Math.abs(heights[2 * i] - n * scale) < 0.2, `bin ${i}: ${heights[2 * i]} for ${n}`));
  const last = await shape();
  await running(page, () => page.getByTestId("epoch").fill("0"));
  assert.notEqual(await shape(), last);
  await page.getByRole("heading", { name: "Weights before training" }).waitFor();
}

export async function takes_two_inputs_and_gives_two_outputs({ open, spec }) {
  const page = await open("two");
  const { sample, moved, first, second, outputs } = spec.two;
  await running(page, () => page.getByRole("button", { name: new RegExp(`^sample ${sample}\\b`) }).first().click());
  const shown = async () => (await page.getByTestId("answer-value").allTextContents()).map((text) => Number(text.replace("−", "-").replace("%", "")));
  const near = (got, wanted) => {
    assert.equal(got.length, wanted.length);
    got.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) <= 0.051, `${got} for ${wanted}`));
  };
  near(await shown(), outputs.before);
  const box = page.getByLabel(moved.name, { exact: true });
  await running(page, async () => {
    await box.fill(String(moved.value));
    await box.press("Enter");
  });
  near(await shown(), outputs.after);
  // Reasons for each of the inputs.
  await page.getByRole("button", { name: "Saliency", exact: true }).click();
  const heat = page.getByTestId("heat");
  await heat.waitFor({ state: "attached" });
  const range = async () => (await heat.textContent()).replaceAll("−", "-").match(/-?[\d.e-]+(?= to)|(?<=to )-?[\d.e-]+/g).map(Number);
  const within = (got, wanted) => got.forEach((v, i) => close(v, wanted[i], 2e-3, "reasons"));
  within(await range(), first);
  const old = await heat.textContent();
  await page.getByTestId("heat-input").selectOption("1");
  await page.waitForFunction((text) => {
    const now = document.querySelector("[data-testid=heat]")?.textContent;
    return now && now !== text;
  }, old);
  within(await range(), second);
  assert.equal(await page.getByRole("button", { name: "Grad-CAM", exact: true }).count(), 0);
  await page.locator("#tab-graph").click();
  assert.equal(await page.locator("text.shape", { hasText: "6 × 6 × 1" }).count(), 1);
}

export async function answers_what_is_typed({ open, spec }) {
  const page = await open("text");
  for (const { typed, tokens, answer } of spec.text.cases) {
    await running(page, () => page.getByLabel("Text that goes in").fill(typed));
    const rows = await page.getByTestId("answer-value").allTextContents();
    assert.ok(Math.abs(parseFloat(rows[1]) - answer * 100) <= 0.051, `${typed}: ${rows} for ${answer}`);
    const chips = await page.getByRole("listitem").filter({ visible: true }).evaluateAll((all) => all.filter((chip) => /token \d/.test(chip.title)).map((chip) => Number(/token (\d+)/.exec(chip.title)[1])));
    assert.deepEqual(chips, tokens);
  }
  assert.equal(await page.locator("img, main script").count(), 0);
  await page.getByRole("button", { name: "Occlusion", exact: true }).click();
  await page.getByTestId("heat").waitFor({ state: "attached" });
  const reason = page.locator(`[title*="reason"]`);
  assert.ok((await reason.count()) >= spec.text.cases.at(-1).tokens.length);
}

export async function picks_units_of_the_nodes_by_keyboard({ open }) {
  const page = await open("lenet");
  await page.getByTestId("deep").click();
  await page.getByTestId("scene").focus();
  const press = async (key, times = 1) => {
    for (let i = 0; i < times; i++) await page.keyboard.press(key);
  };
  const unit = page.getByTestId("unit");
  await press("PageUp"); // the input, in its middle
  await press("PageUp");
  await unit.filter({ hasText: "[" }).waitFor();
  const at = async () => JSON.parse(await unit.textContent());
  await page.waitForFunction(() => document.querySelector("[data-testid=inspector] h2")?.textContent.startsWith("first"));
  const [row, column, channel] = await at();
  const shows = (...unit) => page.waitForFunction((text) => document.querySelector("[data-testid=unit]").textContent === text, `[${unit.join(", ")}]`);
  await press("Shift+ArrowRight");
  await shows(row, column + 1, channel);
  await press("Shift+ArrowDown", 2);
  await shows(row + 2, column + 1, channel);
  await press("Enter");
  await page.getByText("Let go").waitFor();
  await page.getByTestId("sum").waitFor();
  assert.match(await page.locator("[aria-live=polite].unseen").textContent(), /Holding first/);
  await press("PageUp", 9);
  await page.waitForFunction((count) => JSON.parse(document.querySelector("[data-testid=unit]").textContent).length === count, 1);
}
