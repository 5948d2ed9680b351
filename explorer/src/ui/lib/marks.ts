/** What is outlined where, for the unit that is looked at and for those that are pinned. */
import type { Mark } from "../parts/TensorCanvas.svelte";
import type { Explorer } from "../state.svelte";
import { flatIndex } from "./tiles";

const inside = (place: readonly number[], shape: readonly number[]): boolean =>
  place.length === shape.length && place.every((p, i) => p >= 0 && p < shape[i]!);

export function layerMarks(explorer: Explorer, layer: number): Mark[] {
  const marks: Mark[] = [];
  const shape = explorer.payload.layers[layer]!.outputs[0]?.shape ?? [];
  for (const pin of explorer.pinned)
    if (pin.layer === layer) marks.push({ kind: "pin", flat: flatIndex(pin.unit, shape) });
  const now = explorer.inspection;
  if (!now) return marks;
  if (now.layer === layer) marks.push({ kind: "unit", flat: flatIndex(now.unit, shape) });
  else {
    const field = now.field?.layers[layer];
    if (field && field.output === 0) marks.push({ kind: "field", mask: field.mask, box: field.box });
  }
  const term = explorer.term === null ? undefined : now.explanation?.terms[explorer.term];
  const source = term && (explorer.payload.layers[now.layer]!.arguments[term.argument]?.layer ?? now.explanation!.source);
  if (term?.inside && source === layer && inside(term.place, shape))
    marks.push({ kind: "term", flat: flatIndex(term.place, shape) });
  return marks;
}

export function inputMarks(explorer: Explorer, input: number): Mark[] {
  const info = explorer.payload.inputs[input]!;
  const marks: Mark[] = layerMarks(explorer, info.layer).filter((mark) => mark.kind === "term");
  for (const pin of explorer.pinned) {
    const field = pin.field?.inputs[input];
    if (field) marks.push({ kind: "pin", mask: field.mask });
  }
  const field = explorer.inspection?.field?.inputs[input];
  if (field) marks.push({ kind: "field", mask: field.mask });
  return marks;
}
